"""Dead letters on a real broker: whole, explained, and acknowledged before anybody forgets the original."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaConsumer
from ameide_devstack import EmbeddedKafka
from ameide_process.configuration import KafkaOutput
from ameide_process.outputs import (
    DeadLetterPublisher,
    DeadLetterRecord,
    OutputUnavailableError,
    SourcePosition,
    _kafka,
    open_output,
)


@pytest.fixture(scope="module")
async def broker() -> AsyncGenerator[EmbeddedKafka]:
    async with EmbeddedKafka() as running:
        yield running


def publisher(broker: EmbeddedKafka, topic: str = "dead") -> DeadLetterPublisher:
    settings = KafkaOutput.model_validate(
        {"kind": "kafka", "bootstrapServers": broker.bootstrap_servers, "topic": topic}
    )
    return DeadLetterPublisher(open_output("dead-letter", settings))


RECORD = DeadLetterRecord(
    value=b"\xff original \x00",
    key=b"key",
    headers=[("a", b"1"), ("a", b"2"), ("dead-letter-reason", b"of an earlier life")],
    reason="undecodable",
    message="the bytes are no Event " + "x" * 5000,
    process="order-fulfillment",
    source=SourcePosition("orders-facts", "orders", 3, 42, datetime(2026, 1, 2, tzinfo=UTC)),
    workflow_id="proc/order-fulfillment/t/ä",
    run_id="r",
)


async def test_the_original_is_whole_and_the_reason_beside_it(broker: EmbeddedKafka):
    await broker.create_topic("dead")
    dead = publisher(broker)
    await dead.publish(RECORD)
    await dead.close()
    consumer = AIOKafkaConsumer("dead", bootstrap_servers=broker.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    record = await consumer.getone()
    await consumer.stop()
    assert record.value == RECORD.value
    assert record.key == b"key"
    assert record.headers[:2] == (("a", b"1"), ("a", b"2"))
    said = dict(record.headers)
    assert [name for name, _ in record.headers].count("dead-letter-reason") == 1
    assert said["dead-letter-reason"] == b"undecodable"
    assert len(said["dead-letter-message"]) == 2048
    assert said["dead-letter-process"] == b"order-fulfillment"
    assert said["dead-letter-subscription"] == b"orders-facts"
    assert said["dead-letter-source"] == b"orders"
    assert said["dead-letter-source-partition"] == b"3"
    assert said["dead-letter-source-position"] == b"42"
    assert said["dead-letter-source-time"] == b"2026-01-02T00:00:00+00:00"
    assert said["dead-letter-workflow-id"] == "proc/order-fulfillment/t/ä".encode()
    assert said["dead-letter-run-id"] == b"r"
    assert datetime.fromisoformat(said["dead-letter-time"].decode()).tzinfo is not None


async def test_a_broker_that_goes_is_said_so_and_may_come_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_kafka, "REQUEST_TIMEOUT_MS", 500)
    async with EmbeddedKafka() as fleeting:
        await fleeting.create_topic("dead")
        dead = publisher(fleeting)
        await dead.publish(RECORD)
        await fleeting.kill()
        with pytest.raises(OutputUnavailableError, match=r"output dead-letter \(kafka topic dead at 127\.0\.0\.1"):
            await dead.publish(RECORD)
        await fleeting.start()
        await fleeting.create_topic("dead")
        await dead.publish(RECORD)
        await dead.close()


async def test_a_broker_that_never_was_is_said_so():
    broker = EmbeddedKafka()
    dead = publisher(broker)
    with pytest.raises(OutputUnavailableError, match="kafka topic dead"):
        await dead.publish(RECORD)
    await dead.close()
    await broker.close()
