"""What the conformance suite asks of a transport: one `Source` class for each, in `SOURCES`.

To add a transport: write a `Source` that publishes as its producers do, and name it in `SOURCES`. All tests of
`test_conformance.py` then run over it. A source that pushes (HTTP) publishes in the background, again and again until
it is told that its event is taken; what it was not told so yet is `unacknowledged`.
"""

import asyncio
import contextlib
import dataclasses
import json
import socket
import sys
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import aiohttp
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import TopicAlreadyExistsError
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import ApacheKafka, EmbeddedKafka, KafkaBroker, NatsServer, Program, Server, TemporalDevServer
from ameide_devstack.testing import wait_until
from ameide_process.contract import Subscription
from ameide_process.ingress import serve_ingress
from ameide_process.nats_headers import read_headers, write_headers
from ameide_process.routing import Router
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

HOST = "127.0.0.1"
Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class Record:
    """A record of a dead-letter stream."""

    value: bytes
    headers: dict[str, bytes]


class Source(ABC):
    """A broker with topics, by whatever name it calls them, and dead-letter streams at a broker of its own."""

    kind: ClassVar[str]
    """As the contract has it."""
    attribute_prefix: ClassVar[str]
    """Of headers that hold attributes of CloudEvents."""
    tombstone: ClassVar[tuple[bytes | None, Headers]]
    """A message that says that something is gone, and is no event; where the transport has such."""

    @property
    @abstractmethod
    def server(self) -> Server:
        """What may be killed and started again."""

    @property
    @abstractmethod
    def dead_letter_server(self) -> Server:
        """Likewise, of the dead-letter streams."""

    async def __aenter__(self) -> Self:
        await self.server.start()
        await self.dead_letter_server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.close()
        await self.dead_letter_server.close()

    @abstractmethod
    async def create(self, topic: str) -> None:
        """Makes a topic that keeps the order of a key."""

    @abstractmethod
    async def create_dead_letters(self, topic: str) -> None:
        """Makes the stream that takes its dead letters."""

    @abstractmethod
    def subscription(self, topic: str) -> Mapping[str, object]:
        """Returns the settings that read a topic."""

    @abstractmethod
    def output(self, topic: str) -> Mapping[str, object]:
        """Returns the settings that write its dead letters."""

    @abstractmethod
    async def publish(self, topic: str, value: bytes | None, headers: Headers = (), *, key: str = "") -> None:
        """Publishes as a producer does."""

    @abstractmethod
    async def unacknowledged(self, topic: str) -> int:
        """How many messages of a topic the ingress has not acknowledged."""

    @abstractmethod
    async def dead_letters(self, topic: str) -> list[Record]:
        """What stands in its dead-letter stream now."""


class KafkaSource(Source):
    """Topics of one partition each."""

    kind = "kafka"
    attribute_prefix = "ce_"
    tombstone = (None, ())

    def __init__(self) -> None:
        self._broker = self._new_broker()
        self._dead_letter_broker = EmbeddedKafka()
        self._sent: dict[str, int] = {}

    def _new_broker(self) -> KafkaBroker:
        return EmbeddedKafka()

    @property
    def server(self) -> KafkaBroker:
        return self._broker

    @property
    def dead_letter_server(self) -> KafkaBroker:
        return self._dead_letter_broker

    async def create(self, topic: str) -> None:
        await self.server.create_topic(topic)

    async def create_dead_letters(self, topic: str) -> None:
        # The embedded broker makes a topic for the first producer that asks for it.
        with contextlib.suppress(TopicAlreadyExistsError):
            await self.dead_letter_server.create_topic(f"{topic}.dead")

    def subscription(self, topic: str) -> Mapping[str, object]:
        servers = self.server.bootstrap_servers
        # The broker takes a killed member for alive until then.
        return {"bootstrapServers": servers, "topic": topic, "consumerGroup": topic, "sessionTimeoutSeconds": 2}

    def output(self, topic: str) -> Mapping[str, object]:
        return {"bootstrapServers": self.dead_letter_server.bootstrap_servers, "topic": f"{topic}.dead"}

    async def publish(self, topic: str, value: bytes | None, headers: Headers = (), *, key: str = "") -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.server.bootstrap_servers)
        await producer.start()
        await producer.send_and_wait(topic, value, key=key.encode(), headers=list(headers))
        await producer.stop()
        self._sent[topic] = self._sent.get(topic, 0) + 1

    async def unacknowledged(self, topic: str) -> int:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.server.bootstrap_servers)
        partition = TopicPartition(topic, 0)
        await admin.start()
        try:
            # The embedded broker does not answer for all partitions.
            committed = await admin.list_consumer_group_offsets(topic, partitions=[partition])
        finally:
            await admin.close()
        found = committed.get(partition)
        return self._sent.get(topic, 0) - (max(0, found.offset) if found else 0)

    async def dead_letters(self, topic: str) -> list[Record]:
        return await records(self.dead_letter_server, f"{topic}.dead")


class ApacheKafkaSource(KafkaSource):
    """The same on Apache Kafka, which keeps what it has."""

    def _new_broker(self) -> KafkaBroker:
        return ApacheKafka()


class NatsSource(Source):
    """Streams of one subject each."""

    kind = "nats"
    attribute_prefix = "ce-"
    tombstone = (b"", [("KV-Operation", b"DEL")])

    def __init__(self) -> None:
        self._nats = NatsServer()
        self._dead_letter_nats = NatsServer()

    @property
    def server(self) -> NatsServer:
        return self._nats

    @property
    def dead_letter_server(self) -> NatsServer:
        return self._dead_letter_nats

    async def create(self, topic: str) -> None:
        await self.server.create_stream(topic, [f"{topic}.events"])

    async def create_dead_letters(self, topic: str) -> None:
        await self.dead_letter_server.create_stream(f"{topic}-dead", [f"{topic}.dead"])

    def subscription(self, topic: str) -> Mapping[str, object]:
        return {
            "servers": self.server.address,
            "stream": topic,
            "durable": topic,
            "ackWaitSeconds": 3,
            "memberTimeoutSeconds": 2,
        }

    def output(self, topic: str) -> Mapping[str, object]:
        return {"servers": self.dead_letter_server.address, "subject": f"{topic}.dead"}

    async def publish(self, topic: str, value: bytes | None, headers: Headers = (), *, key: str = "") -> None:
        async with self.server.client() as client:
            await JetStreamContext(client).publish(f"{topic}.events", value or b"", headers=write_headers(headers))

    async def unacknowledged(self, topic: str) -> int:
        async with self.server.client() as client:
            jetstream = JetStreamContext(client)
            try:
                info = await jetstream.consumer_info(topic, topic)
            except NotFoundError:
                return (await jetstream.stream_info(topic)).state.messages
            return (info.num_pending or 0) + (info.num_ack_pending or 0)

    async def dead_letters(self, topic: str) -> list[Record]:
        async with self.dead_letter_server.client() as client:
            jetstream = JetStreamContext(client)
            last = (await jetstream.stream_info(f"{topic}-dead")).state.last_seq
            # Its headers have no types.
            found: list[Any] = [await jetstream.get_msg(f"{topic}-dead", number) for number in range(1, last + 1)]
        return [Record(each.data or b"", dict(read_headers(each.headers))) for each in found]


class HttpSource(Source):
    """Producers that post, one event of a key after the other, again and again until they are told that it is taken."""

    kind = "http"
    attribute_prefix = "ce-"

    def __init__(self) -> None:
        self._dead_letter_broker = EmbeddedKafka()
        self._ports: dict[str, list[int]] = {}
        """By topic: of each ingress that was told to take it. One that is gone takes no connection."""
        self._waiting: dict[tuple[str, str], deque[tuple[bytes, Headers]]] = {}
        """By topic and key: the events that no ingress has taken."""
        self._posting: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        await self.dead_letter_server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for each in self._posting.values():
            each.cancel()
        await asyncio.gather(*self._posting.values(), return_exceptions=True)
        await self.dead_letter_server.close()

    @property
    def server(self) -> Server:
        raise AssertionError("producers are their own source")

    @property
    def dead_letter_server(self) -> EmbeddedKafka:
        return self._dead_letter_broker

    async def create(self, topic: str) -> None:
        self._ports[topic] = []

    async def create_dead_letters(self, topic: str) -> None:
        # The embedded broker makes a topic for the first producer that asks for it.
        with contextlib.suppress(TopicAlreadyExistsError):
            await self.dead_letter_server.create_topic(f"{topic}.dead")

    def subscription(self, topic: str) -> Mapping[str, object]:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
        self._ports[topic].append(port)
        # Until the dead-letter stream is back, so that a repetition is none of its records.
        return {"port": port, "path": f"/{topic}", "deadLetter": "dead-letter", "acceptanceTimeoutSeconds": 60}

    def output(self, topic: str) -> Mapping[str, object]:
        servers = self.dead_letter_server.bootstrap_servers
        return {"kind": "kafka", "bootstrapServers": servers, "topic": f"{topic}.dead"}

    async def publish(self, topic: str, value: bytes | None, headers: Headers = (), *, key: str = "") -> None:
        name = (topic, key)
        self._waiting.setdefault(name, deque()).append((value or b"", headers))
        if name not in self._posting or self._posting[name].done():
            self._posting[name] = asyncio.create_task(self._post_all(topic, self._waiting[name]))

    async def _post_all(self, topic: str, waiting: deque[tuple[bytes, Headers]]) -> None:
        async with aiohttp.ClientSession() as http:
            while waiting:
                if await self._posted(http, topic, *waiting[0]):
                    waiting.popleft()
                else:
                    await asyncio.sleep(0.1)

    async def _posted(self, http: aiohttp.ClientSession, topic: str, value: bytes, headers: Headers) -> bool:
        """Whether one of those that take the topic took an event."""
        named = [(name, content.decode()) for name, content in headers]
        for port in reversed(self._ports[topic]):
            with contextlib.suppress(aiohttp.ClientError):
                async with http.post(f"http://{HOST}:{port}/{topic}", data=value, headers=named) as answer:
                    assert answer.status in {202, 503}, await answer.text()
                    if answer.status == 202:
                        return True
        return False

    async def unacknowledged(self, topic: str) -> int:
        for (name, _), task in self._posting.items():
            if name == topic and task.done():
                task.result()
        return sum(len(waiting) for (name, _), waiting in self._waiting.items() if name == topic)

    async def dead_letters(self, topic: str) -> list[Record]:
        return await records(self.dead_letter_server, f"{topic}.dead")


async def records(broker: KafkaBroker, topic: str) -> list[Record]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=broker.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        found = await consumer.getmany(timeout_ms=1000)
    finally:
        await consumer.stop()
    return [Record(each.value or b"", dict(each.headers)) for batch in found.values() for each in batch]


SOURCES: Mapping[str, type[Source]] = {"http": HttpSource, "kafka": KafkaSource, "nats": NatsSource}

DURABLE_SOURCES = ["nats", pytest.param("apache-kafka", marks=pytest.mark.e2e)]
"""Those that keep what they have when they restart."""


class Ingress:
    """A running ingress program, and the ways to look at it."""

    def __init__(self, port: int) -> None:
        self._base = f"http://{HOST}:{port}"

    async def get(self, path: str) -> tuple[int, str]:
        try:
            async with aiohttp.ClientSession() as http, http.get(self._base + path) as response:
                return response.status, await response.text()
        except aiohttp.ClientError:
            return 0, ""

    async def check(self, name: str) -> tuple[bool, str]:
        _, body = await self.get("/readyz")
        checks = {each["name"]: each for each in json.loads(body or '{"checks": []}')["checks"]}
        return (checks[name]["ok"], checks[name]["reason"]) if name in checks else (False, "")

    async def until_says(self, name: str, reason: str, *, timeout_s: float = 30.0) -> None:
        async def says() -> bool:
            return reason in (await self.check(name))[1]

        await wait_until(says, timeout_s=timeout_s)

    async def ready(self, timeout_s: float = 30.0) -> None:
        async def is_ready() -> bool:
            return (await self.get("/readyz"))[0] == 200

        await wait_until(is_ready, timeout_s=timeout_s)


class IngressProgram(Program):
    """The same in a process of its own."""

    def __init__(self, kind: str, environment: Mapping[str, str]) -> None:
        super().__init__("program", environment=environment, wait_until_ready=False)
        self._kind = kind

    async def _command(self) -> Sequence[str]:
        await super()._command()
        return [sys.executable, str(Path(__file__).with_name("program.py")), self._kind]


@dataclass
class Stand:
    """A source, Temporal, and ingress programs between them."""

    source: Source
    temporal: TemporalDevServer
    router: Router[OrderFulfillmentEvent]
    folder: Path
    free_port: Callable[[], int]
    settings: dict[str, object] = field(default_factory=dict[str, object])

    def environment(self, topic: str, temporal: TemporalDevServer | None = None) -> dict[str, str]:
        """Mounts the files of a topic."""
        kind = {"kind": self.source.kind}
        files = {
            "INGRESS_CONFIG": {"orders-facts": {**kind, **self.source.subscription(topic), **self.settings}},
            "OUTPUT_CONFIG": {"dead-letter": {**kind, **self.source.output(topic)}},
        }
        variables = (temporal or self.temporal).environment()
        # Each program has its own: one that starts must not read what the next one is told.
        number = len(list(self.folder.iterdir()))
        for name, content in files.items():
            path = self.folder / f"{topic}.{number}.{name}.yaml"
            path.write_text(json.dumps(content))
            variables[name] = str(path)
        return variables

    @contextlib.asynccontextmanager
    async def ingress(self, topic: str, temporal: TemporalDevServer | None = None) -> AsyncGenerator[Ingress]:
        """Runs the program; it stops gracefully when the block ends."""
        port = self.free_port()
        environ = {**self.environment(topic, temporal), "PORT_HTTP": str(port), "HTTP_HOST": HOST}
        contract = dataclasses.replace(
            self.router.contract,
            subscriptions=(Subscription(name="orders-facts", kind=self.source.kind, binding_ref="orders-facts"),),
        )
        router: Any = type("Router", (type(self.router),), {"contract": contract})()
        stop = asyncio.Event()
        running = asyncio.create_task(serve_ingress(router, environ, stop))
        try:
            yield Ingress(port)
        finally:
            stop.set()
            await running

    def program(self, topic: str, temporal: TemporalDevServer | None = None) -> IngressProgram:
        """The program in a process of its own, to be killed."""
        return IngressProgram(self.source.kind, self.environment(topic, temporal))

    async def until_acknowledged(self, topic: str, *, timeout_s: float = 30.0) -> None:
        async def acknowledged() -> bool:
            return await self.source.unacknowledged(topic) == 0

        await wait_until(acknowledged, timeout_s=timeout_s)


StandFactory = Callable[[type[Source]], contextlib.AbstractAsyncContextManager[Stand]]


@pytest.fixture(scope="session")
def stands(
    temporal: TemporalDevServer,
    router: Router[OrderFulfillmentEvent],
    tmp_path_factory: pytest.TempPathFactory,
    unused_tcp_port_factory: Callable[[], int],
) -> StandFactory:
    @contextlib.asynccontextmanager
    async def make(source_type: type[Source]) -> AsyncGenerator[Stand]:
        async with source_type() as source:
            yield Stand(source, temporal, router, tmp_path_factory.mktemp("mounted"), unused_tcp_port_factory)

    return make


@pytest.fixture(scope="module", params=sorted(SOURCES))
async def stand(request: pytest.FixtureRequest, stands: StandFactory) -> AsyncGenerator[Stand]:
    """Runs a test over every transport."""
    async with stands(SOURCES[request.param]) as made:
        yield made


@pytest.fixture(params=DURABLE_SOURCES)
async def durable_stand(request: pytest.FixtureRequest, stands: StandFactory) -> AsyncGenerator[Stand]:
    """Runs a test over every transport whose server may be killed and started again."""
    async with stands({**SOURCES, "apache-kafka": ApacheKafkaSource}[request.param]) as made:
        yield made
