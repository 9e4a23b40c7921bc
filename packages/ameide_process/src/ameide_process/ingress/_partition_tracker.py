"""Contiguous acknowledgement: which position of a partition is safe to commit."""

from collections import deque

from ameide_process.ingress._delivery import Delivery
from ameide_process.ingress._message import Partition


class PartitionTracker:
    """The uncommitted messages of one partition.

    Messages end in any order; the committable position moves only over an unbroken run of ended ones.

    Attributes:
        partition: The partition.
        events: Uncommitted messages.
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

    def advance(self) -> None:
        """Moves the committable position over what has ended."""
        opened, ended = self._open, self._ended
        while opened and opened[0].ended:
            delivery = opened.popleft()
            ended.append(delivery)
            self._position = delivery.message.position + 1

    @property
    def committable(self) -> int | None:
        """The position below which everything has ended; None where that is committed already."""
        return None if self._position == self._committed else self._position

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
    def oldest(self) -> Delivery | None:
        """The message at which the committable position waits; None where all have ended."""
        return self._open[0] if self._open else None

    def uncommitted(self) -> list[Delivery]:
        """Returns every message that is not done with, in order."""
        return [*self._ended, *self._open]
