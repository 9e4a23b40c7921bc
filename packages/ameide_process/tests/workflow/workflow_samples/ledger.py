"""`run` waits for the end."""

from typing import Any, Final, final

from ameide_process.workflow import ProcessWorkflow
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from workflow_samples.noting import Noting
from workflow_samples.workflow import DEFINITION, Result, Start, parts


@final
class Ledger(Noting):
    """Ends as the last event says."""

    async def run(self, start: Start) -> Result:
        """Waits for the end, and fails when it is to fail."""
        await self.enter("open")
        await self.until(lambda: self.state.cancel_requested)
        await self.enter("closed")
        if self.state.cancel_reason == "fail":
            raise ApplicationError("told to fail", non_retryable=True)
        return Result(order_id=start.key.order_id, reason=self.state.cancel_reason)


@workflow.defn(name="sample")
class LedgerWorkflow(ProcessWorkflow):
    """Runs `Ledger`."""

    @workflow.init
    def __init__(self, argument: RawValue) -> None:
        super().__init__(DEFINITION, Ledger, argument)

    @workflow.run
    async def run(self, argument: RawValue) -> Any:
        """Runs the process."""
        return await self.execute()


PARTS: Final = parts(LedgerWorkflow, Ledger)
