"""`run` works off, by activities, what the handlers noted: it always finds work under a stream."""

from typing import Any, Final, final

from ameide_process.workflow import ProcessWorkflow
from temporalio import workflow
from temporalio.common import RawValue
from workflow_samples.noting import Noting
from workflow_samples.workflow import DEFINITION, Result, Start, parts, reserve

SHARE = 100
"""Entries that one activity works off."""


@final
class Toiler(Noting):
    """Calls an activity for every `SHARE` entries."""

    async def run(self, start: Start) -> Result:
        """Works until it is told to end and nothing is left; how far it came stands in the state."""
        while True:
            await self.until(lambda: self._waiting() or self.state.cancel_requested)
            if not self._waiting():
                return Result(order_id=start.key.order_id)
            await self.activities.reserve(reserve(f"toil-{self._done()}"))
            self.state.payment_id = str(self._done() + 1)

    def _done(self) -> int:
        return int(self.state.payment_id or 0)

    def _waiting(self) -> bool:
        return len(self.state.order.lines) // SHARE > self._done()


@workflow.defn(name="sample")
class ToilerWorkflow(ProcessWorkflow):
    """Runs `Toiler`."""

    @workflow.init
    def __init__(self, argument: RawValue) -> None:
        super().__init__(DEFINITION, Toiler, argument)

    @workflow.run
    async def run(self, argument: RawValue) -> Any:
        """Runs the process."""
        return await self.execute()


PARTS: Final = parts(ToilerWorkflow, Toiler)
