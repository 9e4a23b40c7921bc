"""`run` waits in Temporal's own way, not in `until`."""

from typing import Any, Final, final

from ameide_process.workflow import ProcessWorkflow
from temporalio import workflow
from temporalio.common import RawValue
from workflow_samples.noting import Noting
from workflow_samples.workflow import DEFINITION, Result, Start, logged, parts


@final
class PlainWaiter(Noting):
    """Waits for three entries with `workflow.wait_condition`."""

    async def run(self, start: Start) -> Result:
        """Waits for what only a handler can bring."""
        await workflow.wait_condition(lambda: len(logged(self.state)) >= 3)
        return Result(order_id=start.key.order_id)


@workflow.defn(name="sample")
class PlainWaiterWorkflow(ProcessWorkflow):
    """Runs `PlainWaiter`."""

    @workflow.init
    def __init__(self, argument: RawValue) -> None:
        super().__init__(DEFINITION, PlainWaiter, argument)

    @workflow.run
    async def run(self, argument: RawValue) -> Any:
        """Runs the process."""
        return await self.execute()


PARTS: Final = parts(PlainWaiterWorkflow, PlainWaiter)
