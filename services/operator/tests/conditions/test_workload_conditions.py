"""What is wrong with pods, said in conditions, on a real API server whose pods a fake kubelet speaks for."""

import json
from typing import Any

import pytest
from aiohttp import web
from ameide_operator.planning import Component
from ameide_operator.testing import PodStatus, crashed, running, unschedulable, waiting

pytestmark = pytest.mark.e2e

MISMATCH = {
    "reason": "ContractMismatch",
    "expected": {"name": "order-fulfillment", "apiMajor": 1},
    "actual": {"name": "billing", "apiMajor": 2},
}
PROBLEM = {"name": "OUTPUT_CONFIG progress", "value": "is missing", "advice": "bind it to a stream"}

BROKEN: dict[str, tuple[PodStatus, str, str]] = {
    "image pull": (
        waiting("ImagePullBackOff", "manifest unknown"),
        "ImagePullBackOff",
        "cannot be pulled: manifest unknown; correct spec.image",
    ),
    "image name": (waiting("InvalidImageName", "bad"), "ImagePullBackOff", "cannot be pulled: bad"),
    "container": (
        waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"),
        "CreateContainerConfigError",
        "image will run as root",
    ),
    "crash": (
        crashed(1, json.dumps({"reason": "Crashed", "message": "ImportError: no module"})),
        "CrashLoopBackOff",
        "crashes (exit code 1, restarted 4 times): ImportError: no module; see kubectl logs",
    ),
    "crash of a foreign program": (crashed(139, "core dumped"), "CrashLoopBackOff", "exit code 139"),
    "end without an error": (crashed(0, reason="Completed"), "CrashLoopBackOff", "ends by itself, again and again"),
    "out of memory": (crashed(137, reason="OOMKilled"), "OOMKilled", "raise resources.limits.memory"),
    "contract mismatch": (
        crashed(78, json.dumps(MISMATCH)),
        "ContractMismatch",
        "implements 'billing' of api major 2, spec.process says 'order-fulfillment' of api major 1; correct spec.image",
    ),
    "contract mismatch without words": (
        crashed(78),
        "ContractMismatch",
        "implements another process or major version than spec.process says (exit code 78)",
    ),
    "configuration": (
        crashed(2, json.dumps({"reason": "InvalidConfiguration", "problems": [PROBLEM]})),
        "InvalidConfiguration",
        "OUTPUT_CONFIG progress is missing: bind it to a stream",
    ),
    "no node": (unschedulable("0/3 nodes are available"), "Unschedulable", "no node takes pod orders-worker"),
}


@pytest.fixture(scope="module")
async def unready_program() -> Any:
    """A program whose /readyz says what an ingress without its broker says."""
    checks = [
        {"name": "temporal", "ok": True, "reason": ""},
        {"name": "orders-facts", "ok": False, "reason": "cannot reach kafka at broker:9092 (connection refused)"},
    ]

    async def readyz(_: web.Request) -> web.Response:
        return web.json_response({"ready": False, "checks": checks}, status=503)

    application = web.Application()
    application.add_routes([web.get("/readyz", readyz)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.77.1", 8080).start()
    yield "127.0.77.1"
    await runner.cleanup()


async def test_each_way_to_break_is_said_and_passes(bed: Any):
    """One bed for all: a reason must also go when its cause does."""
    await bed.apply()
    await bed.until("WorkerReady", "True", "Available")
    for state, reason, words in BROKEN.values():
        bed.kubelet.states[Component.WORKER] = state
        await bed.until("WorkerReady", "False", reason, words)
        conditions = await bed.conditions()
        assert conditions["WorkloadReady"]["reason"] == reason
        assert conditions["IngressReady"]["status"] == "True"
    bed.kubelet.states[Component.WORKER] = running()
    await bed.until("WorkerReady", "True", "Available")


async def test_broker_that_cannot_be_reached_is_said_by_the_pod(bed: Any, unready_program: str):
    bed.kubelet.states[Component.INGRESS] = running(ready=False, ip=unready_program)
    await bed.apply()
    condition = await bed.until("IngressReady", "False", "UpstreamUnavailable", "cannot reach kafka")
    assert "orders-facts: cannot reach kafka at broker:9092 (connection refused)" in condition["message"]
    assert "no event is acknowledged meanwhile, so none is lost" in condition["message"]
    assert "temporal:" not in condition["message"]


async def test_pod_that_cannot_be_asked_is_said(bed: Any):
    bed.kubelet.states[Component.INGRESS] = running(ready=False, ip="127.0.77.2")
    await bed.apply()
    await bed.until("WorkerReady", "True")
    await bed.until("IngressReady", "False", "Progressing", "does not say why: the operator cannot reach it")


async def test_rollout_is_progress_until_only_the_current_template_serves(bed: Any):
    image = "registry.test/order-worker:2"
    bed.kubelet.images[image] = running(ready=False, ip="127.0.77.2")
    await bed.apply()
    await bed.until("WorkerReady", "True")
    await bed.apply(image={"worker": image})
    condition = await bed.until("WorkerReady", "False", "Progressing", "rolls out")
    assert condition["observedGeneration"] == 2
    assert (await bed.get("process", "orders"))["status"]["worker"]["summary"] == "1/1", "the earlier pod serves"
    bed.kubelet.images[image] = running()
    await bed.until("WorkerReady", "True", "Available")


async def test_rollout_that_fails_says_why_though_the_earlier_pods_serve(bed: Any):
    bed.kubelet.images["registry.test/order-worker:2"] = waiting("ErrImagePull", "not found")
    await bed.apply()
    await bed.until("WorkerReady", "True")
    await bed.apply(image={"worker": "registry.test/order-worker:2"})
    await bed.until("WorkerReady", "False", "ImagePullBackOff", "not found")


async def test_pods_that_the_cluster_refuses_are_said(bed: Any):
    limit = {"type": "Container", "max": {"memory": "100Mi"}}
    manifest = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small"}, "spec": {"limits": [limit]}}
    await bed.run("apply", "-f", "-", content=json.dumps(manifest))
    await bed.apply(worker={"resources": {"limits": {"memory": "1Gi"}}})
    await bed.until("WorkerReady", "False", "PodsRefused", "maximum memory usage per Container is 100Mi")


async def test_pods_are_let_in_by_the_restricted_standard(bed: Any):
    label = "pod-security.kubernetes.io/enforce=restricted"
    await bed.run("label", "namespace", bed.namespace, label)
    await bed.apply()
    await bed.until("WorkloadReady", "True", "Available")


async def test_transition_time_moves_only_when_the_status_flips(bed: Any):
    await bed.apply()
    await bed.until("WorkerReady", "True")
    bed.kubelet.states[Component.WORKER] = waiting("ImagePullBackOff")
    first = await bed.until("WorkerReady", "False", "ImagePullBackOff")
    bed.kubelet.states[Component.WORKER] = crashed(1)
    second = await bed.until("WorkerReady", "False", "CrashLoopBackOff")
    assert second["lastTransitionTime"] == first["lastTransitionTime"]
