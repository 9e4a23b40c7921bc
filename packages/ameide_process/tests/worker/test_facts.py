"""Facts in their streams: CloudEvents that say all they must, dead letters where a stream refuses them for good."""

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaConsumer
from ameide_core_proto.process.v1.process_runtime_pb2 import FactCause, OutgoingFact, SendFactsRequest
from ameide_devstack import EmbeddedKafka
from ameide_process.configuration import KafkaOutput
from ameide_process.contract import ProcessContract, WorkflowKind
from ameide_process.nats_headers import write_headers
from ameide_process.outputs import (
    DeadLetterPublisher,
    FactPublisher,
    FactRecord,
    Output,
    OutputRecord,
    OutputTooLargeError,
    OutputUnavailableError,
    open_output,
)
from ameide_process.worker._facts import FactWriter
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from prometheus_client import CollectorRegistry
from temporalio.common import VersioningBehavior, WorkflowIDReusePolicy
from temporalio.testing import ActivityEnvironment

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

CONTRACT = ProcessContract(
    name="sample",
    workflow_type="sample",
    default_task_queue="sample",
    api_major=1,
    api_minor=0,
    kind=WorkflowKind.ENTITY,
    reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
    versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    dedupe_window=4096,
    cases=(),
    subscriptions=(),
    digest="0" * 64,
)


def _fact(number: int, stream: str = "facts") -> OutgoingFact:
    fact = OutgoingFact(
        stream=stream,
        id=f"id-{number}",
        type="sample.Said.v1",
        data_schema="https://example.com/said",
        partition_key="käy",
        data=b"\x0a\x01" + str(number).encode(),
        seq=number,
        run_epoch=3,
        cause=FactCause(event_id="event-1", traceparent=TRACEPARENT, tracestate="a=1", correlation_id="c-1"),
    )
    fact.time.FromJsonString("2026-01-02T03:04:05.678Z")
    return fact


class Refusing:
    """A stream that takes nothing; no real one can be made to refuse or be away on demand."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def publish(self, record: OutputRecord) -> None:
        raise self._error

    async def look(self) -> None:
        return

    async def close(self) -> None:
        return


class Taking:
    """A stream that remembers."""

    def __init__(self) -> None:
        self.records: list[OutputRecord] = []

    async def publish(self, record: OutputRecord) -> None:
        self.records.append(record)

    async def look(self) -> None:
        return

    async def close(self) -> None:
        return


class Written:
    """A writer with its streams."""

    def __init__(self, **streams: Output) -> None:
        self.dead = Taking()
        self.registry = CollectorRegistry()
        self.writer = FactWriter(
            CONTRACT,
            {name: FactPublisher(output, transport="kafka") for name, output in streams.items()},
            DeadLetterPublisher(self.dead),
            self.registry,
        )

    async def send(self, *facts: OutgoingFact) -> Sequence[str]:
        """Runs the activity; returns the ids of what was refused."""
        request = SendFactsRequest(facts=facts, process_run_id="first-run")
        response = await ActivityEnvironment().run(self.writer.send, request)
        return [refused.id for refused in response.refused]

    def count(self, stream: str, outcome: str) -> float:
        """Facts that came to an end."""
        return self.registry.get_sample_value("ameide_worker_facts_total", {"stream": stream, "outcome": outcome}) or 0


@pytest.fixture
async def broker() -> AsyncGenerator[EmbeddedKafka]:
    async with EmbeddedKafka() as running:
        yield running


async def test_facts_are_cloudevents_on_kafka(broker: EmbeddedKafka) -> None:
    await broker.create_topic("said")
    settings = KafkaOutput.model_validate(
        {"kind": "kafka", "bootstrapServers": broker.bootstrap_servers, "topic": "said"}
    )
    stream = open_output("facts", settings)
    written = Written(facts=stream)
    assert await written.send(*(_fact(number) for number in range(1, 6))) == []
    await stream.close()
    consumer = AIOKafkaConsumer("said", bootstrap_servers=broker.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    records = [await consumer.getone() for _ in range(5)]
    await consumer.stop()
    assert [record.value for record in records] == [_fact(number).data for number in range(1, 6)]
    first = records[0]
    headers = dict(first.headers)
    assert headers["content-type"] == b"application/protobuf"
    assert headers["traceparent"] == TRACEPARENT.encode()
    assert first.key == "käy".encode()
    event = from_binary(KafkaMessage(headers=headers, key=first.key, value=b"null"), JSONFormat())
    attributes = {name: str(value) for name, value in event.get_attributes().items()}
    workflow_id = ActivityEnvironment.default_info().workflow_id
    assert attributes.pop("time").startswith("2026-01-02 03:04:05.678")
    attributes.pop("datacontenttype", None)
    assert attributes == {
        "specversion": "1.0",
        "id": "id-1",
        "type": "sample.Said.v1",
        "source": "/process/sample",
        "subject": workflow_id,
        "dataschema": "https://example.com/said",
        "partitionkey": "käy",
        "processdefinitionid": "sample",
        "processinstanceid": workflow_id,
        "processrunid": "first-run",
        "runepoch": "3",
        "seq": "1",
        "correlationid": "c-1",
        "causationid": "event-1",
        "traceparent": TRACEPARENT,
        "tracestate": "a=1",
    }
    assert written.count("facts", "sent") == 5


def test_nats_is_told_what_it_needs() -> None:
    record = FactRecord(
        data=b"",
        id="a b",
        type="t",
        time=datetime(2026, 1, 2, tzinfo=UTC),
        partition_key="käy",
        process="sample",
        workflow_id="w",
        process_run_id="r",
        run_epoch=0,
        seq=1,
    ).to_output("nats")
    # A stream drops repetitions by it.
    assert record.id == "a%20b"
    headers = write_headers(record.headers)
    assert headers["ce-id"] == "a%20b"
    assert headers["ce-partitionkey"] == "k%C3%A4y"
    assert headers["ce-datacontenttype"] == "application/protobuf"
    # What nobody has correlated is correlated by its workflow.
    assert headers["ce-correlationid"] == "w"
    assert not {"traceparent", "ce-traceparent", "ce-causationid", "ce-dataschema"} & headers.keys()


async def test_what_a_stream_refuses_for_good_is_a_dead_letter_and_the_others_pass() -> None:
    other = Taking()
    written = Written(facts=Refusing(OutputTooLargeError(size=9, limit="max.message.bytes of topic t")), other=other)
    assert await written.send(_fact(1), _fact(2, "other")) == ["id-1"]
    assert len(other.records) == 1
    (letter,) = written.dead.records
    headers = dict(letter.headers)
    assert letter.value == _fact(1).data
    assert headers["ce_id"] == b"id-1"
    assert headers["dead-letter-reason"] == b"fact-refused"
    assert b"raise max.message.bytes of topic t" in (headers["dead-letter-message"] or b"")
    assert written.count("facts", "refused") == 1


async def test_a_stream_that_is_away_fails_the_attempt_after_the_others_have_ended() -> None:
    other = Taking()
    written = Written(facts=Refusing(OutputUnavailableError("the broker is away")), other=other)
    with pytest.raises(OutputUnavailableError, match="the broker is away"):
        await written.send(_fact(1), _fact(2, "other"))
    assert len(other.records) == 1
    assert written.dead.records == []


async def test_progress_that_nobody_wants_any_more_is_dropped_and_counted() -> None:
    written = Written()
    assert await written.send(_fact(1, "progress")) == []
    assert written.count("progress", "unbound") == 1
    with pytest.raises(OutputUnavailableError, match="no output facts is bound"):
        await written.send(_fact(1))
