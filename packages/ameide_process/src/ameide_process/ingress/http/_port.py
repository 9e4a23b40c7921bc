"""A port that events are posted to, and what bounds the clients on it before a request is read."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final, cast

import structlog
from aiohttp import web

from ameide_process.configuration import HttpListening
from ameide_process.ingress._metrics import IngressMetrics
from ameide_process.ingress.http._connections import Connections, State
from ameide_process.ingress.http._handshake import Handshake
from ameide_process.ingress.http._http_connection import (
    HEADERS_TIMEOUT,
    MADE_ROOM,
    MALFORMED,
    PORT_FULL,
    HttpConnection,
    HttpServer,
    library_logger,
    linger,
)
from ameide_process.ingress.http._refusal import RefusalError, refused
from ameide_process.ingress.http._refusal_log import RefusalLog
from ameide_process.ingress.http._saturation import Saturation
from ameide_process.serving import Check

MAX_LINE_BYTES: Final = 8_190
"""Request line, and each header; aiohttp's default, and that of most servers."""

MAX_HEADERS: Final = 64
"""Headers of one request."""

BACKLOG: Final = 512
"""Connections that wait to be taken."""

ANSWER_SECONDS: Final = 2.0
"""What a stop gives the last answers to reach their clients."""

UNKNOWN_PATH: Final = "unknown-path"
WRONG_METHOD: Final = "wrong-method"
UNAVAILABLE: Final = "unavailable"

TURNED_AWAY: Final = (PORT_FULL, MADE_ROOM, HEADERS_TIMEOUT, MALFORMED, UNKNOWN_PATH, WRONG_METHOD, UNAVAILABLE)
"""Why a port ends a connection, or refuses a request, before a subscription sees it."""

Endpoint = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_logger = structlog.get_logger(__name__)


class EventsPort:
    """Listens while at least one subscription is attached; each has a path."""

    def __init__(self, host: str, settings: HttpListening, *, metrics: IngressMetrics, check: Check) -> None:
        """Prepares the port; nothing listens yet.

        Args:
            host: Where to listen.
            settings: What the subscriptions say of it.
            metrics: Show what it holds, and count what it turns away.
            check: Says whether it has room for callers.
        """
        self._host = host
        self._settings = settings
        self.connections = Connections(settings.max_connections)
        """Which are held."""
        self.refusals = RefusalLog(port=str(settings.port))
        """Writes what was refused into the log."""
        self.saturation = Saturation(check)
        """Says when there is more to do than may be."""
        port = str(settings.port)
        for state in State:
            held = metrics.http_connections.labels(port, state.value)
            held.set_function(lambda state=state: self.connections.number(state))
        self._turned_away = {reason: metrics.http_turned_away.labels(port, reason) for reason in TURNED_AWAY}
        self._endpoints: dict[str, Endpoint | None] = {}
        """By path; None: its subscription is not attached now."""
        self._opening = asyncio.Lock()
        self._runner: web.ServerRunner | None = None
        self._server: asyncio.Server | None = None
        self._tls: ssl.SSLContext | None = None
        self._loaded: tuple[tuple[int, int], ...] = ()

    def __str__(self) -> str:
        return f"{self._host}:{self._settings.port}"

    @property
    def headers_timeout(self) -> float:
        """Seconds from the beginning of a connection within which its first request must be there."""
        return self._settings.headers_timeout_seconds

    def turned_away(self, reason: str) -> None:
        """Counts what the port refused itself, and says where it did so for want of room.

        Args:
            reason: One of `TURNED_AWAY`.
        """
        self._turned_away[reason].inc()
        limit = self._settings.max_connections
        if reason == PORT_FULL and self.connections.number(State.SERVING) >= limit:
            self.saturation.note(
                f"all {limit} connections are in work, further ones are answered 503; add replicas of the ingress, "
                "raise maxConnections, or see what makes requests slow",
                fails=True,
            )
        elif reason in {PORT_FULL, MADE_ROOM}:
            self.saturation.note(
                f"more connections come than the {limit} that are held: those that send no request make room for "
                "others; see who opens them",
                fails=False,
            )

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
        server = HttpServer(
            self._serve,
            self,
            access_log=None,
            logger=library_logger(),
            # Counts from the beginning of a connection, and from each answer, until the next request's headers are
            # there; bytes that trickle in do not prolong it.
            keepalive_timeout=self._settings.headers_timeout_seconds,
            # We do it ourselves, within bounds.
            lingering_time=0,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
            max_headers=MAX_HEADERS,
            auto_decompress=False,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=ANSWER_SECONDS)
        await self._runner.setup()
        try:
            self._server = await asyncio.get_running_loop().create_server(
                server if self._tls is None else lambda tls=self._tls: Handshake(self, tls, server),
                self._host,
                self._settings.port,
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
        # Those that were refused, or have not begun.
        self.connections.abort()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        connection, loop = cast("HttpConnection", request.protocol), asyncio.get_running_loop()
        self.connections.move(connection, State.SERVING, loop.time())
        response = await self._answer(request)
        if not request.content.is_eof():
            # What is refused unread ends its connection, and is counted apart while it does.
            response.force_close()
            self.connections.move(connection, State.LEAVING, loop.time())
            await linger(request, response)
        ends = response.keep_alive is False or not request.keep_alive
        self.connections.move(connection, State.LEAVING if ends else State.IDLE, loop.time())
        return response

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._endpoint(request)(request)
        except RefusalError as refusal:
            self.turned_away(refusal.reason)
            self.refusals.refused(refusal.reason, status=refusal.status, client=request.remote)
            return refused(refusal)
        except Exception:
            # A defect of ours. Without the request, whose headers hold the token.
            _logger.exception("request failed", path=request.path[:200])
            return refused(RefusalError(500, "defect", "the ingress failed; see its log", close=True))

    def _endpoint(self, request: web.BaseRequest) -> Endpoint:
        path = request.rel_url.raw_path
        if path not in self._endpoints:
            # Paths are no secret, and a wrong one is the likeliest mistake.
            known = ", ".join(sorted(self._endpoints))
            raise RefusalError(404, UNKNOWN_PATH, f"events are posted to: {known}", close=True)
        endpoint = self._endpoints[path]
        if endpoint is None:
            raise RefusalError(503, UNAVAILABLE, "the subscription does not take events now", retry_after=2, close=True)
        if request.method != "POST":
            # Ended, since nothing was shown that lets a client hold a connection.
            raise RefusalError(405, WRONG_METHOD, "events are sent by POST", headers=(("Allow", "POST"),), close=True)
        return endpoint


def _seen(files: Iterable[Path]) -> tuple[tuple[int, int], ...]:
    """Returns what changes when one of the files does."""
    statuses = [each.stat() for each in files]
    return tuple((each.st_ino, each.st_mtime_ns) for each in statuses)
