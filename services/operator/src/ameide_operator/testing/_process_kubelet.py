"""A kubelet that runs pods as processes of this machine: there is no container runtime in tests."""

import asyncio
import secrets
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightkube import SingleConfig
from lightkube.core.exceptions import ApiError

from ameide_operator.kubernetes import KINDS, NOT_FOUND
from ameide_operator.testing._kubelet import PAUSE_SECONDS, Kubelet
from ameide_operator.testing._local_pod import LocalPod


class ProcessKubelet(Kubelet):
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
        super().__init__(config, namespace)
        self._commands = commands
        self._folder = folder
        # Addresses of other runs on this machine lie elsewhere in 127.0.0.0/8.
        self._network = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(250)}"
        self._pods: dict[str, tuple[LocalPod, asyncio.Task[None]]] = {}
        self._started = 0

    def _running(self) -> Sequence[asyncio.Task[None]]:
        return [task for _, task in self._pods.values()]

    def _due(self, pod: Mapping[str, Any]) -> Coroutine[Any, Any, None] | None:
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        running = self._pods.get(uid)
        if pod["metadata"].get("deletionTimestamp"):
            if running is not None:
                running[0].stop()
            return self._remove(name) if running is None or running[1].done() else None
        command = self._commands.get(pod["spec"]["containers"][0]["image"])
        if running is None and command is not None:
            self._start(pod, command)
        elif running is not None and running[1].done():
            running[1].result()  # raises what ended it: this kubelet is wrong
        return None

    def _start(self, pod: Mapping[str, Any], command: Sequence[str]) -> None:
        name = pod["metadata"]["name"]
        self._started += 1
        folder = self._folder / name
        folder.mkdir(parents=True)
        local = LocalPod(
            pod,
            command,
            address=f"{self._network}.{self._started}",
            folder=folder,
            read=self._read,
            write=lambda status: self._report(name, status),
        )
        self._pods[pod["metadata"]["uid"]] = local, asyncio.create_task(local.run())

    async def _read(self, kind: str, name: str) -> Mapping[str, Any]:
        while True:
            try:
                return await self._client.get(KINDS[kind], name, namespace=self._namespace)
            except ApiError as error:
                if error.status.code != NOT_FOUND:
                    raise
            await asyncio.sleep(PAUSE_SECONDS)
