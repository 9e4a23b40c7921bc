"""A process that emits what it hears."""

from dataclasses import replace
from typing import Any, Final, final

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    CancelOrder,
    OrderKey,
    OrderPlaced,
    PaymentAuthorized,
    ShipmentCreated,
)
from ameide_process.contract import EmittedFact
from ameide_process.workflow import ProcessFailedError, ProcessWorkflow
from temporalio import workflow
from temporalio.common import RawValue
from workflow_samples.workflow import CONTRACT, DEFINITION, Meta, Result, SampleProcess, Start, log, parts, release

_PACKAGE = "ameide_core_proto.orders.fulfillment.v1"

EMITS: Final = (
    EmittedFact(message_type=f"{_PACKAGE}.PaymentAuthorized", event_type="sample.Paid.v1", stream="payments"),
    EmittedFact(
        message_type=f"{_PACKAGE}.ShipmentCreated",
        event_type="sample.Shipped.v1",
        stream="shipments",
        data_schema="https://example.com/shipped",
        partition_key_fields=("order_id",),
        idempotency_key_fields=("order_id", "shipment_id"),
    ),
)
HERALD_DEFINITION: Final = replace(DEFINITION, contract=replace(CONTRACT, emits=EMITS))


@final
class Herald(SampleProcess):
    """Repeats payments and shipments as facts; orders are instructions; ends as the last event says."""

    async def run(self, start: Start) -> Result:
        """Emits a shipment of its own for each order, and one in the end."""
        await self.enter("starting")
        await self.enter("open")
        await self.until(lambda: self.state.cancel_requested)
        await self.enter("closed")
        match self.state.cancel_reason:
            case "fail":
                raise ProcessFailedError("told to fail")
            case "release":
                await self.activities.release(release("end"))
            case _:
                pass
        self._emit(ShipmentCreated(order_id="o/1", shipment_id=f"end {self.state.cancel_reason}"))
        return Result(order_id=start.key.order_id, reason=self.state.cancel_reason)

    async def on_payment_authorized(self, fact: PaymentAuthorized, meta: Meta) -> None:
        """Repeats it, and notes that."""
        log(self.state, fact.payment_id)
        self._emit(fact)

    async def on_shipment_created(self, fact: ShipmentCreated, meta: Meta) -> None:
        """Repeats it."""
        self._emit(fact)

    async def on_order_placed(self, fact: OrderPlaced, meta: Meta) -> None:
        """Follows an instruction."""
        match fact.order_id:
            case "await":
                await self.awaiting("payment", "p-1")
            case "block":
                await self.blocked("nobody is there")
            case "too-large":
                self._emit(PaymentAuthorized(payment_id="." * 1_000_001))
            case "fail-process":
                raise ProcessFailedError("the handler ends the process")
            case "keyless":
                self._emit(ShipmentCreated(order_id="o-1"))
            case "undeclared":
                self._emit(OrderKey(order_id="o-1"))
            case _:
                raise AssertionError(fact.order_id)

    async def on_cancel_order(self, command: CancelOrder, meta: Meta) -> None:
        """Remembers how the process shall end."""
        self.state.cancel_requested = True
        self.state.cancel_reason = command.reason


@workflow.defn(name="sample")
class HeraldWorkflow(ProcessWorkflow):
    """Runs `Herald`."""

    @workflow.init
    def __init__(self, argument: RawValue) -> None:
        super().__init__(HERALD_DEFINITION, Herald, argument)

    @workflow.run
    async def run(self, argument: RawValue) -> Any:
        """Runs the process."""
        return await self.execute()


PARTS: Final = parts(HeraldWorkflow, Herald, HERALD_DEFINITION)
