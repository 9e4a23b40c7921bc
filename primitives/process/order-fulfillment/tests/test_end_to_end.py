"""Events on a broker become finished workflows: worker and ingress as programs, on real servers."""

import json
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    ORDER_OUTCOME_CANCELLED,
    ORDER_OUTCOME_FULFILLED,
    CancelOrder,
    OrderFulfillmentEvent,
    OrderFulfillmentResultV1,
    OrderKey,
    OrderPlaced,
    PaymentAuthorized,
    ShipmentCreated,
)
from ameide_devstack import EmbeddedKafka, Program, TemporalDevServer
from ameide_devstack.testing import wait_until
from ameide_process.converter import DATA_CONVERTER
from order_fulfillment_generated.contract import CONTRACT, workflow_id
from order_fulfillment_generated.testing import Payload, event
from temporalio.client import Client
from temporalio.service import RPCError

EVENTS_TOPIC = "orders"
DEAD_LETTER_TOPIC = "orders.dead-letter"


@dataclass(frozen=True)
class Deployment:
    """A running process with what a test needs to reach it."""

    client: Client
    bootstrap_servers: str
    worker: Program
    ingress: Program

    async def publish(self, *events: OrderFulfillmentEvent | bytes) -> None:
        """Publishes envelopes, or raw bytes."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap_servers)
        await producer.start()
        try:
            for each in events:
                await producer.send_and_wait(
                    EVENTS_TOPIC, each if isinstance(each, bytes) else each.SerializeToString(), key=b"o"
                )
        finally:
            await producer.stop()

    async def result(self, of: OrderFulfillmentEvent) -> OrderFulfillmentResultV1:
        """Awaits the workflow that an event belongs to, from before it is started."""
        handle = self.client.get_workflow_handle(workflow_id(of), result_type=OrderFulfillmentResultV1)

        async def started() -> bool:
            try:
                return bool(await handle.describe())
            except RPCError:
                return False

        await wait_until(started, timeout_s=30)
        return await handle.result()

    async def dead_letter(self) -> Any:
        """The first record of the dead-letter stream, once there is one."""
        consumer = AIOKafkaConsumer(
            DEAD_LETTER_TOPIC, bootstrap_servers=self.bootstrap_servers, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            return await consumer.getone()
        finally:
            await consumer.stop()


@pytest_asyncio.fixture
async def deployment(tmp_path: Path) -> AsyncGenerator[Deployment]:
    async with TemporalDevServer() as temporal, EmbeddedKafka() as kafka:
        await kafka.create_topic(EVENTS_TOPIC, partitions=2)
        await kafka.create_topic(DEAD_LETTER_TOPIC)
        broker = {"kind": "kafka", "bootstrapServers": kafka.bootstrap_servers}
        # The embedded broker lets a group wait for half of the session timeout before it assigns partitions.
        source = broker | {"topic": EVENTS_TOPIC, "sessionTimeoutSeconds": 2}
        (tmp_path / "ingress.json").write_text(json.dumps({"orders-facts": source}))
        (tmp_path / "outputs.json").write_text(json.dumps({"dead-letter": broker | {"topic": DEAD_LETTER_TOPIC}}))
        environment = temporal.environment() | {
            "INGRESS_CONFIG": str(tmp_path / "ingress.json"),
            "OUTPUT_CONFIG": str(tmp_path / "outputs.json"),
        }
        async with (
            Program("order_fulfillment_generated.worker", environment) as worker,
            Program("order_fulfillment_generated.ingress", environment) as ingress,
        ):
            client = await temporal.connect(data_converter=DATA_CONVERTER)
            yield Deployment(client, kafka.bootstrap_servers, worker, ingress)


def _event(order_id: str, number: int, payload: Payload) -> OrderFulfillmentEvent:
    return event(OrderKey(tenant_id="acme", order_id=order_id), payload, f"{order_id}-{number}")


async def test_events_become_results_and_the_rest_is_dead_lettered(deployment: Deployment) -> None:
    placed = _event("o-1", 1, OrderPlaced(order_id="o-1"))
    paid = _event("o-1", 2, PaymentAuthorized(order_id="o-1", payment_id="pay-1"))
    shipped = _event("o-1", 3, ShipmentCreated(order_id="o-1", shipment_id="ship-1"))
    cancelled = _event("o-2", 1, CancelOrder(reason="by mistake"))
    await deployment.publish(paid, placed, b"\xff no envelope", placed, cancelled, paid, shipped)
    assert (await deployment.result(placed)).outcome == ORDER_OUTCOME_FULFILLED
    assert (await deployment.result(cancelled)).outcome == ORDER_OUTCOME_CANCELLED
    dead = await deployment.dead_letter()
    assert dead.value == b"\xff no envelope"
    assert dict(dead.headers)["dead-letter-reason"] == b"undecodable"
    page = (await deployment.worker.get("/metrics"))[1]
    ends = dict(re.findall(r'^ameide_process_events_total\{.*outcome="(\w+)".*\} (\d+)$', page, re.MULTILINE))
    assert {outcome: count for outcome, count in ends.items() if count != "0"} == {"applied": "4", "duplicate": "2"}


async def test_the_programs_say_what_they_are_and_how_they_are(deployment: Deployment) -> None:
    for program in (deployment.worker, deployment.ingress):
        assert (await program.get("/healthz"))[0] == 200
        assert (await program.get("/readyz"))[0] == 200
        contract = json.loads((await program.get("/contract"))[1])
        assert contract["name"] == CONTRACT.name
        assert contract["digest"] == CONTRACT.digest
        assert f'digest="{CONTRACT.digest}"' in (await program.get("/metrics"))[1]
    assert "temporal_worker_task_slots_available" in (await deployment.worker.get("/metrics"))[1]
    assert "ameide_ingress_events_total" in (await deployment.ingress.get("/metrics"))[1]
