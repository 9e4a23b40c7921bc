"""Breaks the rule that redelivery changes nothing, in ways that its events choose."""

from typing import Any, Final, final

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import PaymentAuthorized, ShipmentCreated
from ameide_process.workflow import ProcessWorkflow
from temporalio import workflow
from temporalio.common import RawValue
from workflow_samples.noting import Noting
from workflow_samples.workflow import DEFINITION, Meta, Result, Start, parts, reserve

looks: list[str] = []
"""Module state that grows whenever anything arrives, a repetition too."""


@final
class Restless(Noting):
    """Looks at its state with a condition that does not only read."""

    async def run(self, start: Start) -> Result:
        """Waits for ever, and counts how often it looked."""
        await self.until(self._looked)
        return Result()

    async def on_payment_authorized(self, fact: PaymentAuthorized, meta: Meta) -> None:
        """From now on, counts how often it looks."""
        self.state.stock_reserved = True

    async def on_shipment_created(self, fact: ShipmentCreated, meta: Meta) -> None:
        """Calls an activity by a key that no other call has; the state says nothing of it."""
        await self.activities.reserve(reserve("stock"), key=str(workflow.uuid4()))

    def _looked(self) -> bool:
        if self.state.stock_reserved:
            looks.append("")
            self.state.payment_id = str(len(looks))
        return False


@workflow.defn(name="sample")
class RestlessWorkflow(ProcessWorkflow):
    """Runs `Restless`."""

    @workflow.init
    def __init__(self, argument: RawValue) -> None:
        super().__init__(DEFINITION, Restless, argument)

    @workflow.run
    async def run(self, argument: RawValue) -> Any:
        """Runs the process."""
        return await self.execute()


PARTS: Final = parts(RestlessWorkflow, Restless)
