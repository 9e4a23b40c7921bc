"""What the Kubernetes control plane does for an operator under test: it takes objects, makes pods, collects garbage."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from ameide_devstack import AssetsMissingError, Kubernetes
from ameide_devstack._kubernetes_binaries import ASSETS_VARIABLE, KUBERNETES_BUILDS, kubernetes_binary
from ameide_devstack.testing import wait_until

KUBECTL_TIMEOUT_S = 60
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nowhere}]}
"""


@pytest.fixture(scope="module")
async def cluster() -> AsyncGenerator[Kubernetes]:
    async with Kubernetes() as server:
        yield server


async def kubectl(cluster: Kubernetes, *arguments: str, content: str = "", kubeconfig: Path | None = None) -> str:
    """Run kubectl as a person does; what it says on either channel."""
    process = await asyncio.create_subprocess_exec(
        *("kubectl", "--kubeconfig", str(kubeconfig or cluster.kubeconfig), *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(KUBECTL_TIMEOUT_S):
        output, _ = await process.communicate(content.encode())
    return output.decode()


@pytest.mark.e2e
async def test_deployment_gets_a_pod_and_both_go(cluster: Kubernetes):
    assert "created" in await kubectl(cluster, "apply", "-f", "-", content=DEPLOYMENT)

    async def pods() -> list[str]:
        output = await kubectl(cluster, "get", "pods", "--no-headers", "--ignore-not-found")
        return [line.split()[2] for line in output.splitlines() if line.startswith("web-")]

    await wait_until(pods)
    assert await pods() == ["Pending"]
    await kubectl(cluster, "delete", "deployment", "web", "--wait=false")

    async def gone() -> bool:
        return await pods() == []

    await wait_until(gone)


@pytest.mark.e2e
async def test_service_account_is_let_in_by_its_token_and_has_its_own_rights(cluster: Kubernetes, tmp_path: Path):
    await kubectl(cluster, "create", "serviceaccount", "reader")
    await kubectl(cluster, "create", "rolebinding", "reader", "--clusterrole=view", "--serviceaccount=default:reader")
    token = (await kubectl(cluster, "create", "token", "reader")).strip()
    kubeconfig = tmp_path / "reader"
    cluster.write_kubeconfig(kubeconfig, token=token)
    assert kubeconfig.stat().st_mode & 0o077 == 0

    async def may_read() -> bool:
        return await kubectl(cluster, "auth", "can-i", "list", "services", kubeconfig=kubeconfig) == "yes\n"

    await wait_until(may_read)
    assert "Forbidden" in await kubectl(cluster, "create", "namespace", "other", kubeconfig=kubeconfig)
    assert "Unauthorized" in await kubectl(cluster, "get", "services", "--token", "wrong", kubeconfig=kubeconfig)


@pytest.mark.e2e
async def test_tells_who_wrote_what_and_nobody_writes_when_idle(cluster: Kubernetes):
    await kubectl(cluster, "create", "configmap", "noted", "--from-literal=a=b")

    async def noted() -> list[dict[str, Any]]:
        return [each for each in cluster.apiserver.writes() if each["objectRef"].get("name") == "noted"]

    (event,) = await wait_until(noted)
    assert (event["verb"], event["user"]["username"], event["objectRef"]["resource"]) == (
        "create",
        "administrator",
        "configmaps",
    )
    assert event["userAgent"].startswith("kubectl/")
    before = len(cluster.apiserver.writes())
    await asyncio.sleep(5)
    assert {each["objectRef"]["resource"] for each in cluster.apiserver.writes()[before:]} <= {"leases"}


@pytest.mark.e2e
async def test_keeps_its_objects_over_a_kill():
    async with Kubernetes() as cluster:
        await kubectl(cluster, "create", "configmap", "kept", "--from-literal=a=b")
        for server in (cluster.apiserver, cluster.etcd):
            await server.kill()
        await cluster.start()
        assert await kubectl(cluster, "get", "configmap", "kept", "-o", "jsonpath={.data.a}") == "b"


async def test_folder_of_assets_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name in ("etcd", "kube-apiserver"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv(ASSETS_VARIABLE, str(tmp_path))
    assert await kubernetes_binary("etcd") == tmp_path / "etcd"


async def test_folder_without_assets_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "etcd").touch(mode=0o755)
    monkeypatch.setenv(ASSETS_VARIABLE, str(tmp_path))
    with pytest.raises(AssetsMissingError, match=r"no executable kube-apiserver; put it there, or unset") as caught:
        await kubernetes_binary("etcd")
    assert caught.value.missing == ("kube-apiserver",)


def test_binaries_say_the_version_of_their_module():
    for name, build in KUBERNETES_BUILDS.items():
        version = build.name.removeprefix(f"{name}-")
        module = "go.etcd.io/etcd/server/v3" if name == "etcd" else "k8s.io/kubernetes"
        assert f"\t{module} v{version} // indirect" in build.inputs["go.mod"].decode()
