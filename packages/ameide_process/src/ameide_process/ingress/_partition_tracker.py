"""Which messages of a partition may be acknowledged: contiguously by position, or each by itself."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeAlias

from ameide_process.ingress._ending import EndedMessage
from ameide_process.ingress._message import Partition

if TYPE_CHECKING:
    from ameide_process.ingress._delivery import Delivery


class PositionTracker:
    """The unacknowledged messages of a partition that is acknowledged by position.

    Messages end in any order; the committable position moves only over an unbroken run of ended ones.

    Attributes:
        partition: The partition.
        events: Unacknowledged messages.
        size: Their bytes.
    """

    __slots__ = ("_committed", "_ended", "_open", "_position", "events", "partition", "size")

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self.events = 0
        self.size = 0
        self._open: deque[Delivery] = deque()
        """Delivered and not contiguously ended, in order."""
        self._ended: deque[Delivery] = deque()
        """Contiguously ended and not committed, in order."""
        self._position: int | None = None
        self._committed: int | None = None

    def add(self, delivery: Delivery) -> None:
        """Takes a delivered message. Positions grow from call to call."""
        self._open.append(delivery)
        self.events += 1
        self.size += delivery.size

    def end(self, _: Delivery) -> None:
        """Takes note of a message that has ended, and moves the committable position over what has."""
        opened, ended = self._open, self._ended
        while opened and opened[0].ending is not None:
            delivery = opened.popleft()
            ended.append(delivery)
            self._position = delivery.message.position + 1

    @property
    def committable(self) -> int | None:
        """The position below which everything has ended; None where that is committed already."""
        return None if self._position == self._committed else self._position

    @property
    def has_committable(self) -> bool:
        """Whether there is such a position."""
        return self._position != self._committed

    def committed(self, position: int) -> list[Delivery]:
        """Says that the broker remembers a position.

        Returns:
            The messages that are thereby done with.
        """
        self._committed = position
        done: list[Delivery] = []
        ended = self._ended
        while ended and ended[0].message.position < position:
            delivery = ended.popleft()
            self.events -= 1
            self.size -= delivery.size
            done.append(delivery)
        return done

    @property
    def position(self) -> int | None:
        """Below it everything has ended; None as long as no message was delivered."""
        return self._open[0].message.position if self._open else self._position

    @property
    def oldest(self) -> Delivery | None:
        """The message at which the committable position waits; None where all have ended."""
        return self._open[0] if self._open else None

    def uncommitted(self) -> list[Delivery]:
        """Returns every message that is not done with, in order."""
        return [*self._ended, *self._open]


class MessageTracker:
    """The unacknowledged messages of a partition whose messages are acknowledged each by itself.

    A message that has ended may be acknowledged whatever became of earlier ones, so that none waits for another key.

    Attributes:
        partition: The partition.
        events: Unacknowledged messages.
        size: Their bytes.
    """

    __slots__ = ("_ended", "_open", "events", "partition", "size")

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self.events = 0
        self.size = 0
        self._open: dict[int, Delivery] = {}
        """Delivered and not ended, by position, in order of delivery."""
        self._ended: dict[int, Delivery] = {}
        """Ended and not acknowledged, by position, in order of their ends."""

    def add(self, delivery: Delivery) -> None:
        """Takes a delivered message. No two unacknowledged ones have one position."""
        self._open[delivery.message.position] = delivery
        self.events += 1
        self.size += delivery.size

    def end(self, delivery: Delivery) -> None:
        """Takes note of a message that has ended."""
        if self._open.pop(delivery.message.position, None) is not None:
            self._ended[delivery.message.position] = delivery

    @property
    def committable(self) -> list[EndedMessage]:
        """The messages that have ended and are not acknowledged."""
        return [EndedMessage(each.message, each.ending) for each in self._ended.values() if each.ending is not None]

    @property
    def has_committable(self) -> bool:
        """Whether there are such messages."""
        return bool(self._ended)

    def committed(self, position: int) -> list[Delivery]:
        """Says that the source knows the end of the message at a position.

        Returns:
            That message, which is thereby done with; nothing where it was before.
        """
        delivery = self._ended.pop(position, None)
        if delivery is None:
            return []
        self.events -= 1
        self.size -= delivery.size
        return [delivery]

    def open_at(self, position: int) -> Delivery | None:
        """Returns the message at a position, None where it has ended or is not known."""
        return self._open.get(position)

    def withdraw(self, delivery: Delivery) -> None:
        """Forgets a message that has not ended."""
        if self._open.pop(delivery.message.position, None) is not None:
            self.events -= 1
            self.size -= delivery.size

    @property
    def oldest(self) -> Delivery | None:
        """The first delivered of the messages that have not ended; None where all have."""
        return next(iter(self._open.values()), None)

    def uncommitted(self) -> list[Delivery]:
        """Returns every message that is not done with."""
        return [*self._ended.values(), *self._open.values()]


PartitionTracker: TypeAlias = PositionTracker | MessageTracker


def tracker_of(partition: Partition) -> PartitionTracker:
    """Makes the tracker that a partition asks for."""
    return MessageTracker(partition) if partition.acknowledges_each else PositionTracker(partition)
