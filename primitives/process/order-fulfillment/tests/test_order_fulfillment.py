"""What the business expects of an order."""

import pytest
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    ORDER_OUTCOME_CANCELLED,
    ORDER_OUTCOME_FULFILLED,
    ORDER_OUTCOME_PAYMENT_EXPIRED,
    CancelOrder,
    OrderKey,
    OrderLine,
    OrderPlaced,
    PaymentAuthorized,
    RefundPaymentRequest,
    ReserveStockRequest,
    ShipmentCreated,
)
from order_fulfillment_generated.testing import OrderFulfillmentHarness
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError

KEY = OrderKey(tenant_id="acme", order_id="o-1")
PLACED = OrderPlaced(order_id="o-1", lines=[OrderLine(sku="lamp", quantity=2)])
PAID = PaymentAuthorized(order_id="o-1", payment_id="pay-1")
SHIPPED = ShipmentCreated(order_id="o-1", shipment_id="ship-1")


async def test_paid_and_shipped_order_is_fulfilled(process: OrderFulfillmentHarness) -> None:
    order = await process.start(KEY, PLACED)
    await order.send(PAID)
    await order.send(SHIPPED)
    result = await order.result()
    assert result.outcome == ORDER_OUTCOME_FULFILLED
    assert (result.order_id, result.payment_id, result.shipment_id) == ("o-1", "pay-1", "ship-1")
    assert process.activities.requests("reserve_stock") == [ReserveStockRequest(key=KEY, lines=PLACED.lines)]
    assert process.activities.called("refund_payment") == 0


async def test_payment_may_arrive_before_the_order(process: OrderFulfillmentHarness) -> None:
    order = await process.start(KEY, PAID)
    await order.reached("awaiting-order")
    await order.send(PLACED)
    await order.send(SHIPPED)
    assert (await order.result()).outcome == ORDER_OUTCOME_FULFILLED


async def test_unpaid_order_is_cancelled_after_a_day(process: OrderFulfillmentHarness) -> None:
    order = await process.start(KEY, PLACED)
    await process.skip(hours=23)
    await order.reached("awaiting-payment")
    await process.skip(hours=2)
    result = await order.result()
    assert result.outcome == ORDER_OUTCOME_PAYMENT_EXPIRED
    assert process.activities.called("release_stock") == 1
    assert process.activities.called("refund_payment") == 0


async def test_the_payment_deadline_survives_continue_as_new(process: OrderFulfillmentHarness) -> None:
    order = await process.start(KEY, PLACED)
    due = (await order.state()).payment_due
    await process.skip(hours=12)
    await order.continue_as_new()
    await process.skip(hours=11)
    assert (await order.progress()).run_epoch == 1
    assert (await order.state()).payment_due == due
    await process.skip(hours=2)
    assert (await order.result()).outcome == ORDER_OUTCOME_PAYMENT_EXPIRED
    assert process.activities.called("reserve_stock") == 1


async def test_order_that_is_paid_but_never_placed_is_refunded(process: OrderFulfillmentHarness) -> None:
    order = await process.start(KEY, PAID)
    await process.skip(hours=25)
    assert (await order.result()).outcome == ORDER_OUTCOME_PAYMENT_EXPIRED
    assert process.activities.called("refund_payment") == 1
    assert process.activities.called("release_stock") == 0


async def test_cancel_before_anything_else_undoes_nothing(process: OrderFulfillmentHarness) -> None:
    order = await process.start(KEY, CancelOrder(reason="changed my mind"))
    result = await order.result()
    assert (result.outcome, result.reason) == (ORDER_OUTCOME_CANCELLED, "changed my mind")
    assert process.activities.calls == []


async def test_cancel_after_placing_releases_the_stock(process: OrderFulfillmentHarness) -> None:
    order = await process.start(KEY, PLACED)
    await order.reached("awaiting-payment")
    await order.send(CancelOrder(reason="too slow"))
    assert (await order.result()).outcome == ORDER_OUTCOME_CANCELLED
    assert process.activities.called("release_stock") == 1
    assert process.activities.called("refund_payment") == 0


async def test_cancel_after_payment_refunds_and_releases(process: OrderFulfillmentHarness) -> None:
    order = await process.start(KEY, PLACED, PAID)
    await order.handled(2)
    await order.send(CancelOrder(reason="too slow"))
    assert (await order.result()).outcome == ORDER_OUTCOME_CANCELLED
    assert process.activities.requests("refund_payment") == [
        RefundPaymentRequest(key=KEY, payment_id="pay-1", reason="too slow")
    ]
    assert process.activities.called("release_stock") == 1


async def test_cancel_after_shipment_comes_too_late(process: OrderFulfillmentHarness) -> None:
    order = await process.start(KEY, PLACED, PAID, SHIPPED, CancelOrder(reason="too slow"))
    assert (await order.result()).outcome == ORDER_OUTCOME_FULFILLED
    assert process.activities.called("refund_payment") == 0


async def test_compensation_is_retried_until_the_provider_answers(process: OrderFulfillmentHarness) -> None:
    process.activities.fail("refund_payment", ApplicationError("provider is away"), times=2)
    order = await process.start(KEY, PLACED, PAID, CancelOrder())
    assert (await order.result()).outcome == ORDER_OUTCOME_CANCELLED
    assert process.activities.called("refund_payment") == 3
    assert len({call.idempotency_key for call in process.activities.calls if call.activity == "refund_payment"}) == 1


async def test_stock_that_cannot_be_reserved_fails_the_order(process: OrderFulfillmentHarness) -> None:
    process.activities.fail("reserve_stock", ApplicationError("sold out", non_retryable=True))
    order = await process.start(KEY, PLACED)
    with pytest.raises(WorkflowFailureError) as failure:
        await order.result()
    assert isinstance(failure.value.cause, ActivityError)


async def test_everything_twice_gives_what_once_gives(process: OrderFulfillmentHarness) -> None:
    order = await process.start(KEY, PLACED)
    await order.send(PAID)
    await order.redeliver()
    counts = await order.handled(4)
    assert (counts.applied, counts.duplicates) == (2, 2)
    await order.send(SHIPPED)
    assert (await order.result()).outcome == ORDER_OUTCOME_FULFILLED
    assert process.activities.called("reserve_stock") == 1
