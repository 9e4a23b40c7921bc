"""Dead letters: messages that can never be handled, kept whole, with the reason beside them.

The value is the original bytes and the headers the original headers, so that a dead letter can be sent again as it
was. What we say of it stands in headers that begin with `dead-letter-`.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from ameide_process.outputs._output import Headers, Output, OutputRecord

HEADER_PREFIX = "dead-letter-"
REASON = "dead-letter-reason"
MESSAGE = "dead-letter-message"
PROCESS = "dead-letter-process"
TIME = "dead-letter-time"
SUBSCRIPTION = "dead-letter-subscription"
SOURCE = "dead-letter-source"
SOURCE_PARTITION = "dead-letter-source-partition"
SOURCE_POSITION = "dead-letter-source-position"
SOURCE_SUBJECT = "dead-letter-source-subject"
SOURCE_TIME = "dead-letter-source-time"
WORKFLOW_ID = "dead-letter-workflow-id"
RUN_ID = "dead-letter-run-id"
EVENT_ID = "dead-letter-event-id"

FACT_REFUSED = "fact-refused"
"""Reason of a fact that its stream takes in no way."""

MAXIMUM_MESSAGE_BYTES = 2048
"""Longest message header; a key of a megabyte should not double the record."""


@dataclass(frozen=True, slots=True)
class SourcePosition:
    """Where a message stood."""

    subscription: str
    """Logical name."""
    source: str
    """Topic, stream or path."""
    partition: int
    position: int
    """Offset or sequence number."""
    time: datetime | None = None
    """When the source took the message."""
    subject: str = ""
    """On which a NATS stream took it; empty: not known, or the source has none."""


@dataclass(frozen=True, slots=True)
class DeadLetterRecord:
    """A message that can never be handled, and why."""

    value: bytes
    """The original bytes."""
    reason: str
    """Stable word for programs: a value of `InvalidReason`, or `FACT_REFUSED`."""
    message: str
    """Sentence for people."""
    process: str
    """Name of the process that could not handle it."""
    key: bytes | None = None
    """The original key."""
    headers: Headers = ()
    """The original headers."""
    source: SourcePosition | None = None
    workflow_id: str | None = None
    run_id: str | None = None
    event_id: str | None = None
    """Idempotency key, where the message could be read."""
    given_up_at: datetime | None = None
    """When it was written to the stream; None before that."""

    @classmethod
    def from_output(cls, record: OutputRecord) -> Self | None:
        """Reads a record of the stream; None where it is no dead letter, for it gives no reason."""
        said = {
            name: (value or b"").decode(errors="replace")
            for name, value in record.headers
            if name.startswith(HEADER_PREFIX)
        }
        if REASON not in said:
            return None
        return cls(
            value=record.value,
            reason=said[REASON],
            message=said.get(MESSAGE, ""),
            process=said.get(PROCESS, ""),
            key=record.key,
            headers=[(name, value) for name, value in record.headers if not name.startswith(HEADER_PREFIX)],
            source=_source(said),
            workflow_id=said.get(WORKFLOW_ID),
            run_id=said.get(RUN_ID),
            event_id=said.get(EVENT_ID),
            given_up_at=_time(said.get(TIME)),
        )

    def to_output(self, now: datetime) -> OutputRecord:
        """Makes the record for the stream.

        Args:
            now: When it is given up.
        """
        # Headers of an earlier life as a dead letter would contradict these.
        original = [(name, value) for name, value in self.headers if not name.startswith(HEADER_PREFIX)]
        ours = [(name, text.encode()) for name, text in self._described(now)]
        return OutputRecord(value=self.value, key=self.key, headers=[*original, *ours], id=self._id())

    def _id(self) -> str | None:
        """Where it stood, and a digest, since a source that is made anew counts from the beginning."""
        if self.source is None:
            return None
        digest = hashlib.blake2b(self.value, digest_size=8).hexdigest()
        at = self.source
        return f"{self.process}/{at.subscription}/{at.source}/{at.partition}/{at.position}/{digest}"

    def _described(self, now: datetime) -> Iterator[tuple[str, str]]:
        yield REASON, self.reason
        yield MESSAGE, self.message.encode(errors="replace")[:MAXIMUM_MESSAGE_BYTES].decode(errors="ignore")
        yield PROCESS, self.process
        yield TIME, now.astimezone(UTC).isoformat()
        if self.source is not None:
            yield SUBSCRIPTION, self.source.subscription
            yield SOURCE, self.source.source
            yield SOURCE_PARTITION, str(self.source.partition)
            yield SOURCE_POSITION, str(self.source.position)
            if self.source.subject:
                yield SOURCE_SUBJECT, self.source.subject
            if self.source.time is not None:
                yield SOURCE_TIME, self.source.time.astimezone(UTC).isoformat()
        if self.workflow_id is not None:
            yield WORKFLOW_ID, self.workflow_id
        if self.run_id is not None:
            yield RUN_ID, self.run_id
        if self.event_id is not None:
            yield EVENT_ID, self.event_id


def _source(said: Mapping[str, str]) -> SourcePosition | None:
    """Where the message stood; None where the worker gave it up, which does not know, or a header is spoilt."""
    with contextlib.suppress(KeyError, ValueError):
        return SourcePosition(
            subscription=said[SUBSCRIPTION],
            source=said[SOURCE],
            partition=int(said[SOURCE_PARTITION]),
            position=int(said[SOURCE_POSITION]),
            time=_time(said.get(SOURCE_TIME)),
            subject=said.get(SOURCE_SUBJECT, ""),
        )
    return None


def _time(text: str | None) -> datetime | None:
    with contextlib.suppress(ValueError):
        time = datetime.fromisoformat(text) if text else None
        return time.replace(tzinfo=time.tzinfo or UTC) if time else None
    return None


class DeadLetterPublisher:
    """Writes dead letters to an output."""

    def __init__(self, output: Output) -> None:
        self._output = output

    async def publish(self, record: DeadLetterRecord) -> None:
        """Writes a dead letter, and returns once the stream has it durably.

        Raises:
            OutputUnavailableError: The stream is down; try again later.
            OutputTooLargeError: The stream refuses it for its size; the error names the limit to raise.
        """
        await self._output.publish(record.to_output(datetime.now(UTC)))

    async def look(self) -> None:
        """Asks whether the stream is there; see `Output`."""
        await self._output.look()

    async def close(self) -> None:
        """Releases the connection."""
        await self._output.close()
