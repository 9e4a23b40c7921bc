"""What a transport may acknowledge: by position where a source is a log, else message by message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ameide_process.ingress._ending import EndedMessage
from ameide_process.ingress._message import Partition


@dataclass(frozen=True, slots=True)
class Progress:
    """What has ended and is not acknowledged yet."""

    positions: Mapping[Partition, int] = field(default_factory=dict[Partition, int])
    """Of partitions that are acknowledged by position: everything below it has ended."""
    messages: Mapping[Partition, Sequence[EndedMessage]] = field(
        default_factory=dict[Partition, Sequence[EndedMessage]]
    )
    """Of partitions whose messages are acknowledged each by itself: those that have ended, in the order in which they
    did, whatever became of earlier ones."""

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.positions or self.messages)
