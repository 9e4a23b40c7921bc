"""Redrive between a real broker and a real Temporal: what was poison is delivered once it can be read."""

import asyncio
import contextlib
import dataclasses
import json
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_core_proto.process.v1.process_runtime_pb2 import DeadLetterEvent, DeadLetterRequest
from ameide_devstack import ApacheKafka, EmbeddedKafka, KafkaBroker, TemporalDevServer
from ameide_devstack.testing import wait_until
from ameide_process.configuration import KafkaOutput, StartupError
from ameide_process.contract import Subscription
from ameide_process.ingress.testing import IngressProgram, ingress_program
from ameide_process.outputs import (
    DeadLetterPublisher,
    DeadLetterRecord,
    OutputRecord,
    OutputUnavailableError,
    SourcePosition,
    open_output,
)
from ameide_process.outputs._kafka import KafkaTopicOutput
from ameide_process.redrive import _order
from ameide_process.redrive._account import Account
from ameide_process.redrive._order import WINDOW_BYTES
from ameide_process.redrive._run import Request, redrive
from ameide_process.redrive._selection import Consent, Filter, Skip
from ameide_process.redrive._stream import DeadLetterStreamError
from ameide_process.routing import Route, Router, to_payload
from ameide_process.worker._dead_letters import DeadLetterWriter
from google.protobuf.message import Message
from prometheus_client import CollectorRegistry
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

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
    ) -> Account:
        request = Request(
            execute=execute,
            chosen=chosen or Filter(),
            consent=consent or Consent(),
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


@pytest.fixture
async def received(
    client: Client,
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    received_by: Callable[[Client, str], Awaitable[list[str]]],
) -> AsyncGenerator[Received]:
    """Runs the workflows of a test, and asks an order's which events it has."""
    async with receivers(client):

        async def ask(order_id: str) -> list[str]:
            try:
                return await received_by(client, order_id)
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return []
                raise

        yield ask


PlaceFactory = Callable[..., AbstractAsyncContextManager[Place]]


@pytest.fixture
def places(
    kafka: EmbeddedKafka,
    temporal: TemporalDevServer,
    router: OrderRouter,
    tmp_path: Path,
    unused_tcp_port_factory: Callable[[], int],
) -> PlaceFactory:
    def make(topic: str, *, broker: KafkaBroker | None = None) -> AbstractAsyncContextManager[Place]:
        return place(
            topic,
            broker=broker or kafka,
            temporal=temporal,
            router=router,
            folder=tmp_path,
            port=unused_tcp_port_factory(),
        )

    return make


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


@pytest.fixture(scope="session")
def next_router(router: OrderRouter) -> OrderRouter:
    """That of the next version of the process, which reads schema version 2 too."""
    contract = dataclasses.replace(router.contract, api_major=2)

    following = NextRouter(router, contract.api_major)
    following.contract = contract
    return following


def _ignore(what: str, done: int, total: int) -> None:
    del what, done, total


def of_next_version(event: OrderFulfillmentEvent) -> bytes:
    event.meta.schema_version = 2
    return event.SerializeToString()


async def is_closed(client: Client, order_id: str) -> bool:
    try:
        description = await client.get_workflow_handle(f"proc/order-fulfillment/t/{order_id}").describe()
    except RPCError:
        return False
    return description.status is WorkflowExecutionStatus.COMPLETED


async def poison_is_delivered_once_it_can_be_read(
    at: Place,
    next_router: OrderRouter,
    order_placed: Callable[..., OrderFulfillmentEvent],
    delivered: Callable[[], Awaitable[list[str]]],
) -> None:
    sent = [f"e-{number}" for number in range(5)]
    async with at.ingress() as ingress:
        await wait_until(ingress.is_ready, timeout_s=60)
        for name in sent:
            await at.send(of_next_version(order_placed(at.topic, name)), headers=[("from", b"shop")])
        await at.send(b"\xff not an event")
        before = await at.dead_letters(6)
    assert {said["dead-letter-reason"] for _, said in before} == {b"wrong-schema-version", b"undecodable"}

    # The old version would give all of them up again.
    dry = await at.redrive(execute=False)
    assert (dry.read, dry.to_replay, dry.skipped) == (6, 0, {Skip.FAILS_AGAIN: 6})

    dry = await at.redrive(execute=False, router=next_router)
    assert (dry.to_replay, dry.by_target, dry.skipped) == (
        5,
        {f"orders-facts: {at.topic}": 5},
        {Skip.FAILS_AGAIN: 1},
    )
    assert dry.by_reason == {("wrong-schema-version", "replay"): 5, ("undecodable", "fails-again"): 1}
    assert len(await at.records()) == 6

    done = await at.redrive(router=next_router)
    assert (done.replayed, done.failed, done.left, done.exit_code) == (5, 0, 0, 0)
    replayed = (await at.records())[6:]
    assert sorted(value for value, _ in replayed) == sorted(value for value, _ in before if b"not an" not in value)
    for _, said in replayed:
        assert said == {"from": b"shop", "redrive-id": done.redrive_id.encode(), "redrive-count": b"1"}

    async with at.ingress(next_router) as ingress:
        await wait_until(ingress.is_ready, timeout_s=60)

        async def all_there() -> bool:
            return await delivered() == sent

        await wait_until(all_there, timeout_s=30)

    again = await at.redrive(router=next_router)
    assert (again.replayed, again.skipped) == (0, {Skip.REDRIVEN: 5, Skip.FAILS_AGAIN: 1})


async def test_poison_is_delivered_once_it_can_be_read(
    places: PlaceFactory,
    next_router: OrderRouter,
    order_placed: Callable[..., OrderFulfillmentEvent],
    received: Received,
) -> None:
    async with places("cured") as at:
        await poison_is_delivered_once_it_can_be_read(at, next_router, order_placed, lambda: received("cured"))


@pytest.mark.e2e
async def test_poison_is_delivered_once_it_can_be_read_on_apache_kafka(
    places: PlaceFactory,
    next_router: OrderRouter,
    order_placed: Callable[..., OrderFulfillmentEvent],
    received: Received,
) -> None:
    async with ApacheKafka() as broker, places("cured-apache", broker=broker) as at:
        await poison_is_delivered_once_it_can_be_read(at, next_router, order_placed, lambda: received("cured-apache"))


async def test_a_message_that_comes_back_is_counted_and_left_at_last(places: PlaceFactory) -> None:
    async with places("boomerang") as at:
        await at.send(b"\xff")
        async with at.ingress() as ingress:
            await wait_until(ingress.is_ready, timeout_s=30)
            for life in (1, 2):
                assert dict((await at.dead_letters(life))[-1][1]).get("redrive-count", b"0") == str(life - 1).encode()
                done = await at.redrive(consent=Consent(failing=True, maximum_redrives=2))
                # Not that, too, which came back meanwhile.
                assert done.replayed == 1
            await at.dead_letters(3)
            done = await at.redrive(consent=Consent(failing=True, maximum_redrives=2))
            assert (done.replayed, done.skipped) == (0, {Skip.REDRIVEN: 2, Skip.REDRIVEN_OFTEN: 1})


async def test_late_and_old_ones_need_a_word(
    places: PlaceFactory,
    client: Client,
    order_placed: Callable[..., OrderFulfillmentEvent],
    cancel_order: Callable[[str], OrderFulfillmentEvent],
    received: Received,
) -> None:
    del received  # its workflows run
    async with places("closed") as at, at.ingress() as ingress:
        await wait_until(ingress.is_ready, timeout_s=30)
        await at.send(cancel_order("closed").SerializeToString())
        await wait_until(lambda: is_closed(client, "closed"), timeout_s=20)
        await at.send(order_placed("closed").SerializeToString())
        (said,) = [said for _, said in await at.dead_letters(1)]
        assert (said["dead-letter-reason"], said["dead-letter-event-id"]) == (b"late", b"placed-closed")
        assert (await at.redrive()).skipped == {Skip.LATE: 1}
        dry = await at.redrive(execute=False, consent=Consent(late=True))
        assert dry.to_replay == 1
        assert any("they will be late again" in warning for warning in dry.warnings)
        # The dev server's namespace keeps closed workflows for a day.
        later = timedelta(days=2)
        assert (await at.redrive(consent=Consent(late=True), later=later)).skipped == {Skip.EXPIRED: 1}
        done = await at.redrive(consent=Consent(late=True, expired=True), later=later)
        assert done.replayed == 1
        # And so it was.
        assert (await at.dead_letters(2))[1][1]["dead-letter-reason"] == b"late"


async def test_dead_letters_of_the_worker_go_in_where_there_is_one_way(
    places: PlaceFactory,
    router: OrderRouter,
    order_placed: Callable[..., OrderFulfillmentEvent],
    received: Received,
) -> None:
    async with places("by-worker") as at:
        settings = KafkaOutput.model_validate(
            {"kind": "kafka", "bootstrapServers": at.broker.bootstrap_servers, "topic": "by-worker.dead"}
        )
        publisher = DeadLetterPublisher(open_output("dead-letter", settings))
        writer = DeadLetterWriter(router.contract, publisher, CollectorRegistry())
        payload = to_payload(order_placed("by-worker")).SerializeToString()
        await writer.publish(
            DeadLetterRequest(
                workflow_id="proc/order-fulfillment/t/by-worker",
                run_id="r",
                events=[
                    DeadLetterEvent(payload=payload, reason="undecodable", message="an older worker"),
                    DeadLetterEvent(payload=b"", reason="unknown-signal", message="by hand"),
                ],
            )
        )
        await publisher.close()
        done = await at.redrive(chosen=Filter(workflow_ids=["proc/order-fulfillment/t/by-worker"]))
        assert (done.replayed, done.skipped) == (1, {Skip.NOT_AN_EVENT: 1})
        async with at.ingress() as ingress:
            await wait_until(ingress.is_ready, timeout_s=30)

            async def there() -> bool:
                _, metrics = await ingress.get("/metrics")
                return 'outcome="accepted",subscription="orders-facts"} 1.0' in metrics

            await wait_until(there, timeout_s=20)
            assert await received("by-worker") == ["placed-by-worker"]


async def test_only_what_is_asked_for_and_not_more_than_the_limit(
    places: PlaceFactory, order_placed: Callable[..., OrderFulfillmentEvent], next_router: OrderRouter
) -> None:
    async with places("chosen") as at:
        for number in range(6):
            await at.send(of_next_version(order_placed(f"chosen-{number}")), key=str(number).encode())
        await at.send(b"\xff")
        await at.give_up(7)
        # What was read is what counts, not what the record says: nobody could read it then.
        one = await at.redrive(chosen=Filter(event_keys=["placed-chosen-4"]), router=next_router)
        assert (one.asked_for, one.replayed) == (1, 1)
        some = await at.redrive(chosen=Filter(reasons=["wrong-schema-version"]), router=next_router, limit=2)
        assert (some.asked_for, some.replayed, some.skipped) == (6, 2, {Skip.REDRIVEN: 1, Skip.OVER_LIMIT: 3})
        rest = await at.redrive(chosen=Filter(reasons=["wrong-schema-version"]), router=next_router)
        assert (rest.replayed, rest.skipped) == (3, {Skip.REDRIVEN: 3})


async def test_what_is_interrupted_or_fails_goes_on_in_another_run(
    places: PlaceFactory,
    order_placed: Callable[..., OrderFulfillmentEvent],
    next_router: OrderRouter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with places("broken-off") as at:
        for number in range(6):
            await at.send(of_next_version(order_placed(f"broken-off-{number}", f"e-{number}")))
        await at.give_up(6)
        publish, source_writes = KafkaTopicOutput.publish, 0

        async def fails_at_the_fourth(self: KafkaTopicOutput, record: OutputRecord) -> None:
            nonlocal source_writes
            if "redrive-id" in dict(record.headers):
                source_writes += 1
                if source_writes == 4:
                    raise OutputUnavailableError("output orders-facts: no answer in time")
            await publish(self, record)

        with monkeypatch.context() as patched:
            patched.setattr(KafkaTopicOutput, "publish", fails_at_the_fourth)
            broken = await at.redrive(router=next_router)
        assert (broken.replayed, broken.left, broken.exit_code) == (3, 3, 1)
        assert "no answer in time" in broken.stopped
        stop = asyncio.Event()
        stop.set()
        assert (await at.redrive(router=next_router, stop=stop)).stopped == "interrupted"
        rest = await at.redrive(router=next_router)
        assert (rest.replayed, rest.skipped) == (3, {Skip.REDRIVEN: 3})
        values = [value for value, said in await at.records() if "redrive-id" in said]
        events = [OrderFulfillmentEvent.FromString(value).meta.idempotency_key for value in values]
        assert events == [f"e-{number}" for number in range(6)]


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


@pytest.mark.parametrize("key", [None, b"k"], ids=["without-key", "with-key"])
@pytest.mark.parametrize("window_bytes", [WINDOW_BYTES, 1], ids=["one-window", "many-windows"])
async def test_what_is_replayed_stands_in_its_partition_in_its_order(
    places: PlaceFactory, monkeypatch: pytest.MonkeyPatch, key: bytes | None, window_bytes: int
) -> None:
    monkeypatch.setattr(_order, "WINDOW_BYTES", window_bytes)
    async with places(f"ordered-{key is not None}-{window_bytes}") as at:
        letters = [letter_from(at, partition, position, key=key) for partition in (0, 1) for position in range(6)]
        # As they come: those of a lane that was parked, of a batch, of one at a time.
        random.Random(7).shuffle(letters)  # noqa: S311 - no secret
        await give_up_by_hand(at, letters)
        first = await at.redrive(consent=Consent(failing=True), limit=4)
        assert (first.replayed, first.skipped) == (4, {Skip.OVER_LIMIT: 8})
        rest = await at.redrive(consent=Consent(failing=True))
        assert (rest.replayed, rest.skipped) == (8, {Skip.REDRIVEN: 4})
        for partition in (0, 1):
            values = [record.value for record in await at.stored() if record.partition == partition]
            assert values == [f"{partition}/{position}".encode() for position in range(6)]


async def test_what_came_from_a_partition_that_is_gone_is_replayed_too(places: PlaceFactory) -> None:
    async with places("fewer") as at:
        await give_up_by_hand(at, [letter_from(at, PARTITIONS + 5, 3, key=b"k")])
        done = await at.redrive(consent=Consent(failing=True))
        assert (done.replayed, done.stopped) == (1, "")
        assert [record.value for record in await at.stored()] == [f"{PARTITIONS + 5}/3".encode()]


async def test_without_temporal_nobody_knows_what_is_too_old(places: PlaceFactory) -> None:
    async with places("unasked") as at:
        environ = {**at.environ, "TEMPORAL_ADDRESS": "127.0.0.1:1"}
        with pytest.raises(StartupError, match="repair that, or say --include-expired") as failure:
            await at.redrive(environ=environ)
        assert "cannot connect to Temporal at 127.0.0.1:1: Connection refused" in str(failure.value)
        dry = await at.redrive(execute=False, environ=environ)
        assert "whether dead letters are too old is not known" in dry.warnings[0]
        await at.redrive(environ=environ, consent=Consent(expired=True))


async def test_http_is_no_way_back_and_it_is_said_what_is(
    places: PlaceFactory, router: OrderRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_http = (Subscription(name="orders-facts", kind="http", binding_ref="orders-facts"),)
    monkeypatch.setattr(type(router), "contract", dataclasses.replace(router.contract, subscriptions=by_http))
    async with places("by-http") as at:
        await give_up_by_hand(at, [letter_from(at, 0, 3)])
        subscriptions = tmp_path / "subscriptions.json"
        subscriptions.write_text(json.dumps({"orders-facts": {"kind": "http", "path": "/orders"}}))
        environ = {**at.environ, "INGRESS_CONFIG": str(subscriptions)}
        done = await at.redrive(environ=environ, consent=Consent(failing=True))
        assert (done.replayed, done.skipped) == (0, {Skip.NO_TARGET: 1})
        assert any("subscriptions are orders-facts (http)" in warning for warning in done.warnings)
        assert any("send each of its dead letters again as a POST to the ingress" in each for each in done.warnings)
        with pytest.raises(StartupError, match="has no stream that could be written to"):
            await at.redrive(environ=environ, consent=Consent(subscription="orders-facts"))


async def test_a_stream_that_cannot_be_read_is_named(places: PlaceFactory, tmp_path: Path) -> None:
    async with places("unread") as at:
        outputs = tmp_path / "away.json"
        away = {"kind": "kafka", "bootstrapServers": "127.0.0.1:1", "topic": "unread.dead"}
        outputs.write_text(json.dumps({"dead-letter": away}))
        with pytest.raises(DeadLetterStreamError, match=r"dead-letter \(kafka topic unread.dead at 127.0.0.1:1\)"):
            await at.redrive(environ={**at.environ, "OUTPUT_CONFIG": str(outputs)})
        with pytest.raises(StartupError, match="known are: orders-facts"):
            await at.redrive(chosen=Filter(subscriptions=["orders"]))
