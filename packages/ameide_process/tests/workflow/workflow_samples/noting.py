"""Handlers that the samples share: they note what they see, or do what the event's text says."""

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    CancelOrder,
    OrderPlaced,
    PaymentAuthorized,
    RefundPaymentRequest,
    ShipmentCreated,
)
from ameide_process.workflow import ProcessFailedError
from temporalio import workflow
from temporalio.exceptions import ApplicationError
from workflow_samples.workflow import Meta, SampleProcess, log, reserve


class Noting(SampleProcess):
    """Payments are noted, shipments call an activity, orders are instructions; `cancel_order` asks `run` to end."""

    async def on_payment_authorized(self, fact: PaymentAuthorized, meta: Meta) -> None:
        """Notes the payment."""
        log(self.state, fact.payment_id)

    async def on_shipment_created(self, fact: ShipmentCreated, meta: Meta) -> None:
        """Calls an activity, then notes the shipment."""
        await self.activities.reserve(reserve(fact.shipment_id))
        log(self.state, fact.shipment_id)

    async def on_order_placed(self, fact: OrderPlaced, meta: Meta) -> None:
        """Follows an instruction."""
        match fact.order_id:
            case "fail":
                raise ApplicationError("the handler was told to fail")
            case "fail-at-length":
                raise ApplicationError("at length " * 200_000)
            case "time-out":
                await workflow.wait_condition(lambda: False, timeout=0.001)
            case "fail-process":
                log(self.state, "fail-process")
                raise ProcessFailedError("the handler ends the process", "detail")
            case "until":
                await self.until(lambda: True)
            case "every-option":
                await self.activities.refund(RefundPaymentRequest(payment_id="p-1"))
            case "elsewhere":
                await self.activities.refund_elsewhere(RefundPaymentRequest(payment_id="p-1"))
            case _:
                raise AssertionError(fact.order_id)

    async def on_cancel_order(self, command: CancelOrder, meta: Meta) -> None:
        """Remembers how the process shall end."""
        self.state.cancel_requested = True
        self.state.cancel_reason = command.reason
