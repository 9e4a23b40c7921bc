"""A topic that is deleted and made anew under its name is another log, and old positions mean nothing in it."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, OffsetAndMetadata, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from ameide_devstack import ApacheKafka, EmbeddedKafka, KafkaBroker
from ameide_process.configuration import KafkaSubscription
from ameide_process.ingress._kafka import KafkaTransport
from ameide_process.ingress._transport import TransportError
from kafka_reader import Reader


@pytest.fixture(
    scope="module", params=["embedded", pytest.param("apache", marks=pytest.mark.e2e)], ids=["embedded", "apache"]
)
async def broker(request: pytest.FixtureRequest) -> AsyncGenerator[KafkaBroker]:
    async with EmbeddedKafka() if request.param == "embedded" else ApacheKafka() as broker:
        yield broker


@pytest.fixture
async def topic(broker: KafkaBroker, request: pytest.FixtureRequest) -> str:
    """One that is there, named after the test."""
    name: str = request.node.originalname
    await broker.create_topic(name)
    return name


Member = Callable[[], contextlib.AbstractAsyncContextManager[Reader]]


@pytest.fixture
def member(broker: KafkaBroker, topic: str) -> Member:
    @contextlib.asynccontextmanager
    async def run() -> AsyncGenerator[Reader]:
        settings = KafkaSubscription.model_validate(
            {
                "kind": "kafka",
                "bootstrapServers": broker.bootstrap_servers,
                "topic": topic,
                "sessionTimeoutSeconds": 2,
            }
        )
        reader = Reader(KafkaTransport(settings, group=topic, subscription=topic))
        await reader.transport.start(reader)
        try:
            yield reader
        finally:
            await reader.transport.stop()

    return run


@pytest.fixture
async def publish(broker: KafkaBroker, topic: str) -> AsyncGenerator[Callable[..., Awaitable[None]]]:
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers)
    await producer.start()

    async def send(*values: str) -> None:
        for value in values:
            await producer.send_and_wait(topic, value.encode(), partition=0)

    yield send
    await producer.stop()


async def make_anew(broker: KafkaBroker, topic: str) -> None:
    await broker.delete_topic(topic)
    await broker.create_topic(topic)


def numbered(prefix: str, number: int) -> list[str]:
    return [f"{prefix}-{each}" for each in range(number)]


async def test_a_paused_partition_begins_anew(
    broker: KafkaBroker, topic: str, member: Member, publish: Callable[..., Awaitable[None]]
) -> None:
    await publish(*numbered("old", 5))
    async with member() as reader:
        await reader.reads(numbered("old", 5))
        await reader.commit()
        given = reader.given
        reader.transport.pause(dict.fromkeys(reader.partitions, "Temporal is away"))
        await make_anew(broker, topic)
        # More than the old one had, so that the old position is one of the new topic too.
        await publish(*numbered("new", 8))
        # As a commit does that was on its way: the old position stands over the new topic.
        with contextlib.suppress(TransportError):
            await reader.commit()
        reader.transport.resume(reader.partitions)
        await reader.reads([*numbered("old", 5), *numbered("new", 8)])
        assert reader.given > given, "the engine must take it for another partition"
        await reader.commit()
    async with member() as reader:
        await publish("next")
        await reader.reads(["next"])


async def test_one_that_is_made_anew_at_once_is_read_in_its_order(
    broker: KafkaBroker, topic: str, member: Member, publish: Callable[..., Awaitable[None]]
) -> None:
    await publish(*numbered("old", 5))
    async with member() as reader:
        await reader.reads(numbered("old", 5))
        # It asks for more meanwhile, behind what it has read.
        reading = asyncio.create_task(reader.reads([*numbered("old", 5), *numbered("new", 60)]))
        await asyncio.sleep(0.5)
        await make_anew(broker, topic)
        await publish(*numbered("new", 60))
        await reading


# The embedded broker does not keep what a commit says beside the offset.
@pytest.mark.parametrize("broker", [pytest.param("apache", marks=pytest.mark.e2e)], indirect=True)
async def test_a_position_of_the_old_topic_is_not_gone_on_from(
    broker: KafkaBroker, topic: str, member: Member, publish: Callable[..., Awaitable[None]]
) -> None:
    await publish(*numbered("old", 5))
    async with member() as reader:
        await reader.reads(numbered("old", 5))
        await reader.commit()
    committed = await group_offset(broker, topic)
    await make_anew(broker, topic)
    await publish(*numbered("new", 8))
    # A commit that arrived late. The broker forgets offsets with their topic.
    await commit_as_somebody(broker, topic, committed)
    async with member() as reader:
        await reader.reads(numbered("new", 8))


async def test_a_position_beyond_the_end_is_not_waited_for(
    broker: KafkaBroker, topic: str, member: Member, publish: Callable[..., Awaitable[None]]
) -> None:
    await publish(*numbered("new", 3))
    await commit_as_somebody(broker, topic, OffsetAndMetadata(50, ""))
    async with member() as reader:
        await reader.reads(numbered("new", 3))
        await publish("next")
        await reader.reads([*numbered("new", 3), "next"])


async def group_offset(broker: KafkaBroker, topic: str) -> OffsetAndMetadata:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    await admin.start()
    try:
        partition = TopicPartition(topic, 0)
        return (await admin.list_consumer_group_offsets(topic, partitions=[partition]))[partition]
    finally:
        await admin.close()


async def commit_as_somebody(broker: KafkaBroker, topic: str, offset: OffsetAndMetadata) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap_servers, group_id=topic, enable_auto_commit=False)
    partition = TopicPartition(topic, 0)
    await consumer.start()
    consumer.assign([partition])
    await consumer.commit({partition: offset})
    await consumer.stop()
