"""`run` waits for a point in time."""

from datetime import timedelta
from typing import Any, Final, final

from ameide_process.workflow import ProcessWorkflow
from temporalio import workflow
from temporalio.common import RawValue
from workflow_samples.noting import Noting
from workflow_samples.workflow import DEFINITION, Result, Start, logged, parts

PATIENCE = timedelta(hours=1)


@final
class Timed(Noting):
    """Waits an hour, however many runs that takes; `wait_condition` of the SDK would begin anew in each."""

    async def run(self, start: Start) -> Result:
        """Returns `met` when something was noted in time, else `expired`."""
        if not self.state.HasField("payment_due"):
            self.state.payment_due.FromDatetime(workflow.now() + PATIENCE)
        met = await self.until(lambda: logged(self.state), deadline=self.state.payment_due)
        again = await self.until(lambda: logged(self.state), deadline=workflow.now() - PATIENCE)
        return Result(reason=f"{'met' if met else 'expired'}, {'met' if again else 'expired'}")


@workflow.defn(name="sample")
class TimedWorkflow(ProcessWorkflow):
    """Runs `Timed`."""

    @workflow.init
    def __init__(self, argument: RawValue) -> None:
        super().__init__(DEFINITION, Timed, argument)

    @workflow.run
    async def run(self, argument: RawValue) -> Any:
        """Runs the process."""
        return await self.execute()


PARTS: Final = parts(TimedWorkflow, Timed)
