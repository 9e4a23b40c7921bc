"""One pod as a process of this machine: its files, its variables, its probes, its ends."""

import asyncio
import base64
import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx2

ReadObject = Callable[[str, str], Awaitable[Mapping[str, Any]]]
"""An object by kind and name; waits until it is there, as a kubelet does."""

WriteStatus = Callable[[Mapping[str, Any]], Awaitable[None]]

_FIRST_BACK_OFF: Final = 1.0
_LONGEST_BACK_OFF: Final = 300.0
"""Seconds before a container that ended starts again; a kubelet begins with 10."""

_LAST_WORDS: Final = 2048
"""Bytes of a termination message."""


class LocalPod:
    """A pod with one container.

    Args:
        pod: The object.
        command: What its image runs.
        address: A loopback address of its own.
        folder: For its files.
        read: Reads what it mounts.
        write: Writes its status.
    """

    def __init__(
        self,
        pod: Mapping[str, Any],
        command: Sequence[str],
        *,
        address: str,
        folder: Path,
        read: ReadObject,
        write: WriteStatus,
    ) -> None:
        self._spec = pod["spec"]
        (self._container,) = self._spec["containers"]
        self._command = command
        self._address = address
        self._folder = folder
        self._read = read
        self._write = write
        self._paths: dict[str, str] = {}
        self._stop = asyncio.Event()
        self._restarts = 0
        self._ended: Mapping[str, Any] = {}

    def stop(self) -> None:
        """Asks the container to end, as a deletion does; `run` returns when it has."""
        self._stop.set()

    async def run(self) -> None:
        """Runs the container, again whenever it ends, until stopped."""
        await self._mount()
        environment = await self._environment()
        back_off = _FIRST_BACK_OFF
        while not self._stop.is_set():
            code = await self._run_once(environment)
            if self._stop.is_set():
                return
            self._restarts += 1
            self._ended = {"terminated": {"exitCode": code, "reason": "Error", "message": self._last_words(code)}}
            waiting = {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}
            await self._report({"waiting": waiting}, ready=False)
            with suppress(TimeoutError):
                async with asyncio.timeout(back_off):
                    await self._stop.wait()
            back_off = min(back_off * 2, _LONGEST_BACK_OFF)

    async def _run_once(self, environment: Mapping[str, str]) -> int:
        """Runs the container to its end; its exit code."""
        with (self._folder / "log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *self._command, env=environment, cwd=self._folder, stdout=log, stderr=log, start_new_session=True
            )
        ended = asyncio.create_task(process.wait())
        probes = asyncio.create_task(self._probe())
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait((ended, probes, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                process.terminate()
                await asyncio.wait((ended,), timeout=self._spec.get("terminationGracePeriodSeconds", 30))
        finally:
            for task in (probes, stopping):
                task.cancel()
            if process.returncode is None:
                process.kill()
            await asyncio.wait((ended, probes, stopping))
        return ended.result()

    async def _probe(self) -> None:
        """Reports whether the container is ready; returns when it should be killed."""
        await self._report({"running": {}}, ready=False)
        async with httpx2.AsyncClient(trust_env=False) as client:
            if not await self._started(client):
                return
            live = asyncio.create_task(self._until_dead(client))
            ready = asyncio.create_task(self._follow_readiness(client))
            try:
                await asyncio.wait((live, ready), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (live, ready):
                    task.cancel()
                await asyncio.wait((live, ready))

    async def _started(self, client: httpx2.AsyncClient) -> bool:
        probe = self._container["startupProbe"]
        for _ in range(probe["failureThreshold"]):
            if await self._ask(client, probe):
                return True
            await asyncio.sleep(probe["periodSeconds"])
        return False

    async def _until_dead(self, client: httpx2.AsyncClient) -> None:
        probe = self._container["livenessProbe"]
        failures = 0
        while failures < probe["failureThreshold"]:
            await asyncio.sleep(probe["periodSeconds"])
            failures = 0 if await self._ask(client, probe) else failures + 1

    async def _follow_readiness(self, client: httpx2.AsyncClient) -> None:
        probe = self._container["readinessProbe"]
        reported, failures = False, 0
        while True:
            failures = 0 if await self._ask(client, probe) else failures + 1
            ready = failures == 0 or (reported and failures < probe["failureThreshold"])
            if ready is not reported:
                await self._report({"running": {}}, ready=ready)
                reported = ready
            await asyncio.sleep(probe["periodSeconds"])

    async def _ask(self, client: httpx2.AsyncClient, probe: Mapping[str, Any]) -> bool:
        get = probe["httpGet"]
        ports = {port["name"]: port["containerPort"] for port in self._container["ports"]}
        url = f"http://{self._address}:{ports.get(get['port'], get['port'])}{get['path']}"
        try:
            answer = await client.get(url, timeout=probe["timeoutSeconds"])
        except httpx2.HTTPError:
            return False
        return 200 <= answer.status_code < 400

    async def _report(self, state: Mapping[str, Any], *, ready: bool) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        container = {
            "name": self._container["name"],
            "image": self._container["image"],
            "imageID": "",
            "ready": ready,
            "restartCount": self._restarts,
            "state": state,
            "lastState": self._ended,
        }
        conditions = [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": now},
            {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": now},
        ]
        await self._write(
            {
                "phase": "Running",
                "podIP": self._address,
                "podIPs": [{"ip": self._address}],
                "conditions": conditions,
                "containerStatuses": [container],
            }
        )

    async def _mount(self) -> None:
        """Writes what the container mounts, with paths as they are here."""
        volumes = {volume["name"]: volume for volume in self._spec["volumes"]}
        mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in self._container["volumeMounts"]}
        self._paths = {path: str(self._folder / path.lstrip("/")) for path in mounts if path != "/tmp"}  # noqa: S108 # the pod's
        for path, volume in mounts.items():
            place = self._folder / path.lstrip("/")
            place.mkdir(parents=True)
            if "configMap" in volume:
                content = await self._read("ConfigMap", volume["configMap"]["name"])
                for name, text in content["data"].items():
                    (place / name).write_text(self._rewritten(text))
            elif "secret" in volume:
                content = await self._read("Secret", volume["secret"]["secretName"])
                for name, encoded in content["data"].items():
                    (place / name).write_bytes(base64.b64decode(encoded))

    async def _environment(self) -> dict[str, str]:
        """The variables of the container, and what a container runtime would add; none of this process but PATH."""
        variables: dict[str, str] = {}
        for each in self._container["env"]:
            source = each.get("valueFrom")
            variables[each["name"]] = await self._sourced(source) if source else self._rewritten(each.get("value", ""))
        return variables | {
            "PATH": os.environ["PATH"],
            "TMPDIR": str(self._folder / "tmp"),
            "HTTP_HOST": self._address,
            "TERMINATION_LOG": str(self._folder / "termination-log"),
        }

    async def _sourced(self, source: Mapping[str, Any]) -> str:
        if reference := source.get("secretKeyRef"):
            secret = await self._read("Secret", reference["name"])
            return base64.b64decode(secret["data"][reference["key"]]).decode()
        reference = source["configMapKeyRef"]
        return (await self._read("ConfigMap", reference["name"]))["data"][reference["key"]]

    def _rewritten(self, text: str) -> str:
        for path in sorted(self._paths, key=len, reverse=True):
            text = re.sub(rf"(?<![\w/.-]){re.escape(path)}(?![\w.-])", self._paths[path], text)
        return text

    def _last_words(self, code: int) -> str:
        """The termination log, or what the container said last where it failed without a word there."""
        said = self._folder / "termination-log"
        words = said.read_bytes() if said.exists() else b""
        if not words and code != 0:
            words = (self._folder / "log").read_bytes()
        return words[-_LAST_WORDS:].decode(errors="replace")
