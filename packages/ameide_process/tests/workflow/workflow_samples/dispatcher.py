"""What the replay tests record, and then edit as a person would."""

from datetime import timedelta
from typing import Any, Final, final

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import CancelOrder
from ameide_process.workflow import ProcessWorkflow
from temporalio import workflow
from temporalio.common import RawValue
from workflow_samples.noting import Noting
from workflow_samples.workflow import DEFINITION, Meta, Result, Start, parts, release, reserve

PATIENCE = timedelta(hours=1)


@final
class Dispatcher(Noting):
    """Reserves two things, waits for the end, releases."""

    async def run(self, start: Start) -> Result:
        """Takes every kind of step that generated processes take."""
        for name in ["lamp", "table"]:
            await self.activities.reserve(reserve(name))
        await self.enter("waiting")
        await self.until(lambda: self.state.cancel_requested, deadline=workflow.now() + PATIENCE)
        await self.activities.release(release("all"))
        return Result(order_id=start.key.order_id, reason=self.state.cancel_reason)

    async def on_cancel_order(self, command: CancelOrder, meta: Meta) -> None:
        """Remembers how the process shall end."""
        self.state.cancel_requested = True
        self.state.cancel_reason = command.reason


@workflow.defn(name="sample")
class DispatcherWorkflow(ProcessWorkflow):
    """Runs `Dispatcher`."""

    @workflow.init
    def __init__(self, argument: RawValue) -> None:
        super().__init__(DEFINITION, Dispatcher, argument)

    @workflow.run
    async def run(self, argument: RawValue) -> Any:
        """Runs the process."""
        return await self.execute()


PARTS: Final = parts(DispatcherWorkflow, Dispatcher)
