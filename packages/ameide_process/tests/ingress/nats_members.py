"""Members of a consumer on a real server, without an engine behind them."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass, field

from ameide_devstack import NatsServer
from ameide_process.configuration import NatsSubscription
from ameide_process.ingress._ending import ACCEPTED, EndedMessage
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._progress import Progress
from ameide_process.ingress._transport import TransportError
from ameide_process.ingress.nats import NatsTransport
from nats.js import JetStreamContext

TIMES = {"ackWaitSeconds": 3, "memberTimeoutSeconds": 2}


@dataclass
class Member:
    """A member that remembers what it was given, and acknowledges it while `acknowledges` says so."""

    transport: NatsTransport
    acknowledges: bool = True
    read: dict[int, list[int]] = field(default_factory=lambda: defaultdict[int, list[int]](list))
    """By partition, what the messages say, in the order of delivery."""
    unacknowledged: list[Message] = field(default_factory=list[Message])
    revoked_after: list[int] = field(default_factory=list[int])
    """How much was read at each revocation."""
    running: asyncio.Task[None] | None = None
    stands_by: str = ""
    """Why nothing is assigned."""
    withheld: frozenset[int] = frozenset()
    """What messages say that are never acknowledged, as if their keys were parked."""

    def waiting(self, reason: str) -> None:
        """Of no interest here."""

    def standing_by(self, reason: str) -> None:
        self.stands_by = reason

    def assigned(self, partitions: Collection[Partition]) -> None:
        """Likewise."""

    async def revoked(self, partitions: Collection[Partition]) -> None:
        self.revoked_after.append(sum(map(len, self.read.values())))
        self.unacknowledged = [each for each in self.unacknowledged if each.partition not in partitions]

    def why_waiting(self, message: Message) -> str | None:
        return None

    def withdraw(self, message: Message) -> bool:
        return False

    async def run(self) -> None:
        await self.transport.start(self)
        while True:
            for message in await self.transport.poll(0.1):
                self.read[message.partition.number].append(int(message.value or b""))
                self.unacknowledged.append(message)
            if self.acknowledges:
                await self.acknowledge()

    async def look(self) -> str:
        """Asks for the lag, as the engine does every few seconds; what is wrong, with what it means for the events."""
        try:
            await self.transport.lag()
        except TransportError as error:
            return f"{error}{error.outlook}"
        return ""

    async def acknowledge(self) -> None:
        ended = [each for each in self.unacknowledged if int(each.value or b"") not in self.withheld]
        self.unacknowledged = [each for each in self.unacknowledged if int(each.value or b"") in self.withheld]
        by_partition: dict[Partition, list[EndedMessage]] = defaultdict(list)
        for each in ended:
            by_partition[each.partition].append(EndedMessage(each, ACCEPTED))
        await self.transport.commit(Progress({}, by_partition))

    def distinct(self) -> dict[int, list[int]]:
        """What was read, without repetitions."""
        return {number: list(dict.fromkeys(read)) for number, read in self.read.items()}


@dataclass(frozen=True)
class Subscription:
    server: NatsServer
    stream: str
    partitions: int = 1

    def transport(self, **settings: object) -> NatsTransport:
        partitioned = [f"{self.stream}.{number}" for number in range(self.partitions)] if self.partitions > 1 else []
        named = {"kind": "nats", "servers": self.server.address, "stream": self.stream, "partitions": partitioned}
        read = NatsSubscription.model_validate({**named, **TIMES, **settings})
        return NatsTransport(read, durable=self.stream, subscription=self.stream)

    @contextlib.asynccontextmanager
    async def member(self, *, acknowledges: bool = True, **settings: object) -> AsyncGenerator[Member]:
        member = Member(self.transport(**settings), acknowledges)
        member.running = asyncio.create_task(member.run())
        try:
            yield member
        finally:
            member.running.cancel()
            await asyncio.gather(member.running, return_exceptions=True)
            await member.transport.stop()

    async def create(self) -> None:
        await self.server.create_stream(self.stream, [f"{self.stream}.>"])

    async def publish(self, numbers: range) -> None:
        """Publishes each number to every partition."""
        async with self.server.client() as client:
            for number in numbers:
                for partition in range(self.partitions):
                    await JetStreamContext(client).publish(f"{self.stream}.{partition}", str(number).encode())

    async def unacknowledged(self) -> int | None:
        """How much consumers have left; None where there is none."""
        async with self.server.client() as client:
            consumers = await JetStreamContext(client).consumers_info(self.stream)
        if not consumers:
            return None
        return sum((each.num_ack_pending or 0) + (each.num_pending or 0) for each in consumers)

    async def nothing_is_left(self) -> bool:
        return await self.unacknowledged() == 0


async def cut_off(member: Member) -> None:
    """As a machine that sleeps or dies: no farewell, no mark, no acknowledgement."""
    assert member.running is not None
    member.running.cancel()
    for each in member.transport._members:  # pyright: ignore[reportPrivateUsage]
        task = each._task  # pyright: ignore[reportPrivateUsage]
        assert task is not None
        task.cancel()
    client = member.transport._client  # pyright: ignore[reportPrivateUsage]
    assert client is not None
    await client.close()
