"""What every transport owes: order per key, nothing lost, nothing acknowledged too early, nothing swallowed.

`conftest.py` says what a transport brings along to be tested by this.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import TemporalDevServer
from ameide_devstack.testing import wait_until
from ameide_process.converter import DATA_CONVERTER
from google.protobuf import json_format
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

Stand = Any
"""Of `conftest`, which cannot be imported: a source, Temporal, and ingress programs between them."""
Placed = Callable[..., OrderFulfillmentEvent]
Receivers = Callable[[Client], AbstractAsyncContextManager[None]]
ReceivedBy = Callable[[Client, str], Awaitable[list[str]]]

PROTOBUF = [("content-type", b"application/protobuf")]


async def publish(stand: Stand, topic: str, event: OrderFulfillmentEvent) -> None:
    await stand.source.publish(topic, event.SerializeToString(), PROTOBUF, key=event.meta.key.order_id)


async def until_received(received_by: ReceivedBy, client: Client, order: str, expected: list[str]) -> None:
    """Order and completeness; what comes again after a crash is known to workflows, and does not count."""

    async def received() -> bool:
        try:
            return list(dict.fromkeys(await received_by(client, order))) == expected
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False

    await wait_until(received, timeout_s=60)


async def test_every_way_to_write_an_event_is_taken_in_order(
    stand: Stand, client: Client, receivers: Receivers, received_by: ReceivedBy, order_placed: Placed
) -> None:
    await stand.source.create("ways")
    await stand.source.create_dead_letters("ways")
    order = f"ways-{stand.source.kind}"
    events = [order_placed(order, key) for key in ("bare", "json", "binary", "structured")]
    attributes = {"specversion": "1.0", "type": "orders.OrderPlaced.v1", "source": "/shop"}
    prefix = stand.source.attribute_prefix
    await publish(stand, "ways", events[0])
    as_json = [json_format.MessageToJson(event) for event in events]
    await stand.source.publish("ways", as_json[1].encode(), [("content-type", b"application/json")], key=order)
    binary = [(f"{prefix}{name}", value.encode()) for name, value in attributes.items()]
    binary += [(f"{prefix}id", b"binary"), ("content-type", b"application/json")]
    await stand.source.publish("ways", as_json[2].encode(), binary, key=order)
    structured = {**attributes, "id": "structured", "datacontenttype": "application/json"}
    body = json.dumps({**structured, "data": json.loads(as_json[3])}).encode()
    await stand.source.publish("ways", body, [("content-type", b"application/cloudevents+json")], key=order)
    async with receivers(client), stand.ingress("ways") as ingress:
        await until_received(received_by, client, order, ["bare", "json", "binary", "structured"])
        await stand.until_acknowledged("ways")
        await ingress.ready()
        assert await stand.source.dead_letters("ways") == []


async def test_poison_becomes_a_dead_letter_whole_and_the_rest_flows(
    stand: Stand, client: Client, receivers: Receivers, received_by: ReceivedBy, order_placed: Placed
) -> None:
    await stand.source.create("poison")
    await stand.source.create_dead_letters("poison")
    order = f"beside-poison-{stand.source.kind}"
    poison = [
        (b"\xff\xfe", PROTOBUF, b"undecodable"),
        (b"{no json", [("content-type", b"application/json")], b"undecodable"),
        (b"", PROTOBUF, b"undecodable"),
        (b"<xml/>", [("content-type", b"text/xml")], b"wrong-content-type"),
        (order_placed("huge", sku="x" * 1_950_000).SerializeToString()[:900_000], PROTOBUF, b"undecodable"),
    ]
    for number, (value, headers, _) in enumerate(poison):
        await stand.source.publish("poison", value, [*headers, ("correlation-id", str(number).encode())], key=order)
        await publish(stand, "poison", order_placed(order, f"e-{number}"))
    async with receivers(client), stand.ingress("poison"):
        await until_received(received_by, client, order, [f"e-{number}" for number in range(len(poison))])
        await stand.until_acknowledged("poison")
        dead = {each.headers["correlation-id"]: each for each in await stand.source.dead_letters("poison")}
        assert len(dead) == len(poison)
        for number, (value, headers, reason) in enumerate(poison):
            record = dead[str(number).encode()]
            assert record.value == value
            assert all(record.headers[name] == content for name, content in headers)
            assert record.headers["dead-letter-reason"] == reason
            assert record.headers["dead-letter-subscription"] == b"orders-facts"
            assert int(record.headers["dead-letter-source-position"]) >= 0


@pytest.mark.parametrize("stand", ["kafka", "nats"], indirect=True)  # a request always holds something
async def test_a_tombstone_is_no_event_and_no_poison(
    stand: Stand, client: Client, receivers: Receivers, received_by: ReceivedBy, order_placed: Placed
) -> None:
    await stand.source.create("tombstones")
    await stand.source.create_dead_letters("tombstones")
    order = f"beside-tombstones-{stand.source.kind}"
    value, headers = stand.source.tombstone
    await stand.source.publish("tombstones", value, headers, key=order)
    await publish(stand, "tombstones", order_placed(order, "after"))
    async with receivers(client), stand.ingress("tombstones") as ingress:
        await until_received(received_by, client, order, ["after"])
        await stand.until_acknowledged("tombstones")
        assert (
            'ameide_ingress_events_total{outcome="tombstone",subscription="orders-facts"} 1.0'
            in ((await ingress.get("/metrics"))[1])
        )
        assert await stand.source.dead_letters("tombstones") == []


async def test_trace_context_travels_along(stand: Stand, client: Client, order_placed: Placed) -> None:
    await stand.source.create("traces")
    await stand.source.create_dead_letters("traces")
    headers = [*PROTOBUF, ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    await stand.source.publish("traces", order_placed(f"traces-{stand.source.kind}").SerializeToString(), headers)
    async with stand.ingress("traces"):
        await stand.until_acknowledged("traces")
    handle = client.get_workflow_handle(f"proc/order-fulfillment/t/traces-{stand.source.kind}")
    history = await handle.fetch_history()
    signal = next(each for each in history.events if each.HasField("workflow_execution_signaled_event_attributes"))
    fields = signal.workflow_execution_signaled_event_attributes.header.fields
    assert b"0af7651916cd43dd8448eb211c80319c" in fields["_tracer-data"].data


async def test_while_temporal_is_away_the_source_keeps_everything(
    stand: Stand, receivers: Receivers, received_by: ReceivedBy, order_placed: Placed, tmp_path: Path
) -> None:
    await stand.source.create("patient")
    await stand.source.create_dead_letters("patient")
    async with TemporalDevServer(db_filename=tmp_path / "temporal.db") as server:
        client = await server.connect(data_converter=DATA_CONVERTER)
        async with stand.ingress("patient", server) as ingress:
            await publish(stand, "patient", order_placed("patient", "e-0"))
            await stand.until_acknowledged("patient")
            await server.kill()
            for number in range(1, 20):
                await publish(stand, "patient", order_placed("patient", f"e-{number}"))
            await ingress.until_says("delivery:orders-facts", "Temporal takes no events")
            # Longer than the source waits for an acknowledgement.
            await asyncio.sleep(5)
            assert await stand.source.unacknowledged("patient") == 19
            await server.start()
            async with receivers(client):
                await until_received(received_by, client, "patient", [f"e-{number}" for number in range(20)])
            await stand.until_acknowledged("patient")
            await ingress.ready()


async def test_while_the_dead_letter_stream_is_away_poison_stays_in_the_source(
    stand: Stand,
) -> None:
    await stand.source.create("homeless")
    await stand.source.dead_letter_server.kill()
    await stand.source.publish("homeless", b"\xff", PROTOBUF, key="homeless")
    async with stand.ingress("homeless") as ingress:
        await ingress.until_says("delivery:orders-facts", "dead-letter stream: output dead-letter")
        await asyncio.sleep(5)
        assert await stand.source.unacknowledged("homeless") == 1
        assert (await ingress.get("/readyz"))[0] == 503
        await stand.source.dead_letter_server.start()
        await stand.source.create_dead_letters("homeless")
        await stand.until_acknowledged("homeless", timeout_s=60)
        (record,) = await stand.source.dead_letters("homeless")
        assert record.value == b"\xff"
        await ingress.ready()


async def test_after_a_crash_everything_comes_again_in_order(
    stand: Stand, receivers: Receivers, received_by: ReceivedBy, order_placed: Placed, tmp_path: Path
) -> None:
    await stand.source.create("crash")
    await stand.source.create_dead_letters("crash")
    expected = [f"e-{number}" for number in range(40)]
    async with TemporalDevServer(db_filename=tmp_path / "temporal.db") as server:
        client = await server.connect(data_converter=DATA_CONVERTER)
        crashing = stand.program("crash", server)
        try:
            await crashing.start()
            await publish(stand, "crash", order_placed("crash", "e-0"))
            await stand.until_acknowledged("crash")
            # It takes more, and can hand on nothing.
            await server.kill()
            for each in expected[1:30]:
                await publish(stand, "crash", order_placed("crash", each))
            await asyncio.sleep(1)
            await crashing.kill()
        finally:
            await crashing.close()
        await server.start()
        for each in expected[30:]:
            await publish(stand, "crash", order_placed("crash", each))
        async with stand.ingress("crash", server), receivers(client):
            await until_received(received_by, client, "crash", expected)
            await stand.until_acknowledged("crash")


async def test_members_come_and_go_without_loss_and_in_order(
    stand: Stand, client: Client, receivers: Receivers, received_by: ReceivedBy, order_placed: Placed
) -> None:
    await stand.source.create("members")
    await stand.source.create_dead_letters("members")
    kind = stand.source.kind
    sent: dict[str, list[str]] = {f"members-{kind}-{key}": [] for key in range(4)}

    async def produce(numbers: range) -> None:
        for number in numbers:
            order = f"members-{kind}-{number % 4}"
            sent[order].append(f"e-{number}")
            await publish(stand, "members", order_placed(order, f"e-{number}"))

    async with receivers(client), stand.ingress("members") as stays:
        async with stand.ingress("members") as leaves:
            await leaves.ready()
            await stays.ready()
            producing = asyncio.create_task(produce(range(60)))
            await asyncio.sleep(0.5)
        async with stand.ingress("members"):
            await producing
            await produce(range(60, 80))
        await produce(range(80, 100))
        for order, events in sent.items():
            await until_received(received_by, client, order, events)
        await stand.until_acknowledged("members")


async def test_a_source_that_dies_and_comes_back_is_read_on(
    durable_stand: Stand, client: Client, receivers: Receivers, received_by: ReceivedBy, order_placed: Placed
) -> None:
    stand = durable_stand
    await stand.source.create("mortal")
    await stand.source.create_dead_letters("mortal")
    order = f"mortal-{stand.source.kind}"
    async with receivers(client), stand.ingress("mortal") as ingress:
        for number in range(10):
            await publish(stand, "mortal", order_placed(order, f"e-{number}"))
        await stand.source.server.kill()
        await ingress.until_says("source:orders-facts", "cannot reach")
        await stand.source.server.start()
        for number in range(10, 20):
            await publish(stand, "mortal", order_placed(order, f"e-{number}"))
        await until_received(received_by, client, order, [f"e-{number}" for number in range(20)])
        await stand.until_acknowledged("mortal", timeout_s=60)
        await ingress.ready(timeout_s=60)
