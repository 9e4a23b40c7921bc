"""The whole ingress program between a real broker and a real Temporal."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest
from aiokafka import AIOKafkaProducer
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import ApacheKafka
from ameide_devstack.testing import wait_until
from ameide_process.ingress.testing import IngressProgram
from google.protobuf import json_format
from kafka_stack import Stack, read_all
from temporalio.client import Client


def changed(event: OrderFulfillmentEvent, change: Callable[[OrderFulfillmentEvent], object]) -> bytes:
    copy = OrderFulfillmentEvent()
    copy.CopyFrom(event)
    change(copy)
    return copy.SerializeToString()


async def test_every_kind_of_bad_input_is_a_dead_letter_and_all_else_flows(
    stack: Stack,
    order_placed: Callable[..., OrderFulfillmentEvent],
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    received_by: Callable[[Client, str], Awaitable[list[str]]],
) -> None:
    good = order_placed("good")
    odd_keys = ["a/b", "{name}", "100%", "tab\tnul\x00", "ä€😀", "..", " "]
    bad: list[tuple[bytes, list[tuple[str, bytes]], str]] = [
        (b"\xff\xfe\xfd", [], "undecodable"),
        (b"{not json", [("content-type", b"application/json")], "undecodable"),
        (good.SerializeToString(), [("content-type", b"image/png")], "wrong-content-type"),
        (changed(good, lambda e: e.meta.key.ClearField("order_id")), [], "missing-key"),
        (changed(good, lambda e: e.meta.ClearField("key")), [], "missing-key"),
        (changed(good, lambda e: e.meta.ClearField("idempotency_key")), [], "missing-idempotency-key"),
        (changed(good, lambda e: e.ClearField("order_placed")), [], "unknown-case"),
        (changed(good, lambda e: setattr(e.meta, "schema_version", 9)), [], "wrong-schema-version"),
        (changed(good, lambda e: e.meta.ClearField("schema_version")), [], "wrong-schema-version"),
        (changed(good, lambda e: setattr(e.meta.key, "order_id", "k" * 5_000)), [], "key-too-long"),
        (changed(good, lambda e: setattr(e.meta.key, "order_id", "\x01%" * 2_500)), [], "key-too-long"),
        (order_placed("huge", sku="x" * 2_000_000).SerializeToString(), [], "too-large"),
        (order_placed("huger", sku="x" * 5_000_000).SerializeToString(), [], "too-large"),
        (b"", [], "undecodable"),
        (changed(good, lambda e: e.ClearField("meta")), [], "undecodable"),
        (
            good.SerializeToString(),
            [("ce_specversion", b"1.0"), ("ce_id", b"x"), ("ce_type", b"orders.OrderPlaced.v1"), ("ce_source", b"/s")],
            "cloudevent-mismatch",
        ),
    ]
    await stack.kafka.create_topic("bad-input", config={"retention.ms": "-1"})
    await stack.kafka.create_topic("bad-input.dead")
    for number, (value, headers, _) in enumerate(bad):
        await stack.producer.send_and_wait(
            "bad-input", value, key=b"k", headers=[*headers, ("n", str(number).encode())]
        )
        await stack.producer.send_and_wait(
            "bad-input", order_placed("flowing", f"e-{number}").SerializeToString(), key=b"k"
        )
    for key in odd_keys:
        await stack.producer.send_and_wait("bad-input", order_placed(key).SerializeToString())
    await stack.producer.send_and_wait(
        "bad-input",
        json_format.MessageToJson(order_placed("flowing", "as-json")).encode(),
        headers=[("content-type", b"application/json")],
    )
    async with receivers(stack.client), stack.ingress("bad-input") as ingress:
        await wait_until(ingress.is_ready, timeout_s=30)
        dead = await read_all(stack.kafka, "bad-input.dead", len(bad))
        by_number = {dict(record.headers)["n"]: record for record in dead}
        assert len(dead) == len(by_number) == len(bad)
        for number, (value, headers, reason) in enumerate(bad):
            record = by_number[str(number).encode()]
            said = dict(record.headers)
            assert record.value == value
            assert record.key == b"k"
            assert all(header in record.headers for header in headers)
            assert said["dead-letter-reason"].decode() == reason
            assert said["dead-letter-message"]
            if reason == "too-large":
                # Another number than that of the record, which people see first.
                assert b"bytes as protobuf-JSON, as Temporal gets it" in said["dead-letter-message"]
                assert f"({len(value)} bytes as received)".encode() in said["dead-letter-message"]
            assert said["dead-letter-process"] == b"order-fulfillment"
            assert said["dead-letter-source"] == b"bad-input"
            assert said["dead-letter-source-position"] == str(2 * number).encode()
        expected = [*(f"e-{number}" for number in range(len(bad))), "as-json"]

        async def all_flowed() -> bool:
            return await received_by(stack.client, "flowing") == expected

        await wait_until(all_flowed)
        for key in odd_keys:
            workflow_id = stack.router.route(order_placed(key)).workflow_id
            description = await stack.client.get_workflow_handle(workflow_id).describe()
            assert description.id == workflow_id
        # The topic keeps for ever what the namespace forgets after a day, but messages are read as they come.
        assert (await ingress.checks())["source:orders-facts"] == (True, "")
        _, metrics = await ingress.get("/metrics")
        assert 'ameide_ingress_dead_letters_total{reason="too-large",subscription="orders-facts"} 2.0' in metrics
        assert "temporal_request_total" in metrics


async def test_two_members_share_the_work_and_a_leaving_one_loses_nothing(
    stack: Stack,
    order_placed: Callable[..., OrderFulfillmentEvent],
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    received_by: Callable[[Client, str], Awaitable[list[str]]],
) -> None:
    await stack.kafka.create_topic("shared", partitions=4)
    await stack.kafka.create_topic("shared.dead")
    sent: dict[str, list[str]] = {f"shared-{key}": [] for key in range(8)}

    async def produce(number: int) -> None:
        order_id = f"shared-{number % 8}"
        sent[order_id].append(f"e-{number}")
        value = order_placed(order_id, f"e-{number}").SerializeToString()
        await stack.producer.send_and_wait("shared", value, key=order_id.encode())

    async def all_received() -> bool:
        return all(
            [list(dict.fromkeys(await received_by(stack.client, key))) == events for key, events in sent.items()]
        )

    async with receivers(stack.client), stack.ingress("shared") as first:
        await wait_until(first.is_ready, timeout_s=30)
        for number in range(80):
            await produce(number)
        async with stack.ingress("shared") as second:
            await wait_until(second.is_ready, timeout_s=30)
            for number in range(80, 160):
                await produce(number)
            await wait_until(all_received, timeout_s=30)
        for number in range(160, 200):
            await produce(number)
        await wait_until(all_received, timeout_s=30)


async def test_one_subscription_reads_several_topics(
    stack: Stack,
    order_placed: Callable[..., OrderFulfillmentEvent],
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    received_by: Callable[[Client, str], Awaitable[list[str]]],
) -> None:
    topics = ["several-a", "several-b", "several-c"]
    for topic in topics:
        await stack.kafka.create_topic(topic, partitions=2)
        for partition in (0, 1):
            value = order_placed(f"{topic}-{partition}", "placed").SerializeToString()
            await stack.producer.send_and_wait(topic, value, partition=partition)
            await stack.producer.send_and_wait(topic, topic.encode(), partition=partition)
    await stack.kafka.create_topic("several.dead")
    async with receivers(stack.client):
        for expected in (["placed"], ["placed", "again"]):
            # The second time from where each of them was committed.
            async with stack.ingress("several", settings={"topic": ",".join(topics)}) as ingress:
                await wait_until(ingress.is_ready, timeout_s=30)

                async def all_received(expected: list[str] = expected) -> bool:
                    names = [f"{topic}-{partition}" for topic in topics for partition in (0, 1)]
                    return all([await received_by(stack.client, name) == expected for name in names])

                await wait_until(all_received, timeout_s=30)
                dead = await read_all(stack.kafka, "several.dead", 6)
                placed = [(each.headers, each.value) for each in dead]
                assert sorted(
                    (dict(headers)["dead-letter-source"], dict(headers)["dead-letter-source-partition"], value)
                    for headers, value in placed
                ) == sorted((topic.encode(), number, topic.encode()) for topic in topics for number in (b"0", b"1"))

                async def all_lags_are_shown(ingress: IngressProgram = ingress) -> bool:
                    _, metrics = await ingress.get("/metrics")
                    lags = [line for line in metrics.splitlines() if line.startswith("ameide_ingress_lag_messages{")]
                    return len(lags) == 6 and all(line.endswith(" 0.0") for line in lags)

                await wait_until(all_lags_are_shown)
            for topic in topics:
                for partition in (0, 1):
                    value = order_placed(f"{topic}-{partition}", "again").SerializeToString()
                    await stack.producer.send_and_wait(topic, value, partition=partition)


@pytest.mark.e2e
async def test_members_and_broker_that_come_and_go_lose_nothing_and_keep_order(
    stack: Stack,
    order_placed: Callable[..., OrderFulfillmentEvent],
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    received_by: Callable[[Client, str], Awaitable[list[str]]],
) -> None:
    keys = [f"restless-{key}" for key in range(20)]
    sent: dict[str, list[str]] = {key: [] for key in keys}
    async with ApacheKafka() as broker:
        await broker.create_topic("restless", partitions=6)
        await broker.create_topic("restless.dead")
        producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers, linger_ms=5)
        await producer.start()

        async def produce() -> None:
            for number in range(3_000):
                key = keys[number % len(keys)]
                event = order_placed(key, f"e-{number}")
                sent[key].append(f"e-{number}")
                await producer.send("restless", event.SerializeToString(), key=key.encode())
                if number % 20 == 0:
                    await asyncio.sleep(0.05)
            await producer.flush()

        async def all_received() -> bool:
            seen = {key: list(dict.fromkeys(await received_by(stack.client, key))) for key in keys}
            return seen == sent

        async with receivers(stack.client), stack.ingress("restless", kafka=broker) as stays:
            await wait_until(stays.is_ready, timeout_s=30)
            producing = asyncio.create_task(produce())
            async with stack.ingress("restless", kafka=broker) as second:
                await wait_until(second.is_ready, timeout_s=60)
                async with stack.ingress("restless", kafka=broker):
                    await asyncio.sleep(2)
                await broker.kill()
                await asyncio.sleep(1)
                await broker.start()
                await asyncio.sleep(2)
            await producing
            await wait_until(all_received, timeout_s=90)

            async def nothing_is_left() -> bool:
                _, metrics = await stays.get("/metrics")
                lags = [line for line in metrics.splitlines() if line.startswith("ameide_ingress_lag_messages{")]
                return len(lags) == 6 and all(line.endswith(" 0.0") for line in lags)

            await wait_until(nothing_is_left, timeout_s=30)
        await producer.stop()
