"""What the engine asks of Temporal."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from temporalio.api.workflowservice.v1 import SignalWithStartWorkflowExecutionResponse

from ameide_process.ingress._budget import History
from ameide_process.ingress._lane import Batch
from ameide_process.routing import Route


class NoAnswerError(Exception):
    """The closed run did not say which events it had applied."""


class TemporalCalls(Protocol):
    """Signal-With-Start for batches, and the questions to runs and to the namespace."""

    async def deliver(self, batch: Batch) -> SignalWithStartWorkflowExecutionResponse:
        """Sends a batch.

        Returns:
            What Temporal says: the run, and whether the call started it.

        Raises:
            RPCError: Temporal does not have the batch, or did not say so.
        """
        ...

    async def history(self, workflow_id: str) -> History:
        """Asks how long a workflow's history is.

        Returns:
            That of the run that takes signals; nothing where none does.

        Raises:
            RPCError: Temporal does not say.
        """
        ...

    async def applied(self, workflow_id: str, run_id: str, routes: Sequence[Route]) -> Sequence[bool]:
        """Asks a closed run which events it had applied.

        Returns:
            For each event, whether it had.

        Raises:
            NoAnswerError: The run does not answer: no worker, or its history is gone.
        """
        ...

    async def history_retention(self) -> timedelta | None:
        """Asks how long the namespace keeps closed workflows.

        Returns:
            The time; None where Temporal does not say.
        """
        ...
