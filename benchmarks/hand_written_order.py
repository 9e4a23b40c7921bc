"""Order fulfilment as a good Temporal developer writes it by hand: typed signals, a query, activities, compensation.

What the generated worker does beyond that is left out here: it keeps no dedupe window, drops an event that it cannot
decode, and does not continue as new.
"""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
        ORDER_OUTCOME_CANCELLED,
        ORDER_OUTCOME_FULFILLED,
        ORDER_OUTCOME_PAYMENT_EXPIRED,
        CancelOrder,
        OrderFulfillmentResultV1,
        OrderFulfillmentStartV1,
        OrderFulfillmentStateV1,
        OrderOutcome,
        OrderPlaced,
        PaymentAuthorized,
        RefundPaymentRequest,
        RefundPaymentResponse,
        ReleaseStockRequest,
        ReleaseStockResponse,
        ReserveStockRequest,
        ReserveStockResponse,
        ShipmentCreated,
    )

WORKFLOW_TYPE: Final = "HandWrittenOrder"

PAYMENT_WINDOW = timedelta(hours=24)

_COMPENSATION = RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=60))


@workflow.defn(name=WORKFLOW_TYPE)
class HandWrittenOrder:
    """One order, from its first event to its end."""

    @workflow.init
    def __init__(self, start: OrderFulfillmentStartV1) -> None:
        self._key = start.key
        self._state = OrderFulfillmentStateV1()
        self._phase = ""

    @workflow.run
    async def run(self, start: OrderFulfillmentStartV1) -> OrderFulfillmentResultV1:
        """Waits for what is missing, step by step."""
        state = self._state
        due = workflow.now() + PAYMENT_WINDOW
        state.payment_due.FromDatetime(due)

        self._phase = "awaiting-order"
        try:
            await workflow.wait_condition(
                lambda: state.HasField("order") or state.cancel_requested, timeout=due - workflow.now()
            )
        except TimeoutError:
            return await self._cancel(ORDER_OUTCOME_PAYMENT_EXPIRED, "the order was never placed")
        if state.cancel_requested:
            return await self._cancel(ORDER_OUTCOME_CANCELLED, state.cancel_reason)

        state.stock_reserved = True
        await workflow.execute_activity(
            "OrderFulfillmentActivities.ReserveStock",
            args=[ReserveStockRequest(key=self._key, lines=state.order.lines), self._idempotency_key("reserve")],
            result_type=ReserveStockResponse,
            start_to_close_timeout=timedelta(seconds=10),
            schedule_to_close_timeout=timedelta(hours=1),
        )

        self._phase = "awaiting-payment"
        try:
            await workflow.wait_condition(
                lambda: bool(state.payment_id) or state.cancel_requested, timeout=due - workflow.now()
            )
        except TimeoutError:
            return await self._cancel(ORDER_OUTCOME_PAYMENT_EXPIRED, "no payment in time")
        if state.cancel_requested:
            return await self._cancel(ORDER_OUTCOME_CANCELLED, state.cancel_reason)

        self._phase = "awaiting-shipment"
        await workflow.wait_condition(lambda: bool(state.shipment_id) or state.cancel_requested)
        if state.cancel_requested:
            return await self._cancel(ORDER_OUTCOME_CANCELLED, state.cancel_reason)

        self._phase = "fulfilled"
        return self._result(ORDER_OUTCOME_FULFILLED)

    @workflow.signal
    def order_placed(self, fact: OrderPlaced) -> None:
        """Remembers the order; the first one counts."""
        if not self._state.HasField("order"):
            self._state.order.CopyFrom(fact)

    @workflow.signal
    def payment_authorized(self, fact: PaymentAuthorized) -> None:
        """Remembers the payment."""
        self._state.payment_id = fact.payment_id

    @workflow.signal
    def shipment_created(self, fact: ShipmentCreated) -> None:
        """Remembers the shipment."""
        self._state.shipment_id = fact.shipment_id

    @workflow.signal
    def cancel_order(self, command: CancelOrder) -> None:
        """Asks `run` to cancel, unless the order is on its way."""
        if not self._state.shipment_id:
            self._state.cancel_requested = True
            self._state.cancel_reason = command.reason or "no reason given"

    @workflow.query
    def state(self) -> OrderFulfillmentStateV1:
        """Answers with the state."""
        return self._state

    @workflow.query
    def phase(self) -> str:
        """Answers what the order waits for."""
        return self._phase

    async def _cancel(self, outcome: OrderOutcome.ValueType, reason: str) -> OrderFulfillmentResultV1:
        self._phase = "compensating"
        if self._state.payment_id:
            await workflow.execute_activity(
                "OrderFulfillmentActivities.RefundPayment",
                args=[
                    RefundPaymentRequest(key=self._key, payment_id=self._state.payment_id, reason=reason),
                    self._idempotency_key("refund"),
                ],
                result_type=RefundPaymentResponse,
                start_to_close_timeout=timedelta(seconds=10),
                retry_policy=_COMPENSATION,
            )
        if self._state.stock_reserved:
            await workflow.execute_activity(
                "OrderFulfillmentActivities.ReleaseStock",
                args=[ReleaseStockRequest(key=self._key), self._idempotency_key("release")],
                result_type=ReleaseStockResponse,
                start_to_close_timeout=timedelta(seconds=10),
                retry_policy=_COMPENSATION,
            )
        self._phase = "cancelled"
        return self._result(outcome, reason)

    def _result(self, outcome: OrderOutcome.ValueType, reason: str = "") -> OrderFulfillmentResultV1:
        return OrderFulfillmentResultV1(
            order_id=self._key.order_id,
            outcome=outcome,
            payment_id=self._state.payment_id,
            shipment_id=self._state.shipment_id,
            reason=reason,
        )

    def _idempotency_key(self, step: str) -> str:
        return f"{workflow.info().workflow_id}/{step}"
