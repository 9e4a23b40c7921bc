"""Members of a Kafka group that keep their partitions over a restart."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from ameide_devstack import ApacheKafka
from ameide_devstack.testing import wait_for
from ameide_process.configuration import KafkaSubscription
from ameide_process.ingress._kafka import KafkaTransport
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._progress import Progress
from ameide_process.ingress._transport import TransportError

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
async def broker() -> AsyncGenerator[ApacheKafka]:
    async with ApacheKafka() as broker:
        yield broker


@dataclass
class Member:
    """A member of the group that counts what the group does to it, and reads all the time."""

    transport: KafkaTransport
    partitions: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    revocations: int = 0
    read: list[bytes] = field(default_factory=list[bytes])
    refusals: list[str] = field(default_factory=list[str])

    def waiting(self, reason: str) -> None:
        """Nothing to count."""

    def standing_by(self, reason: str) -> None:
        """Kafka's members do not."""

    def assigned(self, partitions: Collection[Partition]) -> None:
        self.partitions = {(each.source, each.number) for each in partitions}

    async def revoked(self, partitions: Collection[Partition]) -> None:
        self.revocations += 1
        self.partitions = set()

    def why_waiting(self, message: Message) -> str | None:
        return None

    def withdraw(self, message: Message) -> bool:
        return False

    async def run(self) -> None:
        await self.transport.start(self)
        while True:
            try:
                for message in await self.transport.poll(0.2):
                    self.read.append(message.value or b"")
                    await self.transport.commit(Progress({message.partition: message.position + 1}, {}))
            except TransportError as error:
                self.refusals.append(str(error))
                await asyncio.sleep(0.1)


@dataclass(frozen=True)
class Group:
    broker: ApacheKafka
    topic: str
    session_timeout_s: float = 20.0

    @contextlib.asynccontextmanager
    async def member(self, instance: str | None) -> AsyncGenerator[Member]:
        settings = KafkaSubscription.model_validate(
            {
                "kind": "kafka",
                "bootstrapServers": self.broker.bootstrap_servers,
                "topic": self.topic,
                "sessionTimeoutSeconds": self.session_timeout_s,
                "groupInstanceId": instance,
            }
        )
        member = Member(KafkaTransport(settings, group=self.topic, subscription=self.topic))
        running = asyncio.create_task(member.run())
        try:
            yield member
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await member.transport.stop()

    async def publish(self, *values: bytes) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.broker.bootstrap_servers)
        await producer.start()
        for value in values:
            for partition in (0, 1):
                await producer.send_and_wait(self.topic, value, partition=partition)
        await producer.stop()


def share(*members: Member) -> bool:
    """Whether each has one of the two partitions."""
    return all(len(each.partitions) == 1 for each in members)


async def test_a_static_member_that_comes_back_disturbs_nobody(broker: ApacheKafka) -> None:
    group = Group(broker, "static")
    await broker.create_topic("static", partitions=2)
    async with group.member("b") as stays:
        async with group.member("a") as first:
            await wait_for(lambda: share(stays, first), timeout_s=60)
            had, kept, disturbed = set(first.partitions), set(stays.partitions), stays.revocations
            await group.publish(b"1")
            await wait_for(lambda: first.read == stays.read == [b"1"], timeout_s=30)
        await group.publish(b"2")
        await wait_for(lambda: stays.read == [b"1", b"2"], timeout_s=30)
        async with group.member("a") as again:
            await wait_for(lambda: again.partitions == had, timeout_s=30)
            await group.publish(b"3")
            await wait_for(lambda: again.read == [b"2", b"3"], timeout_s=30)
            await wait_for(lambda: stays.read == [b"1", b"2", b"3"], timeout_s=30)
            assert stays.partitions == kept
            assert stays.revocations == disturbed


async def test_two_members_of_one_id_are_told_so(broker: ApacheKafka) -> None:
    group = Group(broker, "twins")
    await broker.create_topic("twins", partitions=2)
    async with group.member("one") as first:
        await wait_for(lambda: len(first.partitions) == 2, timeout_s=60)
        async with group.member("one") as second:
            await wait_for(lambda: len(second.partitions) == 2, timeout_s=30)
            consumer: Any = first.transport._consumer  # pyright: ignore[reportPrivateUsage]
            # As one does that slept and wakes to a rebalance; its heartbeats do not tell.
            consumer._coordinator.request_rejoin()
            await wait_for(
                lambda: any("another member with groupInstanceId 'one'" in each for each in first.refusals),
                timeout_s=30,
            )


async def test_a_dynamic_member_that_comes_back_disturbs_the_others(broker: ApacheKafka) -> None:
    """What static membership is for; and that the count above counts."""
    group = Group(broker, "dynamic")
    await broker.create_topic("dynamic", partitions=2)
    async with group.member(None) as stays:
        async with group.member(None) as first:
            await wait_for(lambda: share(stays, first), timeout_s=60)
            disturbed = stays.revocations
        await wait_for(lambda: len(stays.partitions) == 2, timeout_s=10)
        async with group.member(None) as again:
            await wait_for(lambda: share(stays, again), timeout_s=60)
        assert stays.revocations >= disturbed + 2


async def test_what_a_static_member_leaves_for_good_waits_for_the_session_timeout(broker: ApacheKafka) -> None:
    group = Group(broker, "left", session_timeout_s=8)
    await broker.create_topic("left", partitions=2)
    async with group.member("b") as stays:
        async with group.member("a") as leaves:
            await wait_for(lambda: share(stays, leaves), timeout_s=60)
        await asyncio.sleep(2)
        assert len(stays.partitions) == 1, "nobody said that it left"
        await wait_for(lambda: len(stays.partitions) == 2, timeout_s=60)
