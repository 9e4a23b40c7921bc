"""A kubelet that runs pods as processes of this machine: there is no container runtime in tests."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx2
from lightkube import AsyncClient, SingleConfig
from lightkube.core.exceptions import ApiError
from lightkube.types import PatchType

from ameide_operator.kubernetes import KINDS, MANAGED, NOT_FOUND, POD
from ameide_operator.testing._local_pod import LocalPod

_PAUSE_SECONDS: Final = 0.2


class ProcessKubelet:
    """Runs all pods of a namespace while its `async with` block runs; kills them at its end.

    A pod of an image that has no command stays Pending.

    Args:
        config: How to reach the API server.
        namespace: Whose pods it runs.
        commands: What an image runs, by its name.
        folder: For files and logs of pods, a folder each.
    """

    def __init__(
        self, config: SingleConfig, namespace: str, commands: Mapping[str, Sequence[str]], folder: Path
    ) -> None:
        self._client: Any = AsyncClient(config=config)  # Any: its overloads name unparameterized types
        self._namespace = namespace
        self._commands = commands
        self._folder = folder
        # Addresses of other runs on this machine lie elsewhere in 127.0.0.0/8.
        self._network = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(250)}"
        self._pods: dict[str, tuple[LocalPod, asyncio.Task[None]]] = {}
        self._started = 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = [task for _, task in self._pods.values()] + ([self._task] if self._task else [])
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._client.close()

    async def _run(self) -> None:
        while True:
            with suppress(httpx2.TransportError):  # the API server is away; a kubelet waits for it
                async for pod in self._client.list(KINDS[POD], namespace=self._namespace, labels=MANAGED):
                    await self._look_after(pod)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _look_after(self, pod: Mapping[str, Any]) -> None:
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        running = self._pods.get(uid)
        if pod["metadata"].get("deletionTimestamp"):
            if running is not None:
                running[0].stop()
            if running is None or running[1].done():
                await self._ignoring_gone(
                    self._client.delete(KINDS[POD], name, namespace=self._namespace, grace_period=0)
                )
            return
        command = self._commands.get(pod["spec"]["containers"][0]["image"])
        if running is None and command is not None:
            self._started += 1
            folder = self._folder / name
            folder.mkdir(parents=True)
            local = LocalPod(
                pod,
                command,
                address=f"{self._network}.{self._started}",
                folder=folder,
                read=self._read,
                write=lambda status: self._write(name, status),
            )
            self._pods[uid] = local, asyncio.create_task(local.run())
        elif running is not None and running[1].done():
            running[1].result()  # raises what ended it: this kubelet is wrong

    async def _read(self, kind: str, name: str) -> Mapping[str, Any]:
        while True:
            try:
                return await self._client.get(KINDS[kind], name, namespace=self._namespace)
            except ApiError as error:
                if error.status.code != NOT_FOUND:
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _write(self, name: str, status: Mapping[str, Any]) -> None:
        patch = self._client.patch(
            KINDS[POD].Status,
            name,
            {"status": dict(status)},
            namespace=self._namespace,
            patch_type=PatchType.MERGE,
        )
        await self._ignoring_gone(patch)

    @staticmethod
    async def _ignoring_gone(call: Any) -> None:
        try:
            await call
        except ApiError as error:
            if error.status.code != NOT_FOUND:
                raise
