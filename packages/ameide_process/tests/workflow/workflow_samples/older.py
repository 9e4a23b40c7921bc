"""The ledger of an older version, which does not know shipments."""

from typing import Any, Final, final

from ameide_process.workflow import ProcessWorkflow
from temporalio import workflow
from temporalio.common import RawValue
from workflow_samples.contract import OLDER_DEFINITION
from workflow_samples.noting import Noting
from workflow_samples.workflow import Result, Start, parts


@final
class Older(Noting):
    """Ends when it is told to."""

    async def run(self, start: Start) -> Result:
        """Waits for the end."""
        await self.until(lambda: self.state.cancel_requested)
        return Result(order_id=start.key.order_id)


@workflow.defn(name="sample")
class OlderWorkflow(ProcessWorkflow):
    """Runs `Older`."""

    @workflow.init
    def __init__(self, argument: RawValue) -> None:
        super().__init__(OLDER_DEFINITION, Older, argument)

    @workflow.run
    async def run(self, argument: RawValue) -> Any:
        """Runs the process."""
        return await self.execute()


PARTS: Final = parts(OlderWorkflow, Older, OLDER_DEFINITION)
