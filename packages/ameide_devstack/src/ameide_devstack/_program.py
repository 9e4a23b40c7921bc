"""A main of a process, run as a deployment runs it: a child process that is told everything by its environment."""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp

from ameide_devstack._loopback_ports import LOOPBACK
from ameide_devstack._server import Server


class Program(Server):
    """A Python module run as a program that serves `/readyz` on PORT_HTTP.

    Args:
        module: The module that is the main, such as `order_fulfillment_generated.worker`.
        environment: Its variables, beside those of this process; PORT_HTTP, HTTP_HOST and TERMINATION_LOG are set.
        data_dir: Where its log and termination log lie; None makes a temporary folder.
        wait_until_ready: False returns from start as soon as it answers at all, ready or not.

    Attributes:
        environment: May be changed between starts.
        start_seconds: From the last start until it was ready.
    """

    # A program that drains and leaves its consumer group takes longer than a server; 20 s are granted to activities.
    stop_timeout_s = 30.0

    def __init__(
        self,
        module: str,
        environment: Mapping[str, str],
        *,
        data_dir: Path | None = None,
        wait_until_ready: bool = True,
    ) -> None:
        self.name = module.rpartition(".")[2]
        super().__init__(data_dir=data_dir, ports={"http": None})
        self.environment = dict(environment)
        self.start_seconds = 0.0
        self._module = module
        self._wait_until_ready = wait_until_ready
        self._started_at = 0.0

    @property
    def address(self) -> str:
        """URL of its endpoints."""
        return f"http://{LOOPBACK}:{self.port('http')}"

    @property
    def termination_log(self) -> Path:
        """What it says when it ends for a reason that its operator must know."""
        return self.data_dir / f"{self.name}.termination"

    async def get(self, path: str) -> tuple[int, str]:
        """Ask one of its endpoints.

        Returns:
            Status code and body.

        Raises:
            aiohttp.ClientError: It does not answer.
        """
        async with aiohttp.ClientSession() as session, session.get(self.address + path) as response:
            return response.status, await response.text()

    def _environment(self) -> Mapping[str, str]:
        ours = {
            "PORT_HTTP": str(self.port("http")),
            "HTTP_HOST": LOOPBACK,
            "TERMINATION_LOG": str(self.termination_log),
        }
        return self.environment | ours

    async def _command(self) -> Sequence[str]:
        self._started_at = time.monotonic()
        return [sys.executable, "-m", self._module]

    async def _why_not_ready(self) -> str | None:
        try:
            status, body = await self.get("/readyz")
        except aiohttp.ClientError as error:
            return f"does not answer: {error}"
        if status != 200 and self._wait_until_ready:
            return body
        self.start_seconds = time.monotonic() - self._started_at
        return None
