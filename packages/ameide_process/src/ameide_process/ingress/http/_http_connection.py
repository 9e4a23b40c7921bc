"""A connection of a client, as aiohttp serves it: held within bounds, and told why where it is not served."""

import asyncio
import logging
from typing import Any, Final, Protocol, cast

import structlog
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMethod, BadStatusLine, InvalidHeader, LineTooLong

from ameide_process.ingress.http._connections import Connections, State
from ameide_process.ingress.http._refusal import RefusalError, refused, refused_connection
from ameide_process.ingress.http._refusal_log import RefusalLog

LINGERING_SECONDS: Final = 5.0
"""How long what a refused client still sends is read and dropped, so that it gets to see the answer."""

REFUSED_SECONDS: Final = 1.0
"""The same for a connection for which there is no room."""

PORT_FULL: Final = "port-full"
MADE_ROOM: Final = "made-room"
HEADERS_TIMEOUT: Final = "headers-timeout"
MALFORMED: Final = "malformed-request"

_RETRY_SECONDS: Final = 1.0

_logger = structlog.get_logger(__name__)


class Keeper(Protocol):
    """The port, to its connections."""

    @property
    def connections(self) -> Connections:
        """Which are held."""
        ...

    @property
    def refusals(self) -> RefusalLog:
        """Writes what was refused into the log."""
        ...

    @property
    def headers_timeout(self) -> float:
        """Seconds from the beginning of a connection within which its first request must be there."""
        ...

    def turned_away(self, reason: str) -> None:
        """Counts a connection or request that the port refused itself."""
        ...


class HttpServer(web.Server):
    """Makes the connections of a port."""

    def __init__(self, handler: Any, keeper: Keeper, **options: Any) -> None:
        """Takes what serves a request.

        Args:
            handler: From a request to its answer.
            keeper: The port.
            options: aiohttp's, for each connection.
        """
        super().__init__(handler, **options)
        self._keeper = keeper
        self._options = options

    def __call__(self) -> "HttpConnection":
        """Makes what serves a new connection."""
        return HttpConnection(self, self._keeper, loop=asyncio.get_running_loop(), **self._options)


class HttpConnection(web.RequestHandler):
    """Serves the requests of one connection."""

    __slots__ = ("_keeper", "_late")

    def __init__(self, server: web.Server, keeper: Keeper, **options: Any) -> None:
        """Takes what aiohttp wants of a connection.

        Args:
            server: Whose it is.
            keeper: The port.
            options: aiohttp's.
        """
        super().__init__(server, **options)
        self._keeper = keeper
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Takes the connection, or refuses it where there is no room."""
        loop = asyncio.get_running_loop()
        if not self._keeper.connections.admit(self, loop.time()):
            self._keeper.turned_away(PORT_FULL)
            turned_away = _Refused(self._keeper.connections)
            turned_away.take(cast("asyncio.Transport", transport), _full("every connection of this port is in work"))
            return
        # A moment before aiohttp's own, which says nothing.
        self._late = loop.call_later(self._keeper.headers_timeout, self._give_up_headers)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forgets the connection."""
        self._keeper.connections.lost(self)
        if self._late is not None:
            self._late.cancel()
        super().connection_lost(exc)

    def make_room(self, *, new: bool) -> None:
        """Ends it for another one, and says so; after an answer it goes without a word, as any client knows it."""
        self._keeper.turned_away(MADE_ROOM)
        self._end(_full("the connection sent no request, and others want its place") if new else None)

    def abort(self) -> None:
        """Ends it at once."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answers what is no request, without a word of what was sent: a token may be in it. aiohttp's own has it."""
        if status != 400:
            _logger.error("request failed", error=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the answer was sent already")
        self._keeper.connections.move(self, State.LEAVING, asyncio.get_running_loop().time())
        if status != 400:
            return refused(RefusalError(500, "defect", "the ingress failed; see its log", close=True))
        self._keeper.turned_away(MALFORMED)
        self._keeper.refusals.refused(MALFORMED, error=type(exc).__name__, client=request.remote)
        return refused(RefusalError(400, MALFORMED, _what_is_malformed(exc), close=True))

    def _give_up_headers(self) -> None:
        self._late = None
        if self._keeper.connections.state(self) is State.NEW:
            self._keeper.turned_away(HEADERS_TIMEOUT)
            self._keeper.connections.move(self, State.LEAVING, asyncio.get_running_loop().time())
            seconds = self._keeper.headers_timeout
            detail = f"no whole request came within {seconds:g} seconds of the connection's beginning; send it again"
            self._end(RefusalError(408, HEADERS_TIMEOUT, detail, retry_after=_RETRY_SECONDS))

    def _end(self, refusal: RefusalError | None) -> None:
        if refusal is not None and self.transport is not None:
            self.transport.write(refused_connection(refusal))
        self.force_close()


class _Refused(asyncio.Protocol):
    """Tells a connection for which there is no room, and drops what it sends until it sees that."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def take(self, transport: asyncio.Transport, refusal: RefusalError) -> None:
        loop = asyncio.get_running_loop()
        self._transport = transport
        transport.set_protocol(self)
        transport.write(refused_connection(refusal))
        if transport.can_write_eof():
            transport.write_eof()
        self._timer = loop.call_later(REFUSED_SECONDS, transport.close)
        self._connections.leave(self, loop.time())

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.lost(self)
        if self._timer is not None:
            self._timer.cancel()

    def make_room(self, *, new: bool) -> None:
        self.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


async def linger(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Answers before the request's body has come, then reads and drops what comes of it for some seconds.

    A connection that ends with bytes unread is reset, and its client may never see the answer.
    """
    try:
        await response.prepare(request)
        await response.write_eof()
        async with asyncio.timeout(LINGERING_SECONDS):
            while not request.content.is_eof():
                await request.content.readany()
    except (TimeoutError, ConnectionError, web.RequestPayloadError):
        # Nobody waits for the rest, and aiohttp ends the connection.
        return


def library_logger() -> logging.Logger:
    """Returns the logger for aiohttp's own lines, which keeps what clients sent out of the log."""
    logger = logging.getLogger(f"{__name__}.aiohttp")
    if not logger.filters:
        logger.addFilter(_RequestFilter())
    return logger


class _RequestFilter(logging.Filter):
    """aiohttp logs errors with the bytes of their request, a token perhaps."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[0] if record.exc_info else None
        record.msg, record.args = "request failed: %s", (error.__name__ if error else "unknown",)
        record.exc_info = None
        return True


def _full(what: str) -> RefusalError:
    return RefusalError(503, PORT_FULL, f"{what}; connect again", retry_after=_RETRY_SECONDS)


def _what_is_malformed(error: BaseException | None) -> str:
    match error:
        case LineTooLong():
            what = "its request line or one of its headers is too long"
        case BadStatusLine() | BadHttpMethod():
            what = "its first line is none; is TLS spoken where none is expected?"
        case InvalidHeader():
            what = "one of its headers is none"
        case _:
            what = "its headers contradict each other, hold what no header may, or are too many"
    return f"this is no HTTP/1.1 request: {what}"
