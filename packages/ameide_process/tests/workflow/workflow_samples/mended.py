"""The ledger with its bugs mended."""

from typing import Any, Final, final

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderPlaced
from ameide_process.workflow import ProcessWorkflow
from temporalio import workflow
from temporalio.common import RawValue
from workflow_samples.noting import Noting
from workflow_samples.workflow import DEFINITION, Meta, Result, Start, log, parts, reserve


@final
class Mended(Noting):
    """Knows every instruction, and goes on where `Faulty` gives up."""

    async def run(self, start: Start) -> Result:
        """Calls an activity as soon as something is noted, then waits for the end."""
        await self.until(lambda: self.state.HasField("order"))
        await self.activities.reserve(reserve("mended"))
        await self.until(lambda: self.state.cancel_requested)
        return Result(order_id=start.key.order_id)

    async def on_order_placed(self, fact: OrderPlaced, meta: Meta) -> None:
        """Notes the instruction."""
        log(self.state, fact.order_id)


@workflow.defn(name="sample")
class MendedWorkflow(ProcessWorkflow):
    """Runs `Mended`."""

    @workflow.init
    def __init__(self, argument: RawValue) -> None:
        super().__init__(DEFINITION, Mended, argument)

    @workflow.run
    async def run(self, argument: RawValue) -> Any:
        """Runs the process."""
        return await self.execute()


PARTS: Final = parts(MendedWorkflow, Mended)
