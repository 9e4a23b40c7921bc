"""The order process as the ingress sees it, written by hand."""

from collections.abc import Callable

import pytest
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    EventMeta,
    OrderFulfillmentEvent,
    OrderFulfillmentStartV1,
    OrderKey,
    OrderPlaced,
)
from temporalio.common import VersioningBehavior, WorkflowIDReusePolicy

from ameide_process import workflow_id as segment
from ameide_process.contract import CaseRole, PayloadCase, ProcessContract, Subscription, WorkflowKind
from ameide_process.routing import Route, Router, require_case, require_idempotency_key, require_schema_version

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
