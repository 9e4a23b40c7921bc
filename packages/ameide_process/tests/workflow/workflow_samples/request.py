"""A TRANSACTION: one request, all of whose messages carry its key."""

from typing import Any, Final, final

from ameide_process.workflow import ProcessWorkflow
from temporalio import workflow
from temporalio.common import RawValue
from workflow_samples.noting import Noting
from workflow_samples.workflow import TRANSACTION_DEFINITION, Result, Start, parts


@final
class Request(Noting):
    """Ends when it is told to."""

    async def run(self, start: Start) -> Result:
        """Waits for the end."""
        await self.until(lambda: self.state.cancel_requested)
        return Result(order_id=start.key.order_id)


@workflow.defn(name="sample")
class RequestWorkflow(ProcessWorkflow):
    """Runs `Request`."""

    @workflow.init
    def __init__(self, argument: RawValue) -> None:
        super().__init__(TRANSACTION_DEFINITION, Request, argument)

    @workflow.run
    async def run(self, argument: RawValue) -> Any:
        """Runs the process."""
        return await self.execute()


PARTS: Final = parts(RequestWorkflow, Request, TRANSACTION_DEFINITION)
