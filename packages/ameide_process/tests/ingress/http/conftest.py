"""The ingress of a process that takes its events by HTTP, between real clients and a real Temporal."""

import asyncio
import contextlib
import dataclasses
import json
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import TemporalDevServer
from ameide_devstack.testing import wait_until
from ameide_process.contract import Subscription
from ameide_process.ingress import serve_ingress
from ameide_process.routing import Router

HOST = "127.0.0.1"
BINDING = "orders-posted"
PATH = f"/events/{BINDING}"


@dataclass(frozen=True)
class Answer:
    """What a client was told."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def document(self) -> dict[str, Any]:
        """The problem document, or what else is JSON."""
        return json.loads(self.text)


class Posting:
    """A running ingress, and a client of it."""

    def __init__(self, port: int, health_port: int, http: aiohttp.ClientSession, tls: ssl.SSLContext | None) -> None:
        self.port = port
        self.stop = asyncio.Event()
        self._health = f"http://{HOST}:{health_port}"
        self._events = f"{'https' if tls else 'http'}://{HOST}:{port}"
        self._http = http
        self._tls = tls

    async def post(
        self, body: Any, headers: Any = None, *, path: str = PATH, method: str = "POST", **options: Any
    ) -> Answer:
        async with self._http.request(
            method, self._events + path, data=body, headers=headers, ssl=self._tls or True, **options
        ) as response:
            return Answer(response.status, dict(response.headers), await response.text())

    async def post_protobuf(self, event: OrderFulfillmentEvent, headers: Mapping[str, str] | None = None) -> Answer:
        return await self.post(event.SerializeToString(), {"content-type": "application/protobuf", **(headers or {})})

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Opens a connection for bytes that no client library would send."""
        return await asyncio.open_connection(HOST, self.port, ssl=self._tls)

    async def send(self, sent: bytes, *, finished: bool = False, within: float = 20.0) -> bytes:
        """Sends bytes on a connection of their own, and returns what came until it was closed."""
        reader, writer = await self.connect()
        try:
            writer.write(sent)
            if finished:
                writer.write_eof()
            async with asyncio.timeout(within):
                return await reader.read()
        finally:
            writer.close()

    async def get(self, path: str) -> tuple[int, str]:
        try:
            async with self._http.get(self._health + path) as response:
                return response.status, await response.text()
        except aiohttp.ClientError:
            return 0, ""

    async def check(self, name: str) -> tuple[bool, str]:
        _, body = await self.get("/readyz")
        for check in json.loads(body or '{"checks": []}')["checks"]:
            if check["name"] == name:
                return check["ok"], check["reason"]
        return False, ""

    async def until_check(self, name: str, reason: str) -> None:
        async def says_so() -> bool:
            ok, said = await self.check(name)
            return not ok and reason in said

        await wait_until(says_so, timeout_s=30)

    async def until_ready(self) -> None:
        async def is_ready() -> bool:
            return (await self.get("/readyz"))[0] == 200

        await wait_until(is_ready, timeout_s=30)

    async def metric(self, line: str) -> float:
        _, page = await self.get("/metrics")
        return next((float(each.rpartition(" ")[2]) for each in page.splitlines() if each.startswith(line)), 0.0)


PostingFactory = Callable[..., AbstractAsyncContextManager[Posting]]


@pytest.fixture(scope="session")
def posting(
    router: Router[OrderFulfillmentEvent],
    temporal: TemporalDevServer,
    tmp_path_factory: pytest.TempPathFactory,
    unused_tcp_port_factory: Callable[[], int],
) -> PostingFactory:
    """Runs the program as its environment and mounted files tell it; it is ready when the block begins."""
    folder = tmp_path_factory.mktemp("mounted")
    contract = dataclasses.replace(
        router.contract, subscriptions=(Subscription(name=BINDING, kind="http", binding_ref=BINDING),)
    )
    posted_router = type("PostedRouter", (type(router),), {"contract": contract})()

    @contextlib.asynccontextmanager
    async def run(
        settings: Mapping[str, object] | None = None,
        *,
        server: TemporalDevServer = temporal,
        outputs: Mapping[str, object] | None = None,
        tls: ssl.SSLContext | None = None,
        ready: bool = True,
        port: int | None = None,
    ) -> AsyncGenerator[Posting]:
        port = port or unused_tcp_port_factory()
        health_port = unused_tcp_port_factory()
        config = folder / f"{port}.ingress.yaml"
        config.write_text(json.dumps({BINDING: {"kind": "http", "port": port, **(settings or {})}}))
        environ = {
            **server.environment(),
            "INGRESS_CONFIG": str(config),
            "PORT_HTTP": str(health_port),
            "HTTP_HOST": HOST,
            **_outputs(folder / f"{port}.outputs.yaml", outputs),
        }
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as http:
            ingress = Posting(port, health_port, http, tls)
            task = asyncio.create_task(serve_ingress(posted_router, environ, ingress.stop))
            try:
                if ready:
                    await ingress.until_ready()
                yield ingress
            finally:
                ingress.stop.set()
                await task

    return run


def _outputs(path: Path, outputs: Mapping[str, object] | None) -> dict[str, str]:
    if outputs is None:
        return {}
    path.write_text(json.dumps(outputs))
    return {"OUTPUT_CONFIG": str(path)}
