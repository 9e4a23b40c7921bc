"""The one interface between the engine and a broker.

A further transport is one more class: at most one file. A stream without partitions is one partition. A partition says
how it is acknowledged: by position, where the source is a log, or message by message (`acknowledges_each`), where the
source waits for the end of each; `commit` tells the transport of either.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._progress import Progress


class TransportListener(Protocol):
    """What the engine does when partitions come and go; called by the transport."""

    def waiting(self, reason: str) -> None:
        """Says why no partition comes while `start` goes on trying; called every few seconds."""
        ...

    def standing_by(self, reason: str) -> None:
        """Says that nothing is assigned and that this is in order, since another member has it; empty: not so."""
        ...

    def assigned(self, partitions: Collection[Partition]) -> None:
        """Takes partitions. Messages of them follow, the first one not yet committed first."""
        ...

    async def revoked(self, partitions: Collection[Partition]) -> None:
        """Gives partitions up: finishes what is in flight, within a deadline, and commits it before it returns.

        No message of theirs is delivered afterwards, and no end of one is told.
        """
        ...

    def why_waiting(self, message: Message) -> str | None:
        """Says why a message has not ended yet, to a transport whose sender waits for that.

        Args:
            message: Of a partition that acknowledges each message.

        Returns:
            The reason, for people; empty: nothing holds it up. None: it has ended, or is not known.
        """
        ...

    def withdraw(self, message: Message) -> bool:
        """Forgets a message whose sender waits no longer and sends it again if it must.

        Args:
            message: Of a partition that acknowledges each message.

        Returns:
            Whether it is forgotten, and no end of it is told; else it has ended or is on its way, and ends soon.
        """
        ...


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """How far a partition is behind."""

    partition: Partition
    messages: int
    """Messages between the committed position and the end."""


class TransportError(Exception):
    """The broker does not do what was asked now; it may later. The text says why, for people.

    Attributes:
        lags: How far the partitions are behind that flow all the same; empty: not known.
        may_lose: Whether somebody deleted what keeps events, or says what has ended, so that some may be lost.
    """

    def __init__(self, reason: str, *, lags: Sequence[PartitionLag] = (), may_lose: bool = False) -> None:
        super().__init__(reason)
        self.lags = lags
        self.may_lose = may_lose

    @property
    def outlook(self) -> str:
        """What it means for the events, to stand behind the reason; empty where that is not known."""
        return "" if self.may_lose else "; events wait in the source, none are lost"


class Transport(Protocol):
    """A source of messages."""

    @property
    def lease_seconds(self) -> float | None:
        """Seconds after a successful `commit` in which nobody else has our partitions; None: nobody ever has."""
        ...

    async def start(self, listener: TransportListener) -> None:
        """Connects and joins; partitions arrive through the listener.

        Raises:
            TransportError: The broker is away or refuses us. `start` may be called again.
        """
        ...

    async def poll(self, wait: float) -> Sequence[Message]:
        """Returns the messages that are there, of partitions that are not paused, in order within each.

        Must be called again and again, also while everything is paused: some brokers drop a member that does not.

        Args:
            wait: Seconds to wait for the first message.

        Raises:
            TransportError: The broker refuses us.
        """
        ...

    def pause(self, partitions: Mapping[Partition, str]) -> None:
        """Stops delivery. A few messages that were fetched already may still come.

        Args:
            partitions: Each with the reason, for people.
        """
        ...

    def resume(self, partitions: Collection[Partition]) -> None:
        """Goes on with delivery."""
        ...

    async def commit(self, progress: Progress) -> None:
        """Acknowledges at the source what has ended, in both ways that `Progress` tells.

        Where it raises, the same is told again with the next call.

        Raises:
            TransportError: It is not remembered. Normal after a rebalance; the messages come again.
        """
        ...

    async def lag(self) -> Sequence[PartitionLag]:
        """Asks the broker how far each assigned partition is behind.

        Raises:
            TransportError: The broker does not answer.
        """
        ...

    async def retention(self) -> timedelta | None:
        """Asks how long the source keeps messages.

        Returns:
            The longest time of any of its parts, `timedelta.max` for ever; None where it does not say.
        """
        ...

    async def stop(self) -> None:
        """Leaves: the listener's `revoked` is called for what is assigned, then the connection ends."""
        ...
