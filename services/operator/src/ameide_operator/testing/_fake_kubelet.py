"""A kubelet that runs nothing: it writes into the status of pods what a kubelet would, as a test says."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

import httpx2
from lightkube import AsyncClient, SingleConfig
from lightkube.core.exceptions import ApiError
from lightkube.types import PatchType

from ameide_operator.kubernetes import KINDS, MANAGED, POD
from ameide_operator.planning import COMPONENT_LABEL, Component

PodStatus = Mapping[str, Any]
_PAUSE_SECONDS: Final = 0.1
_GONE: Final = 404


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


class FakeKubelet:
    """Keeps the status of all pods of a namespace as `states` says, while its `async with` block runs.

    Args:
        config: How to reach the API server.
        namespace: Whose pods it looks after.
    """

    def __init__(self, config: SingleConfig, namespace: str) -> None:
        self.states: dict[Component, PodStatus] = {component: running() for component in Component}
        """Status of the pods of each workload; may be changed at any time."""
        self.images: dict[str, PodStatus] = {}
        """Status of the pods of an image, in place of that."""
        self._client: Any = AsyncClient(config=config)  # Any: its overloads name unparameterized types
        self._namespace = namespace
        self._written: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._client.close()

    async def _run(self) -> None:
        while True:
            with suppress(httpx2.TransportError):  # the API server is away; a kubelet waits for it
                async for pod in self._client.list(KINDS[POD], namespace=self._namespace, labels=MANAGED):
                    await self._look_after(pod)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _look_after(self, pod: Mapping[str, Any]) -> None:
        metadata = pod["metadata"]
        if metadata.get("deletionTimestamp"):
            await self._ignoring_gone(
                self._client.delete(KINDS[POD], metadata["name"], namespace=self._namespace, grace_period=0)
            )
            return
        image = pod["spec"]["containers"][0]["image"]
        status = self.images.get(image) or self.states[Component(metadata["labels"][COMPONENT_LABEL])]
        wanted = json.dumps(status, sort_keys=True)
        if self._written.get(metadata["uid"]) != wanted:
            self._written[metadata["uid"]] = wanted
            await self._ignoring_gone(
                self._client.patch(
                    KINDS[POD].Status,
                    metadata["name"],
                    {"status": _timed(status)},
                    namespace=self._namespace,
                    patch_type=PatchType.MERGE,
                )
            )

    @staticmethod
    async def _ignoring_gone(call: Any) -> None:
        try:
            await call
        except ApiError as error:
            if error.status.code != _GONE:
                raise
