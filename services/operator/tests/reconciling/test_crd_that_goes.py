"""What the operator does when its own API goes away and comes back."""

import asyncio
import json
from typing import Any

import pytest
import structlog
from ameide_devstack import Kubernetes
from ameide_devstack.testing import wait_for, wait_until
from ameide_operator.operator import Operator
from ameide_operator.testing import FakeKubelet, process_resource
from lightkube import KubeConfig

pytestmark = pytest.mark.e2e

CRD = "processes.ameide.io"
NAMESPACE = "default"


async def test_serves_again_after_the_crd_was_deleted_and_made_again(
    cluster_alone: tuple[Kubernetes, Any], running: Any, pytestconfig: pytest.Config
):
    cluster, kubectl = cluster_alone

    async def run(*arguments: str, content: str | None = None) -> str:
        done = await asyncio.to_thread(kubectl, *arguments, content=content)
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def deploys(name: str) -> None:
        resource = process_resource(name, namespace=NAMESPACE)
        await run("apply", "-f", "-", content=json.dumps(resource))

        async def is_ready() -> bool:
            path = 'jsonpath={.status.conditions[?(@.type=="WorkloadReady")].status}'
            return await run("get", "process", name, "-o", path) == "True"

        await wait_until(is_ready, timeout_s=30)

    crd_file = pytestconfig.rootpath / "services/operator/crd.yaml"
    admin = KubeConfig.from_file(cluster.kubeconfig).get()
    assert admin is not None
    with structlog.testing.capture_logs() as logged:
        async with (
            FakeKubelet(admin, NAMESPACE),
            running(Operator(admin, namespace=NAMESPACE, monitor_seconds=1, watch_seconds=5)),
        ):
            await deploys("orders")
            # Other names: the garbage collector looks only now and then whether the first one's children have an owner.
            for name in ("billing", "shipping"):
                await run("delete", "crd", CRD)
                await wait_for(lambda: any("install its CRD" in each["event"] for each in logged), timeout_s=30)
                logged.clear()
                await asyncio.sleep(5)
                assert [each for each in logged if each["log_level"] not in {"info", "debug"}] == []
                await run("apply", "--server-side", "-f", str(crd_file))
                await wait_for(lambda: kubectl("get", "processes").returncode == 0)
                await deploys(name)
