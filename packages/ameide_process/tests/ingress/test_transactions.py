"""Kafka producers that write in transactions."""

from collections.abc import AsyncGenerator, Collection, Sequence

import pytest
from aiokafka import AIOKafkaProducer
from ameide_devstack import ApacheKafka
from ameide_devstack.testing import wait_until
from ameide_process.configuration import KafkaSubscription
from ameide_process.ingress._kafka import KafkaTransport
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._progress import Progress

# The embedded broker knows no transactions.
pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
async def broker() -> AsyncGenerator[ApacheKafka]:
    async with ApacheKafka() as broker:
        yield broker


class Engine:
    """Takes whatever comes."""

    def waiting(self, reason: str) -> None:
        """Nothing to do."""

    def standing_by(self, reason: str) -> None:
        """Nothing to do."""

    def assigned(self, partitions: Collection[Partition]) -> None:
        """Nothing to do."""

    async def revoked(self, partitions: Collection[Partition]) -> None:
        """Nothing to do."""

    def why_waiting(self, message: Message) -> str | None:
        return None

    def withdraw(self, message: Message) -> bool:
        return False


class AbortedError(Exception):
    pass


async def write(broker: ApacheKafka, topic: str, values: Sequence[bytes], *, abort: bool = False) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers, transactional_id=topic)
    await producer.start()
    try:
        async with producer.transaction():
            for value in values:
                await producer.send_and_wait(topic, value)
            if abort:
                raise AbortedError
    except AbortedError:
        pass
    finally:
        await producer.stop()


async def test_nothing_is_left_behind_the_end_of_a_transaction(broker: ApacheKafka) -> None:
    topic = "transactions"
    await broker.create_topic(topic)
    await write(broker, topic, [b"1", b"2"])
    settings = KafkaSubscription.model_validate(
        {"kind": "kafka", "bootstrapServers": broker.bootstrap_servers, "topic": topic}
    )
    transport = KafkaTransport(settings, group=topic, subscription=topic)
    await transport.start(Engine())
    read: list[bytes | None] = []
    commits = True

    async def lag() -> int:
        for message in await transport.poll(0.2):
            read.append(message.value)
            if commits:
                await transport.commit(Progress({message.partition: message.position + 1}, {}))
        return sum(each.messages for each in await transport.lag())

    async def is_zero() -> bool:
        return await lag() == 0 and bool(read)

    async def is_read() -> bool:
        await lag()
        return len(read) == 3

    try:
        await wait_until(is_zero, timeout_s=30)
        # Of one that was taken back nothing is read, and nothing is left either.
        await write(broker, topic, [b"never"], abort=True)
        await wait_until(is_zero, timeout_s=30)
        assert read == [b"1", b"2"]
        commits = False
        await write(broker, topic, [b"3"])
        await wait_until(is_read, timeout_s=30)
        assert await lag() > 0, "what was delivered and has not ended is left"
    finally:
        await transport.stop()
    assert read == [b"1", b"2", b"3"]
