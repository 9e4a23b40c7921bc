"""Reads the bodies of requests, bounded in time and in memory; where many are slow, the slowest make room."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

from aiohttp import HttpVersion11, web

from ameide_process.ingress.http._refusal import RefusalError
from ameide_process.ingress.http._requests import decompressed, too_large_body

HELD_BYTES: Final = 64 * 1024 * 1024
"""Bodies of one subscription that are in memory at once: a share of a pod's memory, whatever a request may have."""

SLOW_SECONDS: Final = 1.0
"""A body that is so long on its way makes room, where others want its place or its memory."""


@dataclass(slots=True, eq=False)
class _Body:
    """What a body takes."""

    began: float
    size: int = 0
    reading: asyncio.Timeout | None = None
    """While it is read."""
    gave_way: bool = False


class Bodies:
    """The bodies of one subscription that are read or wait for their events to end."""

    def __init__(self, *, limit: int, timeout: float, places: int) -> None:
        """Holds none yet.

        Args:
            limit: Bytes of one body, before and after decompression.
            timeout: Seconds within which one must arrive.
            places: Bodies that may be on their way for long.
        """
        self._limit = limit
        self._timeout = timeout
        self._places = places
        self._reading: dict[_Body, None] = {}
        """Those that are on their way, in the order in which they began."""
        self._held = 0

    @property
    def reading(self) -> int:
        """How many are on their way."""
        return len(self._reading)

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return self._held

    @contextlib.asynccontextmanager
    async def body(self, request: web.BaseRequest) -> AsyncGenerator[bytes]:
        """Reads a body, without its content coding; it counts until the block ends.

        Raises:
            RefusalError: It is too large, too slow, cut off, or not what its headers say, or there is no room for it.
        """
        encoding = request.headers.getall("Content-Encoding", [])
        if len(encoding) > 1:
            raise RefusalError(
                415, "wrong-content-encoding", "content encodings are stacked; send the body as it is, or as gzip"
            )
        if (request.content_length or 0) > self._limit:
            raise too_large_body(self._limit)
        held = _Body(asyncio.get_running_loop().time())
        try:
            body = await self._read(request, held)
            plain = decompressed(body, encoding[0] if encoding else "", self._limit)
            if plain is not body:
                self._reserve(held, len(plain))
            yield plain
        finally:
            self._held -= held.size

    async def _read(self, request: web.BaseRequest, held: _Body) -> bytes:
        # Who comes is not refused: what comes at once needs the place for a moment only, and connections are bounded.
        if len(self._reading) >= self._places:
            self._make_room(held)
        parts: list[bytes] = []
        self._reading[held] = None
        try:
            async with asyncio.timeout(self._timeout) as held.reading:
                await _invite(request)
                while part := await request.content.readany():
                    self._reserve(held, len(part))
                    if held.size > self._limit:
                        raise too_large_body(self._limit)
                    parts.append(part)
        except TimeoutError as error:
            why = (
                "others wanted the room that it took while it came slowly"
                if held.gave_way
                else f"it did not arrive within {self._timeout:g} seconds"
            )
            raise RefusalError(
                408, "body-timeout", f"the body was given up: {why}; send it again", retry_after=1, close=True
            ) from error
        except (web.RequestPayloadError, ConnectionError) as error:
            raise RefusalError(
                400, "undecodable", "the body is cut off, or its chunks are malformed", close=True
            ) from error
        finally:
            self._reading.pop(held, None)
        return b"".join(parts)

    def _reserve(self, held: _Body, number: int) -> None:
        """Counts bytes.

        Raises:
            RefusalError: There are too many; they count all the same, until the body is given up.
        """
        held.size += number
        self._held += number
        while self._held > HELD_BYTES:
            if not self._make_room(held):
                raise RefusalError(
                    429,
                    "too-many-bytes",
                    "the bodies of other requests fill the memory; send it again",
                    retry_after=1,
                    close=True,
                )

    def _make_room(self, wanted_by: _Body) -> bool:
        """Gives up the body that has been on its way longest, where it is slow; its bytes count no more."""
        now = asyncio.get_running_loop().time()
        for body in self._reading:
            if body is wanted_by:
                continue
            if now - body.began < SLOW_SECONDS:
                return False
            if body.reading is None or body.reading.expired():
                continue
            del self._reading[body]
            self._held -= body.size
            body.size = 0
            body.gave_way = True
            body.reading.reschedule(now)
            return True
        return False


async def _invite(request: web.BaseRequest) -> None:
    """Says that the body is wanted, to a client that waits for that word.

    Raises:
        RefusalError: It waits for another one.
    """
    expected = request.headers.get("Expect")
    if not expected or request.version < HttpVersion11:
        return
    if expected.lower() != "100-continue":
        raise RefusalError(
            417, "wrong-expectation", f"Expect: {expected[:100]!r} is not known; 100-continue is", close=True
        )
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # aiohttp takes what was written for the beginning of the answer.
    request.writer.output_size = 0
