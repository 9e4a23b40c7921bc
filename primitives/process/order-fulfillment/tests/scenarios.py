"""Runs whose histories `uvx nox -s record -- order-fulfillment` stores, for later code to replay."""

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    CancelOrder,
    EventMeta,
    OrderFulfillmentEvent,
    OrderKey,
    OrderLine,
    OrderPlaced,
    PaymentAuthorized,
    ShipmentCreated,
)
from ameide_process.testing import on_dev_server
from order_fulfillment_generated.testing import OrderFulfillmentHarness
from temporalio.exceptions import ApplicationError

KEY = OrderKey(tenant_id="acme", order_id="o-1")
PLACED = OrderPlaced(order_id="o-1", lines=[OrderLine(sku="lamp", quantity=2)])
PAID = PaymentAuthorized(order_id="o-1", payment_id="pay-1")
SHIPPED = ShipmentCreated(order_id="o-1", shipment_id="ship-1")


async def fulfilled(process: OrderFulfillmentHarness) -> None:
    """Placed, paid, shipped."""
    order = await process.start(KEY, PLACED)
    await order.reached("awaiting-payment")
    await order.send(PAID)
    await order.reached("awaiting-shipment")
    await order.send(SHIPPED)


async def payment_before_order(process: OrderFulfillmentHarness) -> None:
    """The payment overtakes the order."""
    order = await process.start(KEY, PAID)
    await order.reached("awaiting-order")
    await order.send(PLACED)
    await order.reached("awaiting-shipment")
    await order.send(SHIPPED)


async def cancelled_after_payment(process: OrderFulfillmentHarness) -> None:
    """Paid back, and the stock released; the provider answers the third attempt."""
    process.activities.fail("refund_payment", ApplicationError("provider is away"), times=2)
    order = await process.start(KEY, PLACED, PAID)
    await order.reached("awaiting-shipment")
    await order.send(CancelOrder(reason="too slow"))


async def payment_expired(process: OrderFulfillmentHarness) -> None:
    """Nobody pays within a day."""
    order = await process.start(KEY, PLACED)
    await order.reached("awaiting-payment")
    await process.skip(hours=25)


async def events_twice(process: OrderFulfillmentHarness) -> None:
    """Every event is delivered twice."""
    order = await process.start(KEY, PLACED)
    await order.send(PAID)
    await order.redeliver()
    await order.handled(4)
    await order.send(SHIPPED)


async def unknown_event(process: OrderFulfillmentHarness) -> None:
    """An event without a case that this version knows is dead-lettered, and the order goes on."""
    order = await process.start(KEY, PLACED)
    await order.reached("awaiting-payment")
    await order.send_events(OrderFulfillmentEvent(meta=EventMeta(idempotency_key="newer", schema_version=1, key=KEY)))
    await order.handled(2)
    await order.send(PAID, SHIPPED)


async def out_of_stock(process: OrderFulfillmentHarness) -> None:
    """The order fails since its stock cannot be reserved."""
    process.activities.fail("reserve_stock", ApplicationError("sold out", non_retryable=True))
    await process.start(KEY, PLACED)


async def cancelled_by_operator(process: OrderFulfillmentHarness) -> None:
    """The workflow itself is cancelled."""
    order = await process.start(KEY, PLACED)
    await order.reached("awaiting-payment")
    await order.cancel()


@on_dev_server
async def continued(process: OrderFulfillmentHarness) -> None:
    """Continued as new twice, with events in every run."""
    order = await process.start(KEY, PLACED)
    await order.reached("awaiting-payment")
    await order.continue_as_new()
    await order.continued(1)
    await order.send(PAID)
    await order.reached("awaiting-shipment")
    await order.continue_as_new()
    await order.continued(2)
    await order.send(SHIPPED)
