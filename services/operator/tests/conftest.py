"""One Kubernetes control plane for all end-to-end tests of a run, with the CRD in it; a namespace for each test."""

import asyncio
import itertools
import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ameide_devstack import Kubernetes
from ameide_devstack.testing import wait_for, wait_until
from ameide_operator.operator import Operator
from ameide_operator.testing import FakeKubelet, process_resource
from lightkube import KubeConfig, SingleConfig

KUBECTL = Path(sys.executable).with_name("kubectl")
ROLE_FILE = Path(__file__).parents[1] / "role.yaml"
CRD_FILE = Path(__file__).parents[1] / "crd.yaml"
PATIENCE_S = 60.0
NEVER = timedelta(hours=1)
"""Before pods are doubted that have no worker behind them, as those of the fake kubelet."""
_NUMBERS = itertools.count()

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
async def cluster() -> AsyncGenerator[Kubernetes]:
    async with Kubernetes() as server:
        yield server


@pytest.fixture(scope="session")
async def kubectl(cluster: Kubernetes) -> Kubectl:
    """Runs kubectl as a person does, after the CRD is served."""
    return await _kubectl(cluster)


@pytest.fixture
async def cluster_alone() -> AsyncGenerator[tuple[Kubernetes, Kubectl]]:
    """A control plane with nothing of other tests in it, and its kubectl."""
    async with Kubernetes() as server:
        yield server, await _kubectl(server)


async def _kubectl(cluster: Kubernetes) -> Kubectl:
    def run(*arguments: str, content: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [KUBECTL, "--kubeconfig", cluster.kubeconfig, *arguments],
            input=content,
            capture_output=True,
            text=True,
            check=False,
        )

    applied = run("apply", "--server-side", "-f", str(CRD_FILE))
    assert applied.returncode == 0, applied.stderr
    await wait_for(lambda: "Process" in run("explain", "processes.ameide.io").stdout)
    return run


@dataclass
class Bed:
    """A namespace with an operator and a kubelet in it."""

    kubectl: Kubectl
    config: SingleConfig
    namespace: str
    kubelet: FakeKubelet

    async def run(self, *arguments: str, content: str | None = None) -> str:
        """What a command of kubectl in the namespace prints; it must succeed."""
        done = await asyncio.to_thread(self.kubectl, "--namespace", self.namespace, *arguments, content=content)
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def apply(self, name: str = "orders", **spec: Any) -> None:
        """Creates or changes a Process, as a person does."""
        resource = process_resource(name, namespace=self.namespace, **spec)
        await self.run("apply", "-f", "-", content=json.dumps(resource))

    async def get(self, kind: str, name: str) -> dict[str, Any]:
        """An object; empty where it is not there."""
        text = await self.run("get", kind, name, "--ignore-not-found", "-o", "json", "--show-managed-fields")
        return json.loads(text or "{}")

    async def conditions(self, name: str = "orders") -> Mapping[str, Mapping[str, Any]]:
        """Conditions of a Process, by type."""
        status = (await self.get("process", name)).get("status", {})
        return {each["type"]: each for each in status.get("conditions", ())}

    async def until(
        self, condition: str, status: str, reason: str | None = None, words: str = "", *, name: str = "orders"
    ) -> Mapping[str, Any]:
        """The condition as soon as it is so, of the spec that there is now, and has the words in its message."""
        seen: list[object] = []

        async def found() -> Mapping[str, Any] | None:
            process = await self.get("process", name)
            conditions = process.get("status", {}).get("conditions", ())
            nothing: Mapping[str, Any] = {}
            each = next((each for each in conditions if each["type"] == condition), nothing)
            if each and (not seen or seen[-1] != each):
                seen.append(each)
            # What was said of an earlier spec may be what is waited for.
            is_of_now = each.get("observedGeneration") == process.get("metadata", {}).get("generation")
            fits = is_of_now and each.get("status") == status and reason in {None, each.get("reason")}
            return each if fits and words in each["message"] else None

        try:
            result = await wait_until(found, timeout_s=PATIENCE_S)
        except TimeoutError:
            pytest.fail(f"{condition} never became {status} {reason} {words}; seen: {json.dumps(seen, indent=1)}")
        assert result is not None
        return result


def _config(kubeconfig: Path) -> SingleConfig:
    config = KubeConfig.from_file(kubeconfig).get()
    assert config is not None
    return config


def _operator_kubeconfig(cluster: Kubernetes, kubectl: Kubectl, namespace: str, path: Path) -> Path:
    """A way in that may do what the shipped Role says, and nothing else."""
    account = ("--serviceaccount", f"{namespace}:ameide-operator")
    for arguments in (
        ("create", "serviceaccount", "ameide-operator"),
        ("apply", "-f", str(ROLE_FILE)),
        ("create", "rolebinding", "ameide-operator", "--role=ameide-operator", *account),
    ):
        done = kubectl("--namespace", namespace, *arguments)
        assert done.returncode == 0, done.stderr
    token = kubectl("--namespace", namespace, "create", "token", "ameide-operator").stdout.strip()
    cluster.write_kubeconfig(path, token=token, namespace=namespace)
    return path


@pytest.fixture
async def bed_alone(cluster: Kubernetes, kubectl: Kubectl) -> AsyncGenerator[Bed]:
    """A namespace of its own, and a kubelet whose pods become ready; no operator."""
    namespace = f"test-{next(_NUMBERS)}"
    assert kubectl("create", "namespace", namespace).returncode == 0
    config = _config(cluster.kubeconfig)
    async with FakeKubelet(config, namespace) as kubelet:
        yield Bed(kubectl, config, namespace, kubelet)
    kubectl("delete", "namespace", namespace, "--wait=false")


Running = Callable[[Operator], AbstractAsyncContextManager[None]]


@pytest.fixture
def running() -> Running:
    """Runs an operator while its block runs."""
    return _running


@asynccontextmanager
async def _running(operator: Operator) -> AsyncGenerator[None]:
    task = asyncio.create_task(operator.run())
    yield
    if task.done():
        task.result()  # raises what ended it
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture
def operator_config(bed_alone: Bed, cluster: Kubernetes, kubectl: Kubectl, tmp_path: Path) -> SingleConfig:
    """The operator's way in: it may do no more than the shipped Role says."""
    return _config(_operator_kubeconfig(cluster, kubectl, bed_alone.namespace, tmp_path / "kubeconfig"))


@pytest.fixture
async def bed(bed_alone: Bed, operator_config: SingleConfig) -> AsyncGenerator[Bed]:
    """A namespace of its own, a kubelet whose pods become ready, and an operator that looks at it alone."""
    namespace = bed_alone.namespace
    async with _running(Operator(operator_config, namespace=namespace, monitor_seconds=1, ready_limit=NEVER)):
        yield bed_alone


@pytest.fixture
async def restless_bed(bed_alone: Bed, operator_config: SingleConfig) -> AsyncGenerator[Bed]:
    """The same with an operator that looks at everything anew all the time."""
    namespace = bed_alone.namespace
    operator = Operator(operator_config, namespace=namespace, monitor_seconds=1, resync_seconds=4, ready_limit=NEVER)
    async with _running(operator):
        yield bed_alone
