"""Order fulfilment: wait for order, payment and shipment, or cancel and compensate."""

from datetime import timedelta
from typing import final

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    ORDER_OUTCOME_CANCELLED,
    ORDER_OUTCOME_FULFILLED,
    ORDER_OUTCOME_PAYMENT_EXPIRED,
    CancelOrder,
    OrderOutcome,
    OrderPlaced,
    PaymentAuthorized,
    RefundPaymentRequest,
    ReleaseStockRequest,
    ReserveStockRequest,
    ShipmentCreated,
)
from order_fulfillment_generated.workflow import EventMeta, OrderFulfillmentProcess, Result, Start
from temporalio import workflow

PAYMENT_WINDOW = timedelta(hours=24)
"""An order that is not paid for this long after its first event is cancelled."""


@final
class OrderFulfillment(OrderFulfillmentProcess):
    """One order, from its first event to its end."""

    async def run(self, start: Start) -> Result:
        """Waits for what is missing, step by step; every step can be taken again from the state."""
        if not self.state.HasField("payment_due"):
            self.state.payment_due.FromDatetime(workflow.now() + PAYMENT_WINDOW)

        await self.enter("awaiting-order")
        placed = await self.until(
            lambda: self.state.HasField("order") or self.state.cancel_requested, deadline=self.state.payment_due
        )
        if self.state.cancel_requested:
            return await self._cancel(ORDER_OUTCOME_CANCELLED, self.state.cancel_reason)
        if not placed:
            return await self._cancel(ORDER_OUTCOME_PAYMENT_EXPIRED, "the order was never placed")

        if not self.state.stock_reserved:
            # Said before the call: a cancellation must release what an unfinished attempt may have reserved.
            self.state.stock_reserved = True
            await self.activities.reserve_stock(ReserveStockRequest(key=self.key, lines=self.state.order.lines))

        await self.enter("awaiting-payment")
        paid = await self.until(
            lambda: self.state.payment_id or self.state.cancel_requested, deadline=self.state.payment_due
        )
        if self.state.cancel_requested:
            return await self._cancel(ORDER_OUTCOME_CANCELLED, self.state.cancel_reason)
        if not paid:
            return await self._cancel(ORDER_OUTCOME_PAYMENT_EXPIRED, "no payment in time")

        await self.enter("awaiting-shipment")
        await self.until(lambda: self.state.shipment_id or self.state.cancel_requested)
        if self.state.cancel_requested:
            return await self._cancel(ORDER_OUTCOME_CANCELLED, self.state.cancel_reason)

        await self.enter("fulfilled")
        return self._result(ORDER_OUTCOME_FULFILLED)

    async def on_order_placed(self, fact: OrderPlaced, meta: EventMeta) -> None:
        """Remembers the order; the first one counts."""
        if not self.state.HasField("order"):
            self.state.order.CopyFrom(fact)

    async def on_payment_authorized(self, fact: PaymentAuthorized, meta: EventMeta) -> None:
        """Remembers the payment, which may come before the order."""
        self.state.payment_id = fact.payment_id

    async def on_shipment_created(self, fact: ShipmentCreated, meta: EventMeta) -> None:
        """Remembers the shipment."""
        self.state.shipment_id = fact.shipment_id

    async def on_cancel_order(self, command: CancelOrder, meta: EventMeta) -> None:
        """Asks `run` to cancel, unless the order is on its way."""
        if not self.state.shipment_id:
            self.state.cancel_requested = True
            self.state.cancel_reason = command.reason or "no reason given"

    async def _cancel(self, outcome: OrderOutcome.ValueType, reason: str) -> Result:
        """Undoes what was done: the payment is paid back, the stock released."""
        await self.enter("compensating")
        if self.state.payment_id:
            await self.activities.refund_payment(
                RefundPaymentRequest(key=self.key, payment_id=self.state.payment_id, reason=reason)
            )
        if self.state.stock_reserved:
            await self.activities.release_stock(ReleaseStockRequest(key=self.key))
        await self.enter("cancelled")
        return self._result(outcome, reason)

    def _result(self, outcome: OrderOutcome.ValueType, reason: str = "") -> Result:
        return Result(
            order_id=self.key.order_id,
            outcome=outcome,
            payment_id=self.state.payment_id,
            shipment_id=self.state.shipment_id,
            reason=reason,
        )
