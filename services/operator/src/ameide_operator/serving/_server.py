"""The HTTP endpoints of the operator."""

from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from aiohttp import web

PROMETHEUS_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


class ListenError(Exception):
    """The address cannot be listened on; the text says which, and why."""


class HttpServer:
    """Serves `/healthz` and `/metrics` while its `async with` block runs.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        metrics: Renders the page.

    Attributes:
        port: The port in use, once the block has begun.
    """

    def __init__(self, host: str, port: int, *, metrics: Callable[[], bytes]) -> None:
        self._host = host
        self.port = port
        self._metrics = metrics
        application = web.Application()
        application.add_routes([web.get("/healthz", self._healthz), web.get("/metrics", self._serve_metrics)])
        self._runner = web.AppRunner(application, access_log=None)

    async def __aenter__(self) -> Self:
        """Begins to listen.

        Raises:
            ListenError: The address cannot be listened on.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self.port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise ListenError(f"cannot listen on {self._host}:{self.port}: {error.strerror}") from error
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops listening."""
        await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "up"})

    async def _serve_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics(), headers={"Content-Type": PROMETHEUS_TEXT})
