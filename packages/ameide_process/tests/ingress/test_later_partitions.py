"""What is younger than a group is read from its beginning, also where the group began at the end of what there was."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.errors import KafkaError
from ameide_devstack import ApacheKafka
from ameide_devstack.testing import wait_until
from ameide_process.configuration import KafkaSubscription
from ameide_process.ingress._kafka import KafkaTransport
from kafka_reader import Reader

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
async def broker() -> AsyncGenerator[ApacheKafka]:
    async with ApacheKafka() as broker:
        yield broker


@pytest.fixture
async def producer(broker: ApacheKafka) -> AsyncGenerator[AIOKafkaProducer]:
    # Asks again soon what partitions there are.
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers, metadata_max_age_ms=500)
    await producer.start()
    yield producer
    await producer.stop()


Member = Callable[..., AbstractAsyncContextManager[Reader]]


@pytest.fixture
def member(broker: ApacheKafka) -> Member:
    @contextlib.asynccontextmanager
    async def run(*topics: str) -> AsyncGenerator[Reader]:
        settings = KafkaSubscription.model_validate(
            {
                "kind": "kafka",
                "bootstrapServers": broker.bootstrap_servers,
                "topic": ",".join(topics),
                "startFrom": "latest",
                "sessionTimeoutSeconds": 2,
            }
        )
        reader = Reader(KafkaTransport(settings, group=topics[0], subscription=topics[0]))
        await reader.transport.start(reader)
        try:
            yield reader
        finally:
            await reader.transport.stop()

    return run


async def test_a_partition_that_is_added(broker: ApacheKafka, producer: AIOKafkaProducer, member: Member) -> None:
    await broker.create_topic("added")
    await producer.send_and_wait("added", b"old", partition=0)
    async with member("added") as reader:
        await reader.reads([])
        await producer.send_and_wait("added", b"first", partition=0)
        await reader.reads(["first"])
        await reader.commit()
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    await admin.start()
    await admin.create_partitions({"added": NewPartitions(2)})
    await admin.close()

    async def sent() -> bool:
        with contextlib.suppress(AssertionError, KafkaError):  # it knows of one partition alone
            await producer.send_and_wait("added", b"before anybody had it", partition=1)
            return True
        return False

    await wait_until(sent, timeout_s=20)
    async with member("added") as reader:
        await reader.reads(["before anybody had it"])
        await reader.commit()
    # Also by one who meets it with a commit of its own.
    async with member("added") as reader:
        await producer.send_and_wait("added", b"next", partition=1)
        await reader.reads(["next"])


async def test_a_topic_that_is_made_later(broker: ApacheKafka, producer: AIOKafkaProducer, member: Member) -> None:
    await broker.create_topic("there")
    await producer.send_and_wait("there", b"old", partition=0)
    async with member("there", "made-later") as reader:
        await reader.reads([])
        await broker.create_topic("made-later")
        await producer.send_and_wait("made-later", b"before anybody had it", partition=0)
        await reader.reads(["before anybody had it"])


async def test_a_topic_that_is_made_anew_with_more_partitions(
    broker: ApacheKafka, producer: AIOKafkaProducer, member: Member
) -> None:
    await broker.create_topic("anew")
    async with member("anew") as one, member("anew") as other:

        async def share(number: int) -> bool:
            await asyncio.gather(one.poll(), other.poll())
            return (len(one.partitions) + len(other.partitions), len(one.read) + len(other.read)) == (4, number)

        # Before either has begun: that a member met the earlier one is enough.
        await broker.delete_topic("anew")
        await broker.create_topic("anew", partitions=4)
        for partition in range(4):
            await producer.send_and_wait("anew", f"first of {partition}".encode(), partition=partition)
        # Nobody committed anything of it, and one of them never had any of the earlier one.
        await wait_until(lambda: share(4), timeout_s=40)
