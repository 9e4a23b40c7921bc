"""What the ingress says and does while a broker, a topic or Temporal is away."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import ApacheKafka, EmbeddedKafka, TemporalDevServer
from ameide_devstack.testing import wait_until
from ameide_process.ingress.testing import IngressProgram
from kafka_stack import Stack


async def test_a_broker_that_is_away_is_waited_for(
    stack: Stack, order_placed: Callable[..., OrderFulfillmentEvent]
) -> None:
    async with EmbeddedKafka() as broker:
        await broker.kill()
        async with stack.ingress("patient", kafka=broker) as ingress:

            async def explained() -> bool:
                _, reason = (await ingress.checks()).get("source:orders-facts", (True, ""))
                return f"cannot reach kafka at {broker.bootstrap_servers} for subscription orders-facts" in reason

            await wait_until(explained)
            assert (await ingress.get("/healthz"))[0] == 200
            assert (await ingress.get("/readyz"))[0] == 503
            await broker.start()
            await broker.create_topic("patient.dead")
            producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers)
            await producer.start()
            await producer.send_and_wait("patient", order_placed("patient").SerializeToString())
            await producer.stop()
            await wait_until(ingress.is_ready, timeout_s=40)

            async def delivered() -> bool:
                return 'outcome="accepted",subscription="orders-facts"} 1.0' in (await ingress.get("/metrics"))[1]

            await wait_until(delivered)


@pytest.mark.e2e
async def test_a_topic_that_is_missing_is_named_at_once_and_waited_for(stack: Stack) -> None:
    async def says(ingress: IngressProgram, name: str, reason: str) -> bool:
        ok, said = (await ingress.checks()).get(name, (True, ""))
        return not ok and reason in said

    # The embedded broker makes every topic that somebody asks for.
    async with ApacheKafka() as broker, stack.ingress("unmade", kafka=broker) as ingress:
        await wait_until(lambda: says(ingress, "source:orders-facts", "kafka has no topic unmade,"))
        await wait_until(lambda: says(ingress, "output:dead-letter", "(kafka topic unmade.dead at"))
        assert "the topic does not exist" in (await ingress.checks())["output:dead-letter"][1]
        assert (await ingress.get("/readyz"))[0] == 503
        await broker.create_topic("unmade")
        await broker.create_topic("unmade.dead")
        await wait_until(ingress.is_ready, timeout_s=30)


@pytest.mark.e2e
async def test_a_missing_topic_does_not_stop_the_others(
    stack: Stack, order_placed: Callable[..., OrderFulfillmentEvent]
) -> None:
    async def accepted(ingress: IngressProgram, number: int) -> bool:
        return f'outcome="accepted",subscription="orders-facts"}} {number}.0' in (await ingress.get("/metrics"))[1]

    async def names_it(ingress: IngressProgram) -> bool:
        ok, said = (await ingress.checks()).get("source:orders-facts", (True, ""))
        return not ok and "kafka has no topic partly-b," in said

    async def shows_lag(ingress: IngressProgram) -> bool:
        return 'partition="0",source="partly-a"' in (await ingress.get("/metrics"))[1]

    # The embedded broker makes every topic that somebody asks for.
    async with ApacheKafka() as broker:
        producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers)
        await producer.start()
        await broker.create_topic("partly.dead")
        await broker.create_topic("partly-a")
        await producer.send_and_wait("partly-a", order_placed("partly-1").SerializeToString())
        async with stack.ingress("partly", kafka=broker, settings={"topic": "partly-a,partly-b"}) as ingress:
            await wait_until(lambda: accepted(ingress, 1), timeout_s=30)
            await wait_until(lambda: names_it(ingress))
            await wait_until(lambda: shows_lag(ingress))
            await broker.create_topic("partly-b")
            await producer.send_and_wait("partly-b", order_placed("partly-2").SerializeToString())
            await wait_until(lambda: accepted(ingress, 2), timeout_s=30)
            await wait_until(ingress.is_ready, timeout_s=30)
            # And so it is with one that goes while it is read.
            await broker.delete_topic("partly-b")
            await wait_until(lambda: names_it(ingress), timeout_s=30)
            await producer.send_and_wait("partly-a", order_placed("partly-3").SerializeToString())
            await wait_until(lambda: accepted(ingress, 3), timeout_s=30)
            await broker.create_topic("partly-b")
            await producer.send_and_wait("partly-b", order_placed("partly-4").SerializeToString())
            await wait_until(lambda: accepted(ingress, 4), timeout_s=30)
            await wait_until(ingress.is_ready, timeout_s=30)
        await producer.stop()


async def test_a_broker_that_dies_is_noticed_soon(stack: Stack) -> None:
    async with EmbeddedKafka() as broker:
        await broker.create_topic("mortal")
        await broker.create_topic("mortal.dead")
        async with stack.ingress("mortal", kafka=broker) as ingress:
            await wait_until(ingress.is_ready, timeout_s=30)
            await broker.kill()

            async def noticed() -> bool:
                checks = await ingress.checks()
                return not checks["source:orders-facts"][0] and not checks["output:dead-letter"][0]

            await wait_until(noticed, timeout_s=10)


async def test_temporal_away_at_the_start_is_waited_for(stack: Stack, tmp_path: Path) -> None:
    server = TemporalDevServer(db_filename=tmp_path / "t.db")
    await stack.kafka.create_topic("early")
    await stack.kafka.create_topic("early.dead")
    try:
        async with stack.ingress("early", temporal=server) as ingress:

            async def explained() -> bool:
                ok, reason = (await ingress.checks()).get("temporal", (True, ""))
                return not ok and f"cannot connect to Temporal at {server.address}: Connection refused" in reason

            await wait_until(explained)
            await server.start()
            await wait_until(ingress.is_ready, timeout_s=30)
            _, contract = await ingress.get("/contract")
            assert json.loads(contract) == {
                "name": "order-fulfillment",
                "workflowType": "OrderReceiver",
                "taskQueue": "order-fulfillment",
                "apiVersion": "1.0",
                "digest": "0" * 64,
            }
    finally:
        await server.close()


async def test_a_stop_while_nothing_is_reachable_is_quick(stack: Stack) -> None:
    server, broker = TemporalDevServer(), EmbeddedKafka()
    try:
        async with (
            asyncio.timeout(5),
            stack.ingress("nowhere", kafka=broker, temporal=server) as it,
        ):
            await wait_until(it.checks)
    finally:
        await server.close()
        await broker.close()
