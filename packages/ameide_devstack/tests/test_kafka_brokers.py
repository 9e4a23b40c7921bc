from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition  # pyright: ignore[reportMissingTypeStubs]
from aiokafka.errors import MessageSizeTooLargeError, TopicAlreadyExistsError  # pyright: ignore[reportMissingTypeStubs]
from ameide_devstack import ApacheKafka, BuildError, EmbeddedKafka, KafkaBroker, ServerStartError, ToolMissingError

BROKERS = [EmbeddedKafka, pytest.param(ApacheKafka, marks=pytest.mark.e2e)]


async def produce(broker: KafkaBroker, topic: str, values: list[bytes]) -> None:
    producer: Any = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers, acks="all")  # it has few types
    async with producer:
        for value in values:
            await producer.send_and_wait(topic, value, key=value)


async def consume(broker: KafkaBroker, topic: str, *, count: int) -> list[bytes]:
    """Read `count` records of a group from where its last commit left off, and commit them."""
    consumer: Any = AIOKafkaConsumer(
        topic,
        bootstrap_servers=broker.bootstrap_servers,
        group_id="readers",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        # The embedded broker lets a group start after half a session timeout, at least a second.
        session_timeout_ms=1000,
        heartbeat_interval_ms=100,
    )
    async with consumer:
        records = [await anext(consumer) for _ in range(count)]
        await consumer.commit({TopicPartition(r.topic, r.partition): r.offset + 1 for r in records})
    return [record.value for record in records]


@pytest.mark.parametrize("broker_type", BROKERS)
async def test_group_goes_on_from_its_commit(broker_type: Callable[[], KafkaBroker]):
    async with broker_type() as broker:
        pid = broker.pid
        await broker.create_topic("orders", partitions=3)
        values = [str(number).encode() for number in range(30)]
        await produce(broker, "orders", values)
        first = await consume(broker, "orders", count=10)
        second = await consume(broker, "orders", count=20)
        assert sorted(first + second) == sorted(values)
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("broker_type", BROKERS)
async def test_topic_has_its_partitions_and_exists_once(broker_type: Callable[[], KafkaBroker]):
    async with broker_type() as broker:
        await broker.create_topic("orders", partitions=7, config={"retention.ms": "60000"})
        producer: Any = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers)
        async with producer:
            assert await producer.partitions_for("orders") == set(range(7))
        with pytest.raises(TopicAlreadyExistsError):
            await broker.create_topic("orders")


async def test_embedded_broker_restarts_empty_on_its_port(tmp_path: Path):
    async with EmbeddedKafka(data_dir=tmp_path) as broker:
        address = broker.bootstrap_servers
        await broker.create_topic("orders")
        await broker.kill()
        await broker.start()
        assert broker.bootstrap_servers == address
        await broker.create_topic("orders")
        await produce(broker, "orders", [b"1"])
        assert await consume(broker, "orders", count=1) == [b"1"]


@pytest.mark.e2e
async def test_apache_kafka_keeps_records_and_commits():
    async with ApacheKafka() as broker:
        address = broker.bootstrap_servers
        await broker.create_topic("orders", partitions=2)
        values = [str(number).encode() for number in range(30)]
        await produce(broker, "orders", values)
        seen = await consume(broker, "orders", count=10)
        await broker.kill()
        await broker.start()
        seen += await consume(broker, "orders", count=10)
        await broker.restart()
        assert broker.bootstrap_servers == address
        seen += await consume(broker, "orders", count=10)
        assert sorted(seen) == sorted(values)


@pytest.mark.e2e
async def test_apache_kafka_takes_settings_and_quotes_a_wrong_one():
    async with ApacheKafka(config={"message.max.bytes": "1000"}) as broker:
        await broker.create_topic("orders")
        with pytest.raises(MessageSizeTooLargeError):
            await produce(broker, "orders", [b"x" * 2000])
    with pytest.raises(BuildError, match=r"(?s)storage of Kafka.*  \| .*Invalid value lots for configuration"):
        async with ApacheKafka(config={"message.max.bytes": "lots"}):
            pass


async def test_missing_java_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ToolMissingError, match="no 'java' on PATH, which apache-kafka needs; install Java 17 or newer"):
        async with ApacheKafka():
            pass


async def test_failing_binary_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    broken = tmp_path / "tansu"
    broken.write_text("#!/bin/sh\necho cannot find the sea >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CALF_TANSU_BIN", str(broken))
    with pytest.raises(ServerStartError, match=r"(?s)embedded-kafka exited with status 3 .*  \| cannot find the sea"):
        async with EmbeddedKafka():
            pass
