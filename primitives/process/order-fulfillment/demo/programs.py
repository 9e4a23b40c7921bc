"""Worker and ingress as child processes, started as a deployment would start them."""

import asyncio
import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import psutil

READY_TIMEOUT = 30.0
"""Seconds; a program that is not ready by then shows why and ends the demo."""


class NotReadyError(Exception):
    """A program did not become ready; the message says why and quotes its log."""


@dataclass(frozen=True)
class Footprint:
    """What a program needed."""

    start_seconds: float
    """From its start until `/readyz` said yes."""
    resident_megabytes: float


class Program:
    """One generated main, run by `async with`.

    Args:
        module: The module that is the main.
        environment: Its variables, beside those of this process.
        folder: Takes its log and termination log.
    """

    def __init__(self, module: str, environment: dict[str, str], folder: Path) -> None:
        self._module = module
        self._log = folder / f"{module.rpartition('.')[2]}.log"
        self._environment = environment | {"TERMINATION_LOG": str(self._log.with_suffix(".termination"))}
        self._port = _free_port()
        self._process: asyncio.subprocess.Process | None = None
        self._start_seconds = 0.0

    @property
    def address(self) -> str:
        """URL of its endpoints."""
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        """Starts the program and waits until it is ready.

        Raises:
            NotReadyError: It ended, or is not ready in time.
        """
        started = time.monotonic()
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                env=os.environ | self._environment | {"PORT_HTTP": str(self._port), "HTTP_HOST": "127.0.0.1"},
                stdout=log,
                stderr=log,
            )
        try:
            await self._wait_until_ready(started)
        except BaseException:
            await self._stop()
            raise
        self._start_seconds = time.monotonic() - started
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops the program gracefully."""
        await self._stop()

    def footprint(self) -> Footprint:
        """What the program needed so far."""
        if self._process is None:
            raise RuntimeError("the program was not started")
        resident = psutil.Process(self._process.pid).memory_info().rss
        return Footprint(self._start_seconds, resident / 1e6)

    async def get(self, path: str) -> str:
        """Reads one of its endpoints."""
        async with aiohttp.ClientSession() as session, session.get(self.address + path) as response:
            return await response.text()

    async def _wait_until_ready(self, started: float) -> None:
        reason: Any = "it does not answer"
        async with aiohttp.ClientSession() as session:
            while time.monotonic() - started < READY_TIMEOUT:
                if self._process is None or self._process.returncode is not None:
                    raise NotReadyError(f"{self._module} ended:\n{self._tail()}")
                try:
                    async with session.get(self.address + "/readyz") as response:
                        if response.status == 200:
                            return
                        reason = await response.text()
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)
        raise NotReadyError(f"{self._module} is not ready after {READY_TIMEOUT:.0f} s: {reason}\n{self._tail()}")

    async def _stop(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), 30)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def _tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
