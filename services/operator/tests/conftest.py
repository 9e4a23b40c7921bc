"""One Kubernetes control plane for all end-to-end tests of a run, with the CRD in it."""

import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest
from ameide_devstack import Kubernetes
from ameide_devstack.testing import wait_for

KUBECTL = Path(sys.executable).with_name("kubectl")
CRD_FILE = Path(__file__).parents[1] / "crd.yaml"

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
async def cluster() -> AsyncGenerator[Kubernetes]:
    async with Kubernetes() as server:
        yield server


@pytest.fixture(scope="session")
async def kubectl(cluster: Kubernetes) -> Kubectl:
    """Runs kubectl as a person does, after the CRD is served."""

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
