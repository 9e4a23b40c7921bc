"""Replays what was recorded: does today's code take the path that the history took?"""

from collections.abc import Sequence

from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer

from ameide_process.converter import DATA_CONVERTER
from ameide_process.sandbox import workflow_runner
from ameide_process.worker_parts import WorkerParts


async def run_histories(client: Client, workflow_id: str) -> list[WorkflowHistory]:
    """Fetches the histories of all runs of a workflow, the first run's first.

    `WorkflowHandle.fetch_history` alone gives the last run, which proves nothing of those before it.
    """
    histories: list[WorkflowHistory] = []
    run_id: str | None = None
    while run_id != "":
        history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
        histories.append(history)
        run_id = history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
    return histories[::-1]


async def replay(parts: WorkerParts, histories: Sequence[WorkflowHistory]) -> None:
    """Replays histories in the sandbox that the worker uses.

    Raises:
        Exception: The code takes another path than a history, or fails on it.
    """
    replayer = Replayer(
        workflows=[parts.workflow], workflow_runner=workflow_runner(parts), data_converter=DATA_CONVERTER
    )
    for history in histories:
        await replayer.replay_workflow(history)
