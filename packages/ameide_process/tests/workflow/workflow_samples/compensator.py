"""`run` reserves, and gives back when it is cancelled."""

import asyncio
from typing import Any, Final, final

from ameide_process.workflow import ProcessWorkflow
from temporalio import workflow
from temporalio.common import RawValue
from workflow_samples.noting import Noting
from workflow_samples.workflow import DEFINITION, Result, Start, log, parts, release, reserve


@final
class Compensator(Noting):
    """Reserves once, waits for the end; a cancellation gives back what was reserved."""

    async def run(self, start: Start) -> Result:
        """Says that it reserves before it does, so that a cancellation meanwhile gives back too."""
        try:
            if not self.state.stock_reserved:
                self.state.stock_reserved = True
                await self.activities.reserve(reserve("stock"))
            await self.enter("reserved")
            await self.until(lambda: self.state.cancel_requested)
        except asyncio.CancelledError:
            await self.enter("compensating")
            await self.activities.release(release("stock"))
            log(self.state, "released")
            raise
        return Result(order_id=start.key.order_id)


@workflow.defn(name="sample")
class CompensatorWorkflow(ProcessWorkflow):
    """Runs `Compensator`."""

    @workflow.init
    def __init__(self, argument: RawValue) -> None:
        super().__init__(DEFINITION, Compensator, argument)

    @workflow.run
    async def run(self, argument: RawValue) -> Any:
        """Runs the process."""
        return await self.execute()


PARTS: Final = parts(CompensatorWorkflow, Compensator)
