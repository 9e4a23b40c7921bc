"""The ledger of a newer version, whose state and start messages have grown."""

from typing import Any, Final, final

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import PaymentAuthorized
from ameide_process.workflow import ProcessWorkflow
from temporalio import workflow
from temporalio.common import RawValue
from workflow_samples.contract import NEWER_DEFINITION
from workflow_samples.noting import Noting
from workflow_samples.workflow import Meta, Result, parts


@final
class Newer(Noting):
    """Writes the first payment into the new field too, and returns it."""

    state: Any

    async def run(self, start: Any) -> Result:
        """Waits for the end."""
        await self.until(lambda: self.state.cancel_requested)
        return Result(order_id=start.key.order_id, reason=self.state.note)

    async def on_payment_authorized(self, fact: PaymentAuthorized, meta: Meta) -> None:
        """Notes the payment, the first one twice."""
        self.state.note = self.state.note or fact.payment_id
        await super().on_payment_authorized(fact, meta)


@workflow.defn(name="sample")
class NewerWorkflow(ProcessWorkflow):
    """Runs `Newer`."""

    @workflow.init
    def __init__(self, argument: RawValue) -> None:
        super().__init__(NEWER_DEFINITION, Newer, argument)

    @workflow.run
    async def run(self, argument: RawValue) -> Any:
        """Runs the process."""
        return await self.execute()


PARTS: Final = parts(NewerWorkflow, Newer, NEWER_DEFINITION)
