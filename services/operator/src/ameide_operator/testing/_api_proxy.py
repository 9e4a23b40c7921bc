"""A proxy before the API server that fails as one says: for faults that a real server cannot be brought to."""

import asyncio
import json
import ssl
from collections.abc import Callable, Generator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self, cast

import aiohttp
from aiohttp import web
from lightkube import SingleConfig
from lightkube.config.models import Cluster

Matches = Callable[[web.BaseRequest], bool]
"""Which requests a fault concerns."""

_LOOPBACK: Final = "127.0.0.1"
_HOP_BY_HOP: Final = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})
"""Headers of one connection, which a proxy does not pass on."""


def everything(_: web.BaseRequest) -> bool:
    """Matches every request."""
    return True


def is_watch(request: web.BaseRequest) -> bool:
    """Matches watches."""
    return request.query.get("watch") == "true"


def is_list(request: web.BaseRequest) -> bool:
    """Matches lists of a kind in a namespace."""
    return request.method == "GET" and not is_watch(request) and request.path.split("/")[-3:-2] == ["namespaces"]


def is_write(request: web.BaseRequest) -> bool:
    """Matches what may change something."""
    return request.method not in {"GET", "HEAD", "OPTIONS"}


@dataclass(slots=True, eq=False)
class Fault:
    """A fault while it is there."""

    matches: Matches
    status: int = 0
    """Answer in place of the server; 0: that of the server."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    delay_s: float = 0.0
    """Before the answer, in seconds."""
    times: int | None = None
    """How many requests it meets at most; None: all."""
    met: int = 0
    """How many it has met."""


@dataclass(slots=True, eq=False)
class _Stream:
    """An open watch."""

    ended: asyncio.Event = field(default_factory=asyncio.Event)
    last_words: bytes | None = None
    """What it says before it ends; None: the connection breaks."""


class ApiProxy:
    """Passes requests on to an API server while its `async with` block runs, but for those that meet a fault.

    Args:
        config: How to reach the server; credentials are those of whoever asks.
    """

    def __init__(self, config: SingleConfig) -> None:
        self._config = config
        self._faults: list[Fault] = []
        self._streams: set[_Stream] = set()
        self._silent = asyncio.Event()
        self._stack = AsyncExitStack()
        self._port = 0

    @property
    def config(self) -> SingleConfig:
        """How to reach the server through the proxy."""
        server = f"http://{_LOOPBACK}:{self._port}"
        return self._config._replace(cluster=Cluster(server=server))

    @property
    def watches(self) -> int:
        """How many watches are open."""
        return len(self._streams)

    async def __aenter__(self) -> Self:
        authority = self._config.abs_file(self._config.cluster.certificate_auth or "")
        tls = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=authority), limit=0)
        client = aiohttp.ClientSession(connector=tls, auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None))
        self._client = await self._stack.enter_async_context(client)
        # What a client no longer waits for ends here too; streams would hold the end up for a minute.
        runner = web.ServerRunner(web.Server(self._handle), handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, _LOOPBACK, 0).start()
        self._port = runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @contextmanager
    def answering(
        self,
        status: int,
        matches: Matches = everything,
        *,
        headers: Mapping[str, str] | None = None,
        times: int | None = None,
    ) -> Generator[Fault]:
        """Answers requests in the server's place while the block runs, or so many times."""
        with self._there(Fault(matches, status=status, headers=headers or {}, times=times)) as fault:
            yield fault

    @contextmanager
    def delaying(self, seconds: float, matches: Matches = everything) -> Generator[Fault]:
        """Lets requests wait while the block runs."""
        with self._there(Fault(matches, delay_s=seconds)) as fault:
            yield fault

    @contextmanager
    def silent(self) -> Generator[None]:
        """Lets watches that are open say nothing any more, for ever: as a connection whose other end is gone."""
        self._silent.set()
        try:
            yield
        finally:
            self._silent = asyncio.Event()

    def break_watches(self) -> int:
        """Breaks the connections of all open watches; returns how many there were."""
        return self._end_watches(None)

    def end_watches(self, code: int, reason: str) -> int:
        """Ends all open watches with an ERROR in the stream; returns how many there were."""
        return self._end_watches(json.dumps({"type": "ERROR", "object": _status(code, reason)}).encode() + b"\n")

    def _end_watches(self, last_words: bytes | None) -> int:
        for stream in self._streams:
            stream.last_words = last_words
            stream.ended.set()
        return len(self._streams)

    @contextmanager
    def _there(self, fault: Fault) -> Generator[Fault]:
        self._faults.append(fault)
        try:
            yield fault
        finally:
            self._faults.remove(fault)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        for fault in list(self._faults):
            if not fault.matches(request) or fault.met == fault.times:
                continue
            fault.met += 1
            await asyncio.sleep(fault.delay_s)
            if fault.status:
                return web.json_response(_status(fault.status, "Injected"), status=fault.status, headers=fault.headers)
        return await self._pass_on(request)

    async def _pass_on(self, request: web.BaseRequest) -> web.StreamResponse:
        async with self._client.request(
            request.method,
            f"{self._config.cluster.server}{request.raw_path}",
            headers={name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP},
            data=await request.read() or None,
        ) as answer:
            headers = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
            if not is_watch(request) or answer.status != web.HTTPOk.status_code:
                return web.Response(status=answer.status, headers=headers, body=await answer.read())
            response = web.StreamResponse(status=answer.status, headers=headers)
            await response.prepare(request)
            stream = _Stream()
            self._streams.add(stream)
            try:
                await self._copy(answer, response, stream, self._silent)
            finally:
                self._streams.discard(stream)
            if stream.ended.is_set() and stream.last_words is None:
                cast("Any", request.transport).abort()
            return response

    @staticmethod
    async def _copy(
        answer: aiohttp.ClientResponse, response: web.StreamResponse, stream: _Stream, silent: asyncio.Event
    ) -> None:
        ended = asyncio.create_task(stream.ended.wait())
        try:
            while True:
                chunk = asyncio.create_task(answer.content.readany())
                try:
                    await asyncio.wait({chunk, ended}, return_when=asyncio.FIRST_COMPLETED)
                except asyncio.CancelledError:  # the client has gone
                    chunk.cancel()
                    raise
                if ended.done():
                    chunk.cancel()
                    if stream.last_words is not None:
                        await response.write(stream.last_words)
                    return
                if silent.is_set():
                    await ended
                    return
                if not (content := chunk.result()):
                    return
                await response.write(content)
        finally:
            ended.cancel()


def _status(code: int, reason: str) -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f"a fault that the proxy makes: {code}",
        "reason": reason,
        "code": code,
    }
