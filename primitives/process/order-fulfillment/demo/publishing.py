"""Publishes the sample to the broker, as the shop, the payment provider and the warehouse would."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from google.protobuf.json_format import MessageToJson
from order_fulfillment_generated.contract import CONTRACT
from sample_events import UNDECODABLE, Order, interleaved

EVENTS_PER_SECOND = 40
"""Slow enough to watch; larger runs go as fast as the broker takes them."""

WATCHABLE_ORDERS = 100


async def publish(orders: list[Order], bootstrap_servers: str, topic: str) -> None:
    """Publishes every event but the late ones, and one message that is no envelope."""
    async with _producer(bootstrap_servers) as producer:
        events = list(interleaved(orders))
        undecodable_at = min(10, len(events) - 1)
        for number, event in enumerate(events):
            if number == undecodable_at:
                await producer.send(topic, UNDECODABLE, key=b"nobody")
            await producer.send(topic, _value(event), key=_key(event), headers=_headers(event))
            if len(orders) <= WATCHABLE_ORDERS:
                await asyncio.sleep(1 / EVENTS_PER_SECOND)


async def publish_late(orders: list[Order], bootstrap_servers: str, topic: str) -> None:
    """Publishes the events that come after their order has ended."""
    async with _producer(bootstrap_servers) as producer:
        for event in (event for order in orders for event in order.late):
            await producer.send(topic, _value(event), key=_key(event), headers=_headers(event))


@asynccontextmanager
async def _producer(bootstrap_servers: str) -> AsyncGenerator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers)
    await producer.start()
    try:
        yield producer
    finally:
        # Waits for the broker to acknowledge what was sent.
        await producer.stop()


def _value(event: OrderFulfillmentEvent) -> bytes:
    return MessageToJson(event, indent=None).encode()


def _key(event: OrderFulfillmentEvent) -> bytes:
    """Events of one order share a partition, so that they keep their order."""
    return f"{event.meta.key.tenant_id}/{event.meta.key.order_id}".encode()


def _headers(event: OrderFulfillmentEvent) -> list[tuple[str, bytes]]:
    """CloudEvents binary mode."""
    case = event.WhichOneof("payload") or ""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", event.meta.idempotency_key.encode()),
        ("ce_source", f"/{event.meta.source}".encode()),
        ("ce_type", CONTRACT.case_by_name[case].event_type.encode()),
        ("content-type", b"application/json"),
    ]
