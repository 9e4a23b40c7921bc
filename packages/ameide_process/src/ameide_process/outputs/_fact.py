"""Facts as the outside sees them: CloudEvents 1.0 in binary mode, by the attribute rules of the CloudEvents SDK."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from cloudevents.core.v1.event import CloudEvent

from ameide_process.outputs._output import Headers, Output, OutputRecord
from ameide_process.trace_context import TRACEPARENT, TRACESTATE

CONTENT_TYPE = "application/protobuf"

_PREFIXES = {"kafka": "ce_", "nats": "ce-"}
"""Of attributes in headers, by transport (Kafka binding 3.2.3, NATS binding 3.2.1)."""


@dataclass(frozen=True, slots=True)
class FactRecord:
    """A fact of one workflow, and all that its CloudEvent says."""

    data: bytes
    """The message, in binary protobuf."""
    id: str
    """The same however often the fact is sent: consumers know repetitions by it."""
    type: str
    time: datetime
    """When it was emitted, UTC."""
    partition_key: str
    process: str
    """Name of the process."""
    workflow_id: str
    process_run_id: str
    """Run id of the first run of the workflow."""
    run_epoch: int
    seq: int
    data_schema: str = ""
    traceparent: str = ""
    tracestate: str = ""
    correlation_id: str = ""
    causation_id: str = ""

    def to_output(self, transport: str) -> OutputRecord:
        """Makes the record for a stream.

        Args:
            transport: `kind` of the output's settings.

        Raises:
            CloudEventValidationError: An attribute is none that a CloudEvent may have.
        """
        prefix = _PREFIXES[transport]
        attributes = CloudEvent(dict(self._attributes())).get_attributes()
        headers = [(f"{prefix}{name}", _text(value).encode()) for name, value in attributes.items()]
        return OutputRecord(
            value=self.data,
            key=self.partition_key.encode(),
            headers=[*headers, *self._transport_headers(transport)],
            # Encoded, since a stream that drops repetitions takes it as a header of its own.
            id=quote(self.id, safe="/"),
        )

    def _attributes(self) -> Iterator[tuple[str, object]]:
        yield "specversion", "1.0"
        yield "id", self.id
        yield "type", self.type
        # Process and workflow: ids are unique within a source.
        yield "source", f"/process/{quote(self.process)}"
        yield "subject", self.workflow_id
        yield "time", self.time
        if self.data_schema:
            yield "dataschema", self.data_schema
        yield "partitionkey", self.partition_key
        yield "processdefinitionid", self.process
        yield "processinstanceid", self.workflow_id
        yield "processrunid", self.process_run_id
        # As text: integers of CloudEvents have 32 bits.
        yield "runepoch", str(self.run_epoch)
        yield "seq", str(self.seq)
        # Facts of a workflow that nobody has correlated belong together.
        yield "correlationid", self.correlation_id or self.workflow_id
        if self.causation_id:
            yield "causationid", self.causation_id
        if self.traceparent:
            yield "traceparent", self.traceparent
            if self.tracestate:
                yield "tracestate", self.tracestate

    def _transport_headers(self, transport: str) -> Headers:
        """What readers know who do not know CloudEvents."""
        plain = [("content-type", CONTENT_TYPE.encode())]
        if transport == "nats":
            plain.append(("ce-datacontenttype", CONTENT_TYPE.encode()))
        if self.traceparent:
            plain.append((TRACEPARENT, self.traceparent.encode()))
            if self.tracestate:
                plain.append((TRACESTATE, self.tracestate.encode()))
        return plain


def _text(value: object) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


class FactPublisher:
    """Writes facts to an output."""

    def __init__(self, output: Output, *, transport: str) -> None:
        """Prepares the publisher.

        Args:
            output: The stream.
            transport: `kind` of its settings.
        """
        self._output = output
        self._transport = transport

    async def publish(self, fact: FactRecord) -> None:
        """Writes a fact, and returns once the stream has it durably.

        Raises:
            OutputUnavailableError: The stream is down; try again later.
            OutputTooLargeError: The stream refuses it for its size; the error names the limit to raise.
        """
        await self._output.publish(self.record(fact))

    def record(self, fact: FactRecord) -> OutputRecord:
        """Makes the record that the stream holds."""
        return fact.to_output(self._transport)

    async def look(self) -> None:
        """Asks the stream whether it is there for us.

        Raises:
            OutputUnavailableError: It is not; the text says why, and what to do.
        """
        await self._output.look()

    async def close(self) -> None:
        """Releases the connection."""
        await self._output.close()
