"""The order process as the ingress sees it, written by hand."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Mapping, Sequence
from datetime import timedelta

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
from ameide_devstack.testing import wait_for
from prometheus_client import CollectorRegistry
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import RawValue, VersioningBehavior, WorkflowIDReusePolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from ameide_process import workflow_id as segment
from ameide_process.contract import DEDUPE_QUERY, CaseRole, PayloadCase, ProcessContract, Subscription, WorkflowKind
from ameide_process.converter import DATA_CONVERTER
from ameide_process.ingress._caller import Caller, CallLimits
from ameide_process.ingress._decoding import Decoder
from ameide_process.ingress._engine import Engine
from ameide_process.ingress._limits import Limits
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._metrics import IngressMetrics
from ameide_process.ingress._subscription_metrics import SubscriptionMetrics
from ameide_process.ingress._transport import PartitionLag, TransportListener
from ameide_process.outputs import DeadLetterPublisher, OutputError, OutputRecord
from ameide_process.routing import Route, Router, require_case, require_idempotency_key, require_schema_version
from ameide_process.serving import Readiness

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


OrderPlacedFactory = Callable[..., OrderFulfillmentEvent]


@pytest.fixture(scope="session")
def order_placed() -> OrderPlacedFactory:
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
            event: OrderFulfillmentEvent = workflow.payload_converter().from_payload(each.payload, OrderFulfillmentEvent)
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


class MemoryTransport:
    """One partition in memory that keeps what is appended to it, and what was committed."""

    def __init__(self) -> None:
        self.records: list[Message] = []
        self.committed = 0
        self.paused = False
        self.listener: TransportListener | None = None
        self.partition = Partition("memory", 0)
        self._position = 0

    def append(self, value: bytes | None, headers: Sequence[tuple[str, bytes]] = (), key: bytes | None = None) -> int:
        """Returns the position."""
        self.records.append(Message(self.partition, len(self.records), value, key, headers, 1_700_000_000_000))
        return len(self.records) - 1

    async def start(self, listener: TransportListener) -> None:
        self.listener = listener
        self.partition = Partition("memory", 0)
        self._position = self.committed
        listener.assigned([self.partition])

    async def poll(self, wait: float) -> Sequence[Message]:
        if self.paused or self._position >= len(self.records):
            await asyncio.sleep(min(wait, 0.01))
            return []
        found = self.records[self._position : self._position + 100]
        self._position += len(found)
        return [Message(self.partition, r.position, r.value, r.key, r.headers, r.timestamp_ms) for r in found]

    def pause(self, partitions: Collection[Partition]) -> None:
        self.paused = self.paused or self.partition in partitions

    def resume(self, partitions: Collection[Partition]) -> None:
        self.paused = self.paused and self.partition not in partitions

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        assert positions[self.partition] > self.committed
        self.committed = positions[self.partition]

    async def lag(self) -> Sequence[PartitionLag]:
        return [PartitionLag(self.partition, len(self.records) - self.committed)]

    async def rebalance(self) -> None:
        assert self.listener is not None
        await self.listener.revoked([self.partition])
        self.paused = False
        await self.start(self.listener)

    async def stop(self) -> None:
        if self.listener is not None:
            await self.listener.revoked([self.partition])


class MemoryOutput:
    """A dead-letter stream in memory that can be made to fail."""

    def __init__(self) -> None:
        self.records: list[OutputRecord] = []
        self.failure: OutputError | None = None

    async def publish(self, record: OutputRecord) -> None:
        if self.failure is not None:
            raise self.failure
        self.records.append(record)

    async def close(self) -> None:
        pass

    def reasons(self) -> dict[bytes, str]:
        return {each.value: dict(each.headers)["dead-letter-reason"].decode() for each in self.records}


class RunningEngine:
    """An engine between memory and a real Temporal."""

    def __init__(self, client: Client, limits: Limits) -> None:
        self.transport = MemoryTransport()
        self.dead_letters = MemoryOutput()
        self.registry = CollectorRegistry()
        readiness = Readiness()
        self.source_check = readiness.add("source")
        self.delivery_check = readiness.add("delivery")
        router = OrderRouter()
        self.engine = Engine(
            name="orders-facts",
            router=router,
            decoder=Decoder(router, "protobuf"),
            transport=self.transport,
            caller=Caller(
                client,
                CONTRACT,
                task_queue=CONTRACT.default_task_queue,
                limits=CallLimits(signal=timedelta(seconds=2), query=timedelta(seconds=2)),
            ),
            dead_letters=DeadLetterPublisher(self.dead_letters),
            limits=limits,
            metrics=SubscriptionMetrics(IngressMetrics(self.registry), "orders-facts"),
            source_check=self.source_check,
            delivery_check=self.delivery_check,
        )
        self.stop = asyncio.Event()

    def append(self, event: OrderFulfillmentEvent) -> int:
        return self.transport.append(event.SerializeToString())

    async def committed(self, position: int, timeout_s: float = 15.0) -> None:
        """Waits until everything up to a position is committed."""
        await wait_for(lambda: self.transport.committed > position, timeout_s=timeout_s)

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, {"subscription": "orders-facts", **labels}) or 0.0


EngineFactory = Callable[..., contextlib.AbstractAsyncContextManager[RunningEngine]]


@pytest.fixture(scope="session")
def running_engine() -> EngineFactory:
    """Runs an engine for the time of a block; it stops gracefully at the end."""

    @contextlib.asynccontextmanager
    async def run(client: Client, limits: Limits | None = None) -> AsyncGenerator[RunningEngine]:
        running = RunningEngine(client, limits or Limits(events_per_key=2048))
        task = asyncio.create_task(running.engine.run(running.stop))
        try:
            yield running
        finally:
            running.stop.set()
            await task

    return run


@pytest.fixture(scope="session")
def receivers() -> Callable[[Client], contextlib.AbstractAsyncContextManager[None]]:
    """Runs a worker of receiving workflows for the time of a block."""
    return receiving


async def received(client: Client, order_id: str) -> list[str]:
    handle = client.get_workflow_handle(f"proc/order-fulfillment/t/{order_id}")
    return await handle.query("received", result_type=list[str])


@pytest.fixture(scope="session")
def received_by() -> Callable[[Client, str], Coroutine[None, None, list[str]]]:
    """Asks an order's workflow which events it received, in order."""
    return received
