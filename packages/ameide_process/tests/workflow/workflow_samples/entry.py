"""A workflow class apart from its impl, as generated code has it."""

from typing import Any, Final

from ameide_process.workflow import ProcessWorkflow
from temporalio import workflow
from temporalio.common import RawValue
from workflow_samples.counting import Counting
from workflow_samples.workflow import DEFINITION, parts


@workflow.defn(name="sample")
class CountingWorkflow(ProcessWorkflow):
    """Runs `Counting`."""

    @workflow.init
    def __init__(self, argument: RawValue) -> None:
        super().__init__(DEFINITION, Counting, argument)

    @workflow.run
    async def run(self, argument: RawValue) -> Any:
        """Runs the process."""
        return await self.execute()


PARTS: Final = parts(CountingWorkflow, Counting)
