"""The HTTP endpoints of a program: `/healthz`, `/readyz`, `/metrics`, `/contract`."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from types import TracebackType
from typing import Self

from aiohttp import web

from ameide_process.configuration import HttpSettings, Problem, StartupError
from ameide_process.contract import ProcessContract
from ameide_process.serving._readiness import Readiness

PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


class HttpServer:
    """Serves the endpoints while its `async with` block runs."""

    def __init__(
        self,
        settings: HttpSettings,
        *,
        contract: ProcessContract,
        task_queue: str,
        readiness: Readiness,
        metrics: Callable[[], Awaitable[bytes]],
    ) -> None:
        """Prepares the endpoints; nothing listens yet.

        Args:
            settings: Where to listen.
            contract: What `/contract` says.
            task_queue: The task queue in use, which `/contract` says too.
            readiness: What `/readyz` says.
            metrics: Renders the page of `/metrics`.
        """
        self._settings = settings
        self._readiness = readiness
        self._metrics = metrics
        self._contract = {
            "name": contract.name,
            "workflowType": contract.workflow_type,
            "taskQueue": task_queue,
            "apiVersion": contract.api_version,
            "digest": contract.digest,
        }
        self.application = web.Application()
        """Further routes are added before the block begins."""
        self.application.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._serve_metrics),
                web.get("/contract", self._serve_contract),
            ]
        )
        self._runner = web.AppRunner(self.application, access_log=None)
        self.port = settings.port
        """The port in use, once the block has begun."""

    async def __aenter__(self) -> Self:
        """Begins to listen.

        Raises:
            StartupError: The address cannot be listened on.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.host, self._settings.port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            problem = Problem(
                "PORT_HTTP", str(self._settings.port), f"cannot listen on it at {self._settings.host}: {error.strerror}"
            )
            raise StartupError([problem]) from error
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops listening."""
        await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "up"})

    async def _readyz(self, _: web.Request) -> web.Response:
        ready = self._readiness.ready
        checks = [asdict(status) for status in self._readiness.statuses()]
        return web.json_response({"ready": ready, "checks": checks}, status=200 if ready else 503)

    async def _serve_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=await self._metrics(), headers={"Content-Type": PROMETHEUS_TEXT})

    async def _serve_contract(self, _: web.Request) -> web.Response:
        return web.json_response(self._contract)
