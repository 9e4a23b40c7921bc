"""Impl code whose module keeps count; each run must begin at zero."""

from typing import final

from workflow_samples.noting import Noting
from workflow_samples.workflow import Result, Start

runs: list[str] = []
"""Module state, as impl code should not have it; the sandbox keeps runs apart nevertheless."""


@final
class Counting(Noting):
    """Returns how many runs its module has seen."""

    async def run(self, start: Start) -> Result:
        """Waits for the end."""
        runs.append(start.key.order_id)
        await self.until(lambda: self.state.cancel_requested)
        return Result(reason=f"{len(runs)} run")
