"""Kafka records with header names that are no UTF-8, which brokers take and clients choke on."""

import asyncio
import gzip
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.conn import create_conn
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import ApacheKafka, EmbeddedKafka, KafkaBroker, TemporalDevServer
from ameide_devstack.testing import wait_until
from ameide_process.ingress.testing import ingress_program
from ameide_process.routing import Router
from temporalio.client import Client

PLACEHOLDER = "x-od-name"
ODD = b"x-\xff\xfe-name"
assert len(PLACEHOLDER) == len(ODD)

GZIP = 1
ATTRIBUTES_AT, RECORDS_AT = 21, 61


@pytest.fixture(
    scope="module", params=["embedded", pytest.param("apache", marks=pytest.mark.e2e)], ids=["embedded", "apache"]
)
async def broker(request: pytest.FixtureRequest) -> AsyncGenerator[KafkaBroker]:
    async with EmbeddedKafka() if request.param == "embedded" else ApacheKafka() as broker:
        yield broker


def batch(*values: bytes, odd: int, compressed: bool = False) -> bytes:
    """A batch whose record number `odd` has a header name that no client of ours can write."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1_000_000)
    for number, value in enumerate(values):
        headers = [("before", b"1"), (PLACEHOLDER, b"2"), ("after", None)] if number == odd else []
        builder.append(number, 1_000 + number, b"key", value, headers)
    data = bytearray(bytes(builder.build()).replace(PLACEHOLDER.encode(), ODD))
    if compressed:
        data[RECORDS_AT:] = gzip.compress(bytes(data[RECORDS_AT:]))
        data[ATTRIBUTES_AT : ATTRIBUTES_AT + 2] = GZIP.to_bytes(2, "big")
        data[8:12] = (len(data) - 12).to_bytes(4, "big")
    data[17:21] = calc_crc32c(bytes(data[ATTRIBUTES_AT:])).to_bytes(4, "big")
    return bytes(data)


async def produce(broker: KafkaBroker, topic: str, partition: int, data: bytes) -> None:
    host, _, port = broker.bootstrap_servers.rpartition(":")
    connection = await create_conn(host, int(port))
    request = ProduceRequest(
        transactional_id=None, required_acks=-1, timeout=5_000, topics=[(topic, [(partition, data)])]
    )
    answer = (await connection.send(request)).to_object()
    connection.close()
    assert answer["topics"][0]["partitions"][0]["error_code"] == 0


async def read(broker: KafkaBroker, topic: str, number: int) -> list[ConsumerRecord]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=broker.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        async with asyncio.timeout(20):
            return [await consumer.getone() for _ in range(number)]
    finally:
        await consumer.stop()


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
async def test_it_is_a_dead_letter_and_all_else_flows(
    *,
    broker: KafkaBroker,
    compressed: bool,
    temporal: TemporalDevServer,
    client: Client,
    router: Router[OrderFulfillmentEvent],
    order_placed: Callable[..., OrderFulfillmentEvent],
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    received_by: Callable[[Client, str], Awaitable[list[str]]],
    tmp_path: Path,
    unused_tcp_port: int,
) -> None:
    topic = f"odd-{'gzip' if compressed else 'plain'}"
    order = f"{topic}-{'embedded' if isinstance(broker, EmbeddedKafka) else 'apache'}"

    def event(name: str) -> bytes:
        return order_placed(order, name).SerializeToString()

    await broker.create_topic(topic, partitions=2)
    await broker.create_topic(f"{topic}.dead")
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers)
    await producer.start()
    # What aiokafka takes of the other partition before it fails must not be lost with it.
    other = [f"other-{number}" for number in range(20)]
    for name in other:
        value = order_placed(f"{order}-other", name).SerializeToString()
        await producer.send_and_wait(topic, value, partition=1)
    await producer.send_and_wait(topic, event("1"), partition=0)
    await produce(broker, topic, 0, batch(event("2"), event("odd"), event("3"), odd=1, compressed=compressed))
    await producer.send_and_wait(topic, event("4"), partition=0)

    transport = {"kind": "kafka", "bootstrapServers": broker.bootstrap_servers}
    subscriptions, outputs = tmp_path / "ingress.yaml", tmp_path / "outputs.yaml"
    subscriptions.write_text(json.dumps({"orders-facts": {**transport, "topic": topic, "consumerGroup": topic}}))
    outputs.write_text(json.dumps({"dead-letter": {**transport, "topic": f"{topic}.dead"}}))
    environ = {
        **temporal.environment(),
        "INGRESS_CONFIG": str(subscriptions),
        "OUTPUT_CONFIG": str(outputs),
        "PORT_HTTP": str(unused_tcp_port),
        "HTTP_HOST": "127.0.0.1",
    }
    async with receivers(client), ingress_program(router, environ) as ingress:
        (dead,) = await read(broker, f"{topic}.dead", 1)
        headers = dict(dead.headers)
        assert (dead.key, dead.value) == (b"key", event("odd"))
        assert [(name, value) for name, value in dead.headers if not name.startswith("dead-letter-")] == [
            ("before", b"1"),
            (r"x-\xff\xfe-name", b"2"),
            ("after", None),
        ]
        assert headers["dead-letter-reason"] == b"undecodable"
        assert headers["dead-letter-source-position"] == b"2"
        assert repr(ODD).encode() in headers["dead-letter-message"]

        async def all_flowed() -> bool:
            return await received_by(client, order) == ["1", "2", "3", "4"]

        await wait_until(all_flowed, timeout_s=30)
        assert await received_by(client, f"{order}-other") == other
        await producer.send_and_wait(topic, event("5"), partition=0)

        async def next_flowed() -> bool:
            return (await received_by(client, order))[-1] == "5"

        await wait_until(next_flowed, timeout_s=30)
        assert (await ingress.checks())["source:orders-facts"][0]
    await producer.stop()
