"""Runs one real server as a child process: starts it, waits until it answers, kills it, restarts it, cleans up.

A subclass says which command starts the server and how to see that it is ready; see `_embedded_kafka` for a short one.
"""

import asyncio
import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from ameide_devstack._child_process import ChildProcess
from ameide_devstack._errors import PortTakenError, ServerError, ServerExitError, ServerStartError
from ameide_devstack._loopback_ports import PortLease, is_listening_possible

# How often readiness is looked at, in seconds.
_POLL_S: Final = 0.02
# Longest time for one look at readiness, in seconds; a half-started server may accept a connection and say nothing.
_PROBE_S: Final = 5.0


class Server(ABC):
    """A real server in a child process, as an async context manager.

    Ports are leased when the object is made, so addresses are known before the server runs; ports and data stay the
    same through `stop`, `kill` and `restart`. Use `async with`, or `start` and, in the end, `close`.

    Attributes:
        data_dir: Where the server keeps its data and its log. A temporary one is deleted by `close`.
    """

    # Names log, temporary folder and errors; set by each subclass.
    name: str
    # Time from spawn to ready before start gives up, in seconds. Generous: machines with busy cores are common.
    start_timeout_s: float = 60.0
    # Time that a server gets to end by itself after SIGTERM, in seconds.
    stop_timeout_s: float = 10.0

    def __init__(self, *, data_dir: Path | None = None, ports: Mapping[str, int | None]) -> None:
        self.data_dir = Path(tempfile.mkdtemp(prefix=f"{self.name}-")) if data_dir is None else data_dir.absolute()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._owns_data_dir = data_dir is None
        self._leases = {role: PortLease() for role, port in ports.items() if port is None}
        self._ports = {role: self._leases[role].port if port is None else port for role, port in ports.items()}
        self._process: ChildProcess | None = None
        self._stopping = False

    @abstractmethod
    async def _command(self) -> Sequence[str]:
        """Prepare what the server needs before it starts and return its command line."""

    @abstractmethod
    async def _why_not_ready(self) -> str | None:
        """Ask the running server whether it does its job; None means yes, text says what is missing."""

    def _environment(self) -> Mapping[str, str]:
        """Variables for the server beside those of this process."""
        return {}

    def port(self, role: str) -> int:
        """Return the port of 127.0.0.1 that the server uses in a role.

        Raises:
            KeyError: The server has no such role.
        """
        return self._ports[role]

    @property
    def log_path(self) -> Path:
        """What the server wrote, over all its starts."""
        return self.data_dir / f"{self.name}.log"

    @property
    def running(self) -> bool:
        """Whether the server process is alive; it may not be ready."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Process id of the server itself.

        Raises:
            RuntimeError: It is not running.
        """
        return self._running_process().pid

    async def start(self) -> None:
        """Start the server and return when it is ready.

        Raises:
            PortTakenError: Somebody else listens on one of its ports.
            ServerStartError: It exited, or was not ready within `start_timeout_s`.
            RuntimeError: It is running already.
        """
        if self.running:
            msg = f"{self.name} is running already; stop() it first"
            raise RuntimeError(msg)
        await self.kill()  # what a server that ended by itself left behind
        command = await self._command()
        for port in self._ports.values():
            # Otherwise a stranger there would answer our readiness probe.
            if not is_listening_possible(port):
                raise PortTakenError(self.name, port)
        self._stopping = False
        process = self._process = ChildProcess(
            command, cwd=self.data_dir, log_path=self.log_path, environment=self._environment()
        )
        try:
            failure = await self._until_ready(process)
        except BaseException:
            await self.kill()
            raise
        if failure is not None:
            error = self._failure(ServerStartError, failure, process)
            await self.kill()
            raise error

    async def wait_for_exit(self) -> None:
        """Wait until the server ends by itself, or until `stop` or `kill` end it.

        Raises:
            ServerExitError: It ended by itself, now or since it was started.
            RuntimeError: It was not started, or was stopped.
        """
        process = self._process
        if process is None:
            msg = f"{self.name} was not started; call start() first"
            raise RuntimeError(msg)
        returncode = await process.wait()
        if self._process is process and not self._stopping:
            raise self._failure(ServerExitError, f"ended by itself with status {returncode}", process)

    def pause(self) -> None:
        """Let the server hang: connections stay open and say nothing, new ones are accepted and say nothing.

        Raises:
            RuntimeError: It is not running.
        """
        self._running_process().pause()

    def resume(self) -> None:
        """Let a paused server go on.

        Raises:
            RuntimeError: It is not running.
        """
        self._running_process().resume()

    async def stop(self) -> None:
        """Ask the server to end and wait; kill it after `stop_timeout_s`. Does nothing where it does not run."""
        self._stopping = True
        if self._process is not None and self.running:
            self._process.terminate()
            try:
                async with asyncio.timeout(self.stop_timeout_s):
                    await self._process.wait()
            except TimeoutError:
                pass  # kill below
        await self.kill()

    async def kill(self) -> None:
        """End the server and its children at once, by SIGKILL, and wait until they are gone."""
        process, self._process = self._process, None
        if process is not None:
            await process.kill()

    async def restart(self) -> None:
        """Stop the server and start it again, on the same ports and data; after `kill`, just start it.

        Raises:
            PortTakenError: As `start`.
            ServerStartError: As `start`.
        """
        await self.stop()
        await self.start()

    async def close(self) -> None:
        """End the server, give its ports back and delete its data where that was temporary.

        A server whose data goes anyway is killed: the Temporal dev server takes 1.4 s to end politely.
        """
        try:
            await (self.kill() if self._owns_data_dir else self.stop())
        finally:
            for lease in self._leases.values():
                lease.release()
            if self._owns_data_dir:
                shutil.rmtree(self.data_dir, ignore_errors=True)

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _running_process(self) -> ChildProcess:
        if self._process is None or self._process.returncode is not None:
            msg = f"{self.name} is not running; call start() first"
            raise RuntimeError(msg)
        return self._process

    async def _until_ready(self, process: ChildProcess) -> str | None:
        """Wait for readiness; return why it failed, or None when the server is ready."""
        deadline = time.monotonic() + self.start_timeout_s
        reason: str | None = "never asked"
        while time.monotonic() < deadline:
            if process.returncode is not None:
                return f"exited with status {process.returncode} before it was ready"
            try:
                async with asyncio.timeout(min(_PROBE_S, self.start_timeout_s)):
                    reason = await self._why_not_ready()
            except TimeoutError:
                reason = f"no answer within {_PROBE_S:g} s"
            if reason is None:
                return None
            await asyncio.sleep(_POLL_S)
        return f"was not ready after {self.start_timeout_s:g} s: {reason}"

    def _failure(self, kind: type[ServerError], reason: str, process: ChildProcess) -> ServerError:
        return kind(
            self.name,
            reason,
            command=process.command,
            returncode=process.returncode,
            log_tail=process.log_tail(),
            log_path=self.log_path,
        )
