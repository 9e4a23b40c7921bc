"""Reads through a Kafka transport as the engine does."""

import asyncio
import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from ameide_devstack.testing import wait_until
from ameide_process.ingress._kafka import KafkaTransport
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._progress import Progress
from ameide_process.ingress._transport import TransportError


@dataclass
class Reader:
    """Reads through a transport as the engine does, and keeps what it is told."""

    transport: KafkaTransport
    partitions: list[Partition] = field(default_factory=list[Partition])
    """Those that are ours now."""
    given: int = 0
    """How often partitions came."""
    read: list[str] = field(default_factory=list[str])
    errors: list[str] = field(default_factory=list[str])
    last: Message | None = None

    def waiting(self, reason: str) -> None:
        self.errors.append(reason)

    def standing_by(self, reason: str) -> None:
        """Kafka's members do not."""

    def assigned(self, partitions: Collection[Partition]) -> None:
        self.partitions += partitions
        self.given += 1

    async def revoked(self, partitions: Collection[Partition]) -> None:
        # As the engine does: what has ended is committed before a partition goes.
        with contextlib.suppress(TransportError):
            await self.commit()
        self.partitions = [each for each in self.partitions if each not in partitions]

    def why_waiting(self, message: Message) -> str | None:
        return None

    def withdraw(self, message: Message) -> bool:
        return False

    async def poll(self) -> None:
        try:
            messages = await self.transport.poll(0.2)
        except TransportError as error:
            self.errors.append(str(error))
            await asyncio.sleep(0.2)
            return
        for message in messages:
            if message.partition in self.partitions:
                self.read.append((message.value or b"").decode())
                self.last = message

    async def commit(self) -> None:
        if self.last is not None:
            await self.transport.commit(Progress({self.last.partition: self.last.position + 1}, {}))

    async def reads(self, expected: Sequence[str]) -> None:
        async def done() -> bool:
            await self.poll()
            return len(self.read) >= len(expected)

        await wait_until(done, timeout_s=40)
        await self.poll()
        assert self.read == list(expected)
