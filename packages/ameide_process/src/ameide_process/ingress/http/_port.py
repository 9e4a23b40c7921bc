"""A port that events are posted to, and what bounds the clients on it before a request is read."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web

from ameide_process.configuration import HttpListening
from ameide_process.ingress.http._refusal import RefusalError, refused

MAX_LINE_BYTES: Final = 8_190
"""Request line, and each header; aiohttp's default, and that of most servers."""

MAX_HEADERS: Final = 64
"""Headers of one request."""

LINGERING_SECONDS: Final = 5.0
"""How long a body that was refused is read and dropped, so that its client gets to see the answer."""

HANDSHAKE_SECONDS: Final = 10.0
"""For TLS."""

BACKLOG: Final = 512
"""Connections that wait to be taken."""

ANSWER_SECONDS: Final = 2.0
"""What a stop gives the last answers to reach their clients."""

Endpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]

_logger = structlog.get_logger(__name__)


class EventsPort:
    """Listens while at least one subscription is attached; each has a path."""

    def __init__(self, host: str, settings: HttpListening) -> None:
        """Prepares the port; nothing listens yet.

        Args:
            host: Where to listen.
            settings: What the subscriptions say of it.
        """
        self._host = host
        self._settings = settings
        self._endpoints: dict[str, Endpoint | None] = {}
        """By path; None: its subscription is not attached now."""
        self._opening = asyncio.Lock()
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self._tls: ssl.SSLContext | None = None
        self._loaded: tuple[tuple[int, int], ...] = ()

    def __str__(self) -> str:
        return f"{self._host}:{self._settings.port}"

    def announce(self, path: str) -> None:
        """Says that a subscription will be attached at a path; until then it is answered 503."""
        self._endpoints.setdefault(path, None)

    async def attach(self, path: str, endpoint: Endpoint) -> None:
        """Serves a path, and listens if the port did not.

        Raises:
            OSError: The address cannot be listened on, or a certificate does not load.
        """
        async with self._opening:
            if self._server is None:
                await self._open()
            self._endpoints[path] = endpoint

    async def detach(self, path: str) -> None:
        """Serves a path no longer, and ends listening with the last one."""
        async with self._opening:
            self._endpoints[path] = None
            if not any(self._endpoints.values()):
                await self._close()

    def reload_certificates(self) -> None:
        """Takes certificates that have changed for connections to come.

        Raises:
            OSError: They do not load; the former ones stay.
        """
        tls = self._settings.tls
        if tls is None or self._tls is None:
            return
        seen = _seen(tls.files().values())
        if seen != self._loaded:
            # Loaded apart first: half a change would break the context that is in use.
            tls.context()
            self._tls.load_cert_chain(tls.cert_file, tls.key_file, password="")
            if tls.client_ca_file is not None:
                self._tls.load_verify_locations(tls.client_ca_file)
            self._loaded = seen

    async def _open(self) -> None:
        tls = self._settings.tls
        if tls is not None:
            self._loaded = _seen(tls.files().values())
            self._tls = tls.context()
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._serve, expect_handler=_leave_to_endpoint)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=_library_logger(),
            # Counts from the beginning of a connection, and from each answer, until the next request's headers are
            # there; bytes that trickle in do not prolong it.
            keepalive_timeout=self._settings.headers_timeout_seconds,
            lingering_time=LINGERING_SECONDS,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
            max_headers=MAX_HEADERS,
            auto_decompress=False,
            shutdown_timeout=ANSWER_SECONDS,
        )
        await self._runner.setup()
        try:
            self._server = await asyncio.get_running_loop().create_server(
                self._connect,
                self._host,
                self._settings.port,
                ssl=self._tls,
                ssl_handshake_timeout=HANDSHAKE_SECONDS if self._tls else None,
                backlog=BACKLOG,
            )
        except OSError:
            await self._close()
            raise

    async def _close(self) -> None:
        server, self._server = self._server, None
        runner, self._runner = self._runner, None
        if server is not None:
            server.close()
        if runner is not None:
            await runner.cleanup()

    def _connect(self) -> asyncio.Protocol:
        """Makes what serves a new connection."""
        server = self._runner.server if self._runner is not None else None
        if server is None or len(server.connections) >= self._settings.max_connections:
            return _Full()
        return server()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._endpoint(request)(request)
        except RefusalError as refusal:
            return refused(refusal)
        except Exception:
            # A defect of ours. Without the request, whose headers hold the token.
            _logger.exception("request failed", path=request.path[:200])
            return refused(RefusalError(500, "defect", "the ingress failed; see its log", close=True))

    def _endpoint(self, request: web.Request) -> Endpoint:
        path = request.rel_url.raw_path
        if path not in self._endpoints:
            # Paths are no secret, and a wrong one is the likeliest mistake.
            known = ", ".join(sorted(self._endpoints))
            raise RefusalError(404, "unknown-path", f"events are posted to: {known}", close=True)
        endpoint = self._endpoints[path]
        if endpoint is None:
            raise RefusalError(
                503, "unavailable", "the subscription does not take events now", retry_after=2, close=True
            )
        if request.method != "POST":
            raise RefusalError(
                405, "wrong-method", "events are sent by POST", headers=(("Allow", "POST"),), close=request.body_exists
            )
        return endpoint


class _Full(asyncio.Protocol):
    """Answers a connection for which there is no room, without reading from it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            phrase = HTTPStatus.SERVICE_UNAVAILABLE.phrase
            transport.write(
                f"HTTP/1.1 503 {phrase}\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode()
            )
            transport.close()


async def _leave_to_endpoint(_: web.Request) -> None:
    """Sends no 100 Continue yet: an endpoint does, once it knows that it wants the body."""


class _MalformedRequestFilter(logging.Filter):
    """Keeps what clients sent out of the log: aiohttp logs a malformed request with its bytes, a token perhaps."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[0] if record.exc_info else None
        record.msg, record.args = "malformed request: %s", (error.__name__ if error else "unknown",)
        record.exc_info = None
        record.levelno, record.levelname = logging.INFO, "INFO"
        return True


def _library_logger() -> logging.Logger:
    logger = logging.getLogger(f"{__name__}.aiohttp")
    if not logger.filters:
        logger.addFilter(_MalformedRequestFilter())
    return logger


def _seen(files: Iterable[Path]) -> tuple[tuple[int, int], ...]:
    """Returns what changes when one of the files does."""
    statuses = [each.stat() for each in files]
    return tuple((each.st_ino, each.st_mtime_ns) for each in statuses)
