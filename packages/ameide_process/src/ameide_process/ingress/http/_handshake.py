"""The beginning of a connection by TLS, held and counted as any other: a client may never finish it."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final, cast

from ameide_process.ingress.http._http_connection import MADE_ROOM, HttpConnection, Keeper

HANDSHAKE_SECONDS: Final = 10.0
"""For TLS, to begin."""

FAREWELL_SECONDS: Final = 2.0
"""For TLS, to end."""


class Handshake(asyncio.Protocol):
    """Holds a connection until TLS is spoken on it, then hands it over.

    asyncio's own server for TLS tells nobody of handshakes that are under way: they could be neither counted nor ended.
    """

    def __init__(self, keeper: Keeper, tls: ssl.SSLContext, serve: Callable[[], HttpConnection]) -> None:
        """Takes what the connection is handed to.

        Args:
            keeper: The port.
            tls: Certificates, as they are when the handshake begins.
            serve: Makes what serves the connection.
        """
        self._keeper = keeper
        self._tls = tls
        self._serve = serve
        self._transport: asyncio.Transport | None = None
        self._shaking: asyncio.Task[None] | None = None
        self._early: list[bytes] = []
        """What came with the end of the handshake."""
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins the handshake; where there is no room too, since nothing can be said before TLS is spoken."""
        self._transport = cast("asyncio.Transport", transport)
        loop = asyncio.get_running_loop()
        if not self._keeper.connections.admit(self, loop.time()):
            self._keeper.connections.leave(self, loop.time())
        self._transport.pause_reading()
        self._shaking = loop.create_task(self._shake(self._transport))

    def data_received(self, data: bytes) -> None:
        """Keeps what comes before the connection is handed over: some requests at most, and only for a moment."""
        self._early.append(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forgets the connection."""
        self._lost = True
        self._keeper.connections.lost(self)

    def make_room(self, *, new: bool) -> None:
        """Ends it for another one."""
        del new
        self._keeper.turned_away(MADE_ROOM)
        self.abort()

    def abort(self) -> None:
        """Ends it at once."""
        if self._transport is not None:
            self._transport.abort()

    async def _shake(self, transport: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        if transport.is_closing():
            return
        try:
            spoken = await loop.start_tls(
                transport,
                self,
                self._tls,
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=FAREWELL_SECONDS,
            )
        except OSError:
            # Not TLS, no certificate that we trust, too slow, or gone: all of them end it.
            spoken = None
        finally:
            self._keeper.connections.lost(self)
        if spoken is None or self._lost:
            transport.abort()
            return
        serving = self._serve()
        spoken.set_protocol(serving)
        serving.connection_made(spoken)
        for data in self._early:
            # To whom it is by now: there may have been no room.
            cast("asyncio.Protocol", spoken.get_protocol()).data_received(data)
