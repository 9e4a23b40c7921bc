"""What redrive reads: a dead-letter stream, from its beginning to where it ends now."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ameide_process.outputs import OutputRecord


class DeadLetterStreamError(Exception):
    """The stream cannot be read now. The text says why, for people, and what to do."""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record of the stream, and where it stands there."""

    partition: int
    """0 where the stream has no partitions."""
    position: int
    """Offset or sequence number; grows within the partition."""
    record: OutputRecord


class DeadLetterSource(Protocol):
    """A dead-letter stream to read. One class per transport; `open_dead_letters` chooses."""

    @property
    def where(self) -> str:
        """What it reads, for people: transport, stream and address."""
        ...

    @property
    def records(self) -> int:
        """How many records there are to read, about; known once it is open."""
        ...

    async def open(self) -> None:
        """Connects, and remembers where the stream ends: what comes later is not read.

        Raises:
            DeadLetterStreamError: The stream is away, refuses us, or does not exist.
        """
        ...

    def read(self) -> AsyncIterator[Sequence[StoredRecord]]:
        """Reads every record up to the remembered end, each time anew, in order within a partition.

        Raises:
            DeadLetterStreamError: The stream does not go on.
        """
        ...

    async def close(self) -> None:
        """Releases the connection."""
        ...
