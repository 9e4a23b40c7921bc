"""Reads the bodies of requests, bounded in time and in memory."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Final

from aiohttp import HttpVersion11, web

from ameide_process.ingress.http._refusal import RefusalError
from ameide_process.ingress.http._requests import decompressed, too_large_body

HELD_BYTES: Final = 64 * 1024 * 1024
"""Bodies of one subscription that are in memory at once: a share of a pod's memory, whatever a request may have."""


class Bodies:
    """The bodies of one subscription that are read or wait for their events to end."""

    def __init__(self, *, limit: int, timeout: float) -> None:
        """Holds none yet.

        Args:
            limit: Bytes of one body, before and after decompression.
            timeout: Seconds within which one must arrive.
        """
        self._limit = limit
        self._timeout = timeout
        self._held = 0

    @contextlib.asynccontextmanager
    async def body(self, request: web.Request) -> AsyncGenerator[bytes]:
        """Reads a body, without its content coding; it counts until the block ends.

        Raises:
            RefusalError: It is too large, too slow, cut off, or not what its headers say.
        """
        encoding = request.headers.getall("Content-Encoding", [])
        if len(encoding) > 1:
            raise RefusalError(
                415, "wrong-content-encoding", "content encodings are stacked; send the body as it is, or as gzip"
            )
        if (request.content_length or 0) > self._limit:
            raise too_large_body(self._limit)
        reserved = 0
        try:
            await _invite(request)
            parts: list[bytes] = []
            try:
                async with asyncio.timeout(self._timeout):
                    while part := await request.content.readany():
                        reserved += len(part)
                        self._reserve(len(part))
                        if reserved > self._limit:
                            raise too_large_body(self._limit)
                        parts.append(part)
            except TimeoutError as error:
                raise RefusalError(
                    408,
                    "body-timeout",
                    f"the body did not arrive within {self._timeout:g} seconds; send it again",
                    retry_after=1,
                    close=True,
                ) from error
            except (web.RequestPayloadError, ConnectionError) as error:
                raise RefusalError(
                    400, "undecodable", "the body is cut off, or its chunks are malformed", close=True
                ) from error
            body = b"".join(parts)
            parts.clear()
            plain = decompressed(body, encoding[0] if encoding else "", self._limit)
            if plain is not body:
                reserved += len(plain)
                self._reserve(len(plain))
            yield plain
        finally:
            self._held -= reserved

    def _reserve(self, number: int) -> None:
        """Counts bytes.

        Raises:
            RefusalError: There are too many; they count all the same, until the body is given up.
        """
        self._held += number
        if self._held > HELD_BYTES:
            raise RefusalError(
                429,
                "too-many-bytes",
                "the bodies of other requests fill the memory; send it again",
                retry_after=1,
                close=True,
            )


async def _invite(request: web.Request) -> None:
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
