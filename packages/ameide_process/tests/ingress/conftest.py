"""The order process as the ingress sees it, written by hand.

This folder is on the path for `engine_simulation`, `kafka_stack` and `redrive_stage`.
"""

import contextlib
import functools
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from pathlib import Path

import pytest
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    CancelOrder,
    EventMeta,
    OrderFulfillmentEvent,
    OrderFulfillmentStartV1,
    OrderKey,
    OrderPlaced,
)
from ameide_core_proto.process.v1.process_runtime_pb2 import DedupeAnswer, DedupeQuery
from ameide_devstack import EmbeddedKafka, TemporalDevServer
from ameide_process import workflow_id as segment
from ameide_process.contract import DEDUPE_QUERY, CaseRole, PayloadCase, ProcessContract, Subscription, WorkflowKind
from ameide_process.converter import DATA_CONVERTER
from ameide_process.ingress.testing import MemoryIngressFactory, memory_ingress
from ameide_process.routing import Route, Router, require_case, require_idempotency_key, require_schema_version
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import RawValue, VersioningBehavior, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

sys.path.insert(0, str(Path(__file__).parent))

CONTRACT = ProcessContract(
    name="order-fulfillment",
    workflow_type="OrderReceiver",
    default_task_queue="order-fulfillment",
    api_major=1,
    api_minor=0,
    kind=WorkflowKind.ENTITY,
    reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
    versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    dedupe_window=4096,
    cases=(
        PayloadCase(name="order_placed", event_type="orders.OrderPlaced.v1", role=CaseRole.FACT),
        PayloadCase(name="payment_authorized", event_type="payments.PaymentAuthorized.v1", role=CaseRole.FACT),
        PayloadCase(name="shipment_created", event_type="shipping.ShipmentCreated.v1", role=CaseRole.FACT),
        PayloadCase(name="cancel_order", event_type="orders.CancelOrder.v1", role=CaseRole.COMMAND),
    ),
    subscriptions=(Subscription(name="orders-facts", kind="kafka", binding_ref="orders-facts"),),
    digest="0" * 64,
)


class OrderRouter(Router[OrderFulfillmentEvent]):
    contract = CONTRACT
    envelope_type = OrderFulfillmentEvent

    def route(self, event: OrderFulfillmentEvent) -> Route:
        require_schema_version(event.meta.schema_version, "meta.schema_version", CONTRACT)
        tenant = segment.text(event.meta.key.tenant_id, "meta.key.tenant_id")
        order = segment.text(event.meta.key.order_id, "meta.key.order_id")
        return Route(
            case=require_case(event.WhichOneof("payload"), CONTRACT),
            idempotency_key=require_idempotency_key(event.meta.idempotency_key, "meta.idempotency_key"),
            workflow_id=segment.bounded(f"proc/order-fulfillment/{tenant}/{order}"),
        )

    def start(self, event: OrderFulfillmentEvent) -> OrderFulfillmentStartV1:
        return OrderFulfillmentStartV1(start_version=1, key=event.meta.key)


@pytest.fixture(scope="session")
def contract() -> ProcessContract:
    return CONTRACT


@pytest.fixture(scope="session")
def router() -> OrderRouter:
    return OrderRouter()


@pytest.fixture(scope="session")
def cancel_order() -> Callable[[str], OrderFulfillmentEvent]:
    """Makes the event that ends an order's workflow."""

    def make(order_id: str) -> OrderFulfillmentEvent:
        return OrderFulfillmentEvent(
            meta=EventMeta(
                idempotency_key=f"cancel-{order_id}",
                source="shop",
                key=OrderKey(tenant_id="t", order_id=order_id),
                schema_version=1,
            ),
            cancel_order=CancelOrder(reason="test"),
        )

    return make


@pytest.fixture(scope="session")
def order_placed() -> Callable[..., OrderFulfillmentEvent]:
    """Makes an OrderPlaced event of an order, named by an idempotency key."""

    def make(order_id: str, idempotency_key: str = "", *, sku: str = "") -> OrderFulfillmentEvent:
        event = OrderFulfillmentEvent(
            meta=EventMeta(
                idempotency_key=idempotency_key or f"placed-{order_id}",
                source="shop",
                key=OrderKey(tenant_id="t", order_id=order_id),
                schema_version=1,
            ),
            order_placed=OrderPlaced(order_id=order_id),
        )
        if sku:
            event.order_placed.lines.add(sku=sku, quantity=1)
        return event

    return make


@workflow.defn(name=CONTRACT.workflow_type)
class OrderReceiver:
    """Remembers what it received, and completes when an order is cancelled.

    An order whose id begins with `renewed` continues as new after every 20 events.
    """

    def __init__(self) -> None:
        self.received: list[str] = []
        self.done = False

    @workflow.run
    async def run(self, start: OrderFulfillmentStartV1) -> list[str]:
        renewed = start.key.order_id.startswith("renewed")
        await workflow.wait_condition(lambda: self.done or (renewed and len(self.received) >= 20))
        if not self.done:
            workflow.continue_as_new(start)
        return self.received

    @workflow.signal(dynamic=True)
    async def on_event(self, _: str, events: Sequence[RawValue]) -> None:
        for each in events:
            event: OrderFulfillmentEvent = workflow.payload_converter().from_payload(
                each.payload, OrderFulfillmentEvent
            )
            self.received.append(event.meta.idempotency_key)
            if event.HasField("cancel_order"):
                self.done = True

    @workflow.query(name="received")
    def query_received(self) -> list[str]:
        return self.received

    @workflow.query(name=DEDUPE_QUERY)
    def query_dedupe(self, query: DedupeQuery) -> DedupeAnswer:
        return DedupeAnswer(applied=[each.idempotency_key in self.received for each in query.events])


@contextlib.asynccontextmanager
async def receiving(client: Client) -> AsyncGenerator[None]:
    worker = Worker(
        client,
        task_queue=CONTRACT.default_task_queue,
        workflows=[OrderReceiver],
        workflow_runner=UnsandboxedWorkflowRunner(),
        # The server would keep a query for ten seconds for a worker with a cache that has just gone.
        max_cached_workflows=0,
    )
    async with worker:
        yield


@pytest.fixture(scope="session")
async def temporal() -> AsyncGenerator[TemporalDevServer]:
    async with TemporalDevServer() as server:
        yield server


@pytest.fixture(scope="session")
async def client(temporal: TemporalDevServer) -> Client:
    return await temporal.connect(data_converter=DATA_CONVERTER)


@pytest.fixture(scope="session")
async def kafka() -> AsyncGenerator[EmbeddedKafka]:
    async with EmbeddedKafka() as broker:
        yield broker


@pytest.fixture(scope="session")
def engine(router: OrderRouter) -> MemoryIngressFactory:
    """Runs an engine for the time of a block; it stops gracefully at the end."""
    return functools.partial(memory_ingress, router)


@pytest.fixture(scope="session")
def receivers() -> Callable[[Client], contextlib.AbstractAsyncContextManager[None]]:
    """Runs a worker of receiving workflows for the time of a block."""
    return receiving


async def received(client: Client, order_id: str) -> list[str]:
    handle = client.get_workflow_handle(f"proc/order-fulfillment/t/{order_id}")
    try:
        return await handle.query("received", result_type=list[str])
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return []
        raise


@pytest.fixture(scope="session")
def received_by() -> Callable[[Client, str], Coroutine[None, None, list[str]]]:
    """Asks an order's workflow which events it received, in order."""
    return received
