"""An operator that looks at all namespaces, and the API of the Prometheus operator where a cluster has it."""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ameide_devstack import Kubernetes
from ameide_devstack.testing import wait_for, wait_until
from ameide_operator.operator import Operator
from ameide_operator.testing import FakeKubelet, process_resource
from lightkube import KubeConfig

pytestmark = pytest.mark.e2e

ROLE_FILE = Path(__file__).parents[2] / "role.yaml"
CRD = "servicemonitors.monitoring.coreos.com"
MODULE = "github.com/prometheus-operator/prometheus-operator@v0.86.1"
"""The release whose CRD is installed: the API itself, with its validation."""
SHA256 = "83018c89a96917ebb1e03bf4917b2562883ca493b641b8c37f6034d2137136d2"
NAMESPACES = ("wide-a", "wide-b")


def prometheus_crd() -> str:
    """The CRD of ServiceMonitors as its project ships it, from Go's module cache."""
    go = shutil.which("go")
    assert go is not None, "install Go, as all of e2e needs"
    # The digest is checked here, in the place of Go's checksum database, which not every proxy passes on.
    environment = {**os.environ, "GONOSUMDB": MODULE.partition("@")[0]}
    command = [go, "mod", "download", "-json", MODULE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = Path(json.loads(done.stdout)["Dir"])
    content = (folder / "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml").read_bytes()
    assert hashlib.sha256(content).hexdigest() == SHA256
    return content.decode()


@pytest.fixture
async def config(cluster_alone: tuple[Kubernetes, Any], tmp_path: Path) -> Any:
    """A way in with the rules of the shipped Role in all namespaces, as the chart grants them with clusterWide."""
    cluster, kubectl = cluster_alone
    rules = yaml.safe_load(ROLE_FILE.read_text())["rules"]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": rules,
            "metadata": {"name": "ameide-operator"}}  # fmt: skip
    account = "wide-operators:ameide-operator"

    def run(*arguments: str, content: str | None = None) -> str:
        done = kubectl(*arguments, content=content)
        assert done.returncode == 0, done.stderr
        return done.stdout

    for namespace in ("wide-operators", *NAMESPACES):
        run("create", "namespace", namespace)
    run("--namespace=wide-operators", "create", "serviceaccount", "ameide-operator")
    run("apply", "-f", "-", content=json.dumps(role))
    run(
        "create",
        "clusterrolebinding",
        "ameide-operator",
        "--clusterrole=ameide-operator",
        f"--serviceaccount={account}",
    )
    token = run("--namespace=wide-operators", "create", "token", "ameide-operator").strip()
    cluster.write_kubeconfig(tmp_path / "wide", token=token)
    return KubeConfig.from_file(tmp_path / "wide").get()


async def test_it_serves_all_namespaces_and_makes_service_monitors_once_their_api_is_there(
    cluster_alone: tuple[Kubernetes, Any], config: Any, running: Any
):
    cluster, kubectl = cluster_alone

    async def run(*arguments: str, content: str | None = None) -> str:
        done = await asyncio.to_thread(kubectl, *arguments, content=content)
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def apply(namespace: str, image: str) -> None:
        resource = process_resource("orders", namespace=namespace, image={"worker": image})
        await run("apply", "-f", "-", content=json.dumps(resource))

    async def ready(namespace: str) -> None:
        of = ("process/orders", "--namespace", namespace)
        await run("wait", *of, "--for=condition=WorkloadReady", "--timeout=60s")

    async def images() -> list[str]:
        path = "jsonpath={.items[*].spec.template.spec.containers[0].image}"
        return (await run("get", "deployment", "-A", "-l", "app.kubernetes.io/component=worker", "-o", path)).split()

    async def monitors() -> list[str]:
        path = "jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {end}"
        return sorted((await run("get", CRD, "-A", "-o", path)).split())

    admin = KubeConfig.from_file(cluster.kubeconfig).get()
    assert admin is not None
    operator = Operator(config, namespace=None, monitor_seconds=1, resync_seconds=4)
    async with FakeKubelet(admin, NAMESPACES[0]), FakeKubelet(admin, NAMESPACES[1]), running(operator):
        for namespace in NAMESPACES:
            await apply(namespace, f"registry.test/{namespace}:1")
            await ready(namespace)
        assert sorted(await images()) == [f"registry.test/{namespace}:1" for namespace in NAMESPACES]
        await apply(NAMESPACES[0], "registry.test/other:2")
        await wait_until(lambda: _is(images, ["registry.test/other:2", "registry.test/wide-b:1"]), timeout_s=30)

        await run("apply", "--server-side", "-f", "-", content=await asyncio.to_thread(prometheus_crd))
        try:
            await wait_for(lambda: kubectl("get", CRD, "-A").returncode == 0, timeout_s=30)
            await wait_until(lambda: _is(monitors, ["wide-a/orders", "wide-b/orders"]), timeout_s=60)
            await run("delete", CRD, "orders", "--namespace=wide-a")
            await wait_until(lambda: _is(monitors, ["wide-a/orders", "wide-b/orders"]), timeout_s=60)
            await run("delete", "process", "orders", "--namespace=wide-b")
            await wait_until(lambda: _is(monitors, ["wide-a/orders"]), timeout_s=60)
        finally:
            await run("delete", "crd", CRD, "--wait=false")
        await asyncio.sleep(5)  # it finds the API gone
        await apply(NAMESPACES[0], "registry.test/other:3")
        await wait_until(lambda: _is(images, ["registry.test/other:3"]), timeout_s=60)
        generation = await run("get", "process/orders", "-n", NAMESPACES[0], "-o", "jsonpath={.metadata.generation}")
        judged = f"--for=jsonpath={{.status.observedGeneration}}={generation}"
        await run("wait", "process/orders", "--namespace", NAMESPACES[0], judged, "--timeout=30s")


async def _is(question: Any, answer: list[str]) -> bool:
    return sorted(await question()) == answer
