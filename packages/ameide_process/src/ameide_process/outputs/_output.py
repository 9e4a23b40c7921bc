"""What an output is: a stream outside, by logical name, that takes records and says when it has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Headers = Sequence[tuple[str, bytes | None]]
"""Name and value, in order; a name may come twice. Only Kafka knows headers without a value."""


@dataclass(frozen=True, slots=True)
class OutputRecord:
    """One record, as the stream should hold it."""

    value: bytes
    key: bytes | None = None
    """Records of one key keep their order."""
    headers: Headers = ()
    id: str | None = None
    """Equal for repetitions of one record and for no other, so that a stream that can takes it once."""
    partition: int | None = None
    """Where it should stand, if the stream has partitions and this one; otherwise the key decides."""
    subject: str = ""
    """Of a NATS stream, in place of the output's own; empty: that."""
    stream: str = ""
    """The NATS stream that is to take it, and no other; empty: any may."""


class OutputError(Exception):
    """A record is not in the stream."""


class OutputUnavailableError(OutputError):
    """The stream does not take records now; the same record may pass later."""


class OutputTooLargeError(OutputError):
    """The stream refuses the record for its size, and will until somebody raises its limit.

    Attributes:
        size: Bytes that the stream must be able to take in one record.
        limit: The setting to raise, and of what.
    """

    def __init__(self, *, size: int, limit: str) -> None:
        super().__init__(f"a record of {size} bytes is refused; raise {limit} to at least {size}")
        self.size = size
        self.limit = limit


class Output(Protocol):
    """A stream that takes records. One class per transport; `open_output` chooses."""

    async def publish(self, record: OutputRecord) -> None:
        """Writes a record, and returns once the stream has it durably.

        Raises:
            OutputUnavailableError: The stream does not answer, or refuses for a reason that may pass.
            OutputTooLargeError: The stream refuses the record for its size.
        """
        ...

    async def look(self) -> None:
        """Asks the stream whether it is there for us, without writing to it.

        Raises:
            OutputUnavailableError: It is not; the text says why, and what to do.
        """
        ...

    async def close(self) -> None:
        """Releases the connection. Records of running `publish` calls may be lost, and their calls say so."""
        ...
