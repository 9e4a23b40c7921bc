"""`run` has a bug."""

from typing import Any, Final, final

from ameide_process.workflow import ProcessWorkflow
from temporalio import workflow
from temporalio.common import RawValue
from workflow_samples.noting import Noting
from workflow_samples.workflow import DEFINITION, Result, Start, parts


@final
class Faulty(Noting):
    """Gives up as soon as something is noted."""

    async def run(self, start: Start) -> Result:
        """Fails in a way that nobody meant."""
        await self.until(lambda: self.state.HasField("order"))
        raise KeyError(start.key.order_id)


@workflow.defn(name="sample")
class FaultyWorkflow(ProcessWorkflow):
    """Runs `Faulty`."""

    @workflow.init
    def __init__(self, argument: RawValue) -> None:
        super().__init__(DEFINITION, Faulty, argument)

    @workflow.run
    async def run(self, argument: RawValue) -> Any:
        """Runs the process."""
        return await self.execute()


PARTS: Final = parts(FaultyWorkflow, Faulty)
