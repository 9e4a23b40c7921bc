"""A kubelet that runs nothing: it writes into the status of pods what a kubelet would, as a test says."""

from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any

from lightkube import SingleConfig

from ameide_operator.planning import COMPONENT_LABEL, Component
from ameide_operator.testing._kubelet import Kubelet

PodStatus = Mapping[str, Any]


def running(*, ready: bool = True, ip: str = "127.0.0.1") -> PodStatus:
    """A pod whose container runs."""
    return {**_status("Running", {"running": {}}, ready=ready), "podIP": ip, "podIPs": [{"ip": ip}]}


def waiting(reason: str, message: str = "") -> PodStatus:
    """A pod whose container could not be started yet."""
    return _status("Pending", {"waiting": {"reason": reason, "message": message}})


def crashed(exit_code: int, message: str = "", *, reason: str = "Error", restarts: int = 4) -> PodStatus:
    """A pod whose container ended and waits for its next start."""
    ended = {"terminated": {"exitCode": exit_code, "reason": reason, "message": message}}
    back_off = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}}
    return _status("Running", back_off, last=ended, restarts=restarts)


def unschedulable(message: str) -> PodStatus:
    """A pod that no node takes."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {"phase": "Pending", "conditions": [condition], "containerStatuses": []}


def _status(
    phase: str,
    state: Mapping[str, Any],
    *,
    ready: bool = False,
    last: Mapping[str, Any] | None = None,
    restarts: int = 0,
) -> PodStatus:
    container = {
        "name": "main",
        "image": "registry.test/image",
        "imageID": "",
        "ready": ready,
        "restartCount": restarts,
        "state": state,
        "lastState": last or {},
    }
    conditions = [
        {"type": "PodScheduled", "status": "True"},
        {"type": "Ready", "status": "True" if ready else "False"},
    ]
    return {"phase": phase, "conditions": conditions, "containerStatuses": [container]}


def _timed(status: PodStatus) -> PodStatus:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {**status, "conditions": [{**each, "lastTransitionTime": now} for each in status["conditions"]]}


class FakeKubelet(Kubelet):
    """Keeps the status of all pods of a namespace as `states` says, while its `async with` block runs.

    Args:
        config: How to reach the API server.
        namespace: Whose pods it serves.
    """

    def __init__(self, config: SingleConfig, namespace: str) -> None:
        super().__init__(config, namespace)
        self.states: dict[Component, PodStatus] = {component: running() for component in Component}
        """Status of the pods of each workload; may be replaced at any time."""
        self.images: dict[str, PodStatus] = {}
        """Status of the pods of an image, in place of that."""
        self._written: dict[str, PodStatus] = {}

    def _due(self, pod: Mapping[str, Any]) -> Coroutine[Any, Any, None] | None:
        metadata = pod["metadata"]
        if metadata.get("deletionTimestamp"):
            return self._remove(metadata["name"])
        image = pod["spec"]["containers"][0]["image"]
        status = self.images.get(image) or self.states[Component(metadata["labels"][COMPONENT_LABEL])]
        if self._written.get(metadata["uid"]) is status:
            return None
        return self._bring(metadata["name"], metadata["uid"], status)

    async def _bring(self, name: str, uid: str, status: PodStatus) -> None:
        await self._report(name, _timed(status))
        self._written[uid] = status
