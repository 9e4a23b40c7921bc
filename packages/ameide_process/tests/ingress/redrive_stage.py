"""A topic with its dead letters between a real broker and a real Temporal; tests of redrive act there."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import KafkaBroker, TemporalDevServer
from ameide_devstack.testing import wait_until
from ameide_process.configuration import KafkaOutput
from ameide_process.ingress.testing import IngressProgram, ingress_program
from ameide_process.outputs import (
    DeadLetterPublisher,
    DeadLetterRecord,
    SourcePosition,
    open_output,
)
from ameide_process.redrive._account import Account
from ameide_process.redrive._fallback import Fallback
from ameide_process.redrive._run import Request, redrive
from ameide_process.redrive._selection import Consent, Filter
from ameide_process.routing import Route, Router
from google.protobuf.message import Message

PARTITIONS = 2


OrderRouter = Router[OrderFulfillmentEvent]


@dataclass(frozen=True)
class Place:
    """A topic with its dead letters, and what runs beside it."""

    topic: str
    broker: KafkaBroker
    environ: Mapping[str, str]
    router: OrderRouter
    producer: AIOKafkaProducer

    def ingress(self, router: OrderRouter | None = None) -> AbstractAsyncContextManager[IngressProgram]:
        return ingress_program(router or self.router, self.environ)

    async def send(self, value: bytes, *, key: bytes = b"k", headers: list[tuple[str, bytes]] | None = None) -> None:
        await self.producer.send_and_wait(self.topic, value, key=key, headers=headers)

    async def records(self, suffix: str = "") -> list[tuple[bytes, dict[str, bytes]]]:
        """Everything in the topic, or in that of its dead letters."""
        return [(record.value or b"", dict(record.headers)) for record in await self.stored(suffix)]

    async def stored(self, suffix: str = "") -> list[ConsumerRecord]:
        """The same with where each stands."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.broker.bootstrap_servers)
        await consumer.start()
        try:
            partitions = [TopicPartition(self.topic + suffix, number) for number in range(PARTITIONS)]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            found: list[ConsumerRecord] = []
            # The embedded broker's end offsets lack the rest of the last batch, so it reads until nothing comes.
            while batches := await consumer.getmany(timeout_ms=500):
                found += [record for records in batches.values() for record in records]
            return found
        finally:
            await consumer.stop()

    async def dead_letters(self, number: int) -> list[tuple[bytes, dict[str, bytes]]]:
        """The dead letters, once there are so many."""

        async def there() -> list[tuple[bytes, dict[str, bytes]]] | None:
            dead = [(value, said) for value, said in await self.records(".dead") if "dead-letter-reason" in said]
            return dead if len(dead) >= number else None

        dead = await wait_until(there, timeout_s=30)
        assert dead is not None
        assert len(dead) == number
        return dead

    async def give_up(self, number: int) -> None:
        """Runs an ingress until there are so many dead letters."""
        async with self.ingress() as ingress:
            await wait_until(ingress.is_ready, timeout_s=30)
            await self.dead_letters(number)

    async def redrive(
        self,
        *,
        execute: bool = True,
        chosen: Filter | None = None,
        consent: Consent | None = None,
        router: OrderRouter | None = None,
        limit: int | None = None,
        stop: asyncio.Event | None = None,
        later: timedelta = timedelta(0),
        environ: Mapping[str, str] | None = None,
        fallback: Fallback | None = None,
    ) -> Account:
        request = Request(
            execute=execute,
            chosen=chosen or Filter(),
            consent=consent or Consent(),
            fallback=fallback or Fallback(),
            dead_letters=(),
            limit=limit,
            rate=1_000,
            samples=3,
            now=datetime.now(UTC) + later,
        )
        return await redrive(
            router or self.router,
            environ or self.environ,
            request,
            progress=_ignore,
            stop=stop or asyncio.Event(),
        )


@contextlib.asynccontextmanager
async def place(
    topic: str, *, broker: KafkaBroker, temporal: TemporalDevServer, router: OrderRouter, folder: Path, port: int
) -> AsyncGenerator[Place]:
    for name in (topic, f"{topic}.dead"):
        await broker.create_topic(name, partitions=PARTITIONS)
    kafka = {"kind": "kafka", "bootstrapServers": broker.bootstrap_servers}
    subscriptions, outputs = folder / "ingress.yaml", folder / "outputs.yaml"
    subscriptions.write_text(
        json.dumps({"orders-facts": {**kafka, "topic": topic, "consumerGroup": topic, "sessionTimeoutSeconds": 1}})
    )
    outputs.write_text(json.dumps({"dead-letter": {**kafka, "topic": f"{topic}.dead"}}))
    environ = {
        **temporal.environment(),
        "INGRESS_CONFIG": str(subscriptions),
        "OUTPUT_CONFIG": str(outputs),
        "PORT_HTTP": str(port),
        "HTTP_HOST": "127.0.0.1",
    }
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers)
    await producer.start()
    try:
        yield Place(topic, broker, environ, router, producer)
    finally:
        await producer.stop()


Received = Callable[[str], Awaitable[list[str]]]


PlaceFactory = Callable[..., AbstractAsyncContextManager[Place]]


class NextRouter(OrderRouter):
    """Reads newer schema versions as if they were the first, which is all that the present router checks."""

    envelope_type = OrderFulfillmentEvent

    def __init__(self, present: OrderRouter, newest: int) -> None:
        self._present = present
        self._newest = newest

    def route(self, event: OrderFulfillmentEvent) -> Route:
        copy = OrderFulfillmentEvent()
        copy.CopyFrom(event)
        if copy.meta.schema_version <= self._newest:
            copy.meta.schema_version = 1
        return self._present.route(copy)

    def start(self, event: OrderFulfillmentEvent) -> Message:
        return self._present.start(event)


def _ignore(what: str, done: int, total: int) -> None:
    del what, done, total


def of_next_version(event: OrderFulfillmentEvent) -> bytes:
    event.meta.schema_version = 2
    return event.SerializeToString()


async def give_up_by_hand(at: Place, letters: Sequence[DeadLetterRecord]) -> None:
    settings = KafkaOutput.model_validate(
        {"kind": "kafka", "bootstrapServers": at.broker.bootstrap_servers, "topic": f"{at.topic}.dead"}
    )
    publisher = DeadLetterPublisher(open_output("dead-letter", settings))
    for letter in letters:
        await publisher.publish(letter)
    await publisher.close()


def letter_from(at: Place, partition: int, position: int, *, key: bytes | None = None) -> DeadLetterRecord:
    return DeadLetterRecord(
        value=f"{partition}/{position}".encode(),
        key=key,
        reason="undecodable",
        message="by a version that could not read it",
        process=at.router.contract.name,
        source=SourcePosition("orders-facts", at.topic, partition, position, datetime.now(UTC)),
    )
