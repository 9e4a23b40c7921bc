"""What kubelets of tests have in common: they watch the pods of a namespace and do what each needs."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

import httpx2
from lightkube import AsyncClient, SingleConfig
from lightkube.core.exceptions import ApiError
from lightkube.types import PatchType

from ameide_operator.kubernetes import KINDS, MANAGED, NOT_FOUND, POD

PAUSE_SECONDS: Final = 0.1
"""Between two looks at all pods, which are kept in memory."""

_AT_ONCE: Final = 16
"""Pods that are served at once: those of many nodes, in a cluster."""


class Kubelet(ABC):
    """Serves the pods of a namespace that the operator made, while its `async with` block runs.

    Args:
        config: How to reach the API server.
        namespace: Whose pods it serves.
    """

    def __init__(self, config: SingleConfig, namespace: str) -> None:
        self._client: Any = AsyncClient(config=config)  # Any: its overloads name unparameterized types
        self._namespace = namespace
        self._seen: dict[str, Mapping[str, Any]] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._tasks: list[asyncio.Task[None]] = []

    @abstractmethod
    def _due(self, pod: Mapping[str, Any]) -> Coroutine[Any, Any, None] | None:
        """What must be done about a pod now; None: nothing."""

    def _running(self) -> Sequence[asyncio.Task[None]]:
        """What runs for pods; it is cancelled before the connection is closed."""
        return ()

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._serve())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        for each in self._running():
            each.cancel()
        await asyncio.gather(*self._running(), return_exceptions=True)
        await self._client.close()
        for each in ended:
            if isinstance(each, Exception):  # without it, pods were as they happened to be
                raise each

    async def _watch(self) -> None:
        while True:
            with suppress(httpx2.HTTPError):  # the API server is away, or has forgotten the version
                found = self._client.list(KINDS[POD], namespace=self._namespace, labels=MANAGED)
                self._seen = {pod["metadata"]["uid"]: pod async for pod in found}
                changes = self._client.watch(
                    KINDS[POD], namespace=self._namespace, labels=MANAGED, resource_version=found.resourceVersion
                )
                async for change, pod in changes:
                    if change == "DELETED":
                        self._seen.pop(pod["metadata"]["uid"], None)
                    else:
                        self._seen[pod["metadata"]["uid"]] = pod
            await asyncio.sleep(PAUSE_SECONDS)

    async def _serve(self) -> None:
        while True:
            due = [work for pod in list(self._seen.values()) if (work := self._due(pod)) is not None]
            await asyncio.gather(*map(self._in_turn, due))
            await asyncio.sleep(PAUSE_SECONDS)

    async def _in_turn(self, work: Awaitable[None]) -> None:
        async with self._slots:
            with suppress(httpx2.TransportError):  # the API server is away; a kubelet waits for it
                await work

    async def _report(self, name: str, status: Mapping[str, Any]) -> None:
        """Writes the status of a pod."""
        patch = self._client.patch(
            KINDS[POD].Status,
            name,
            {"status": dict(status)},
            namespace=self._namespace,
            patch_type=PatchType.MERGE,
        )
        await self._ignoring_gone(patch)

    async def _remove(self, name: str) -> None:
        """Lets go a pod that should go."""
        await self._ignoring_gone(self._client.delete(KINDS[POD], name, namespace=self._namespace, grace_period=0))

    @staticmethod
    async def _ignoring_gone(call: Awaitable[Any]) -> None:
        try:
            await call
        except ApiError as error:
            if error.status.code != NOT_FOUND:
                raise
