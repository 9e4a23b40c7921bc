"""Records histories: a scenario drives one workflow to its end, and the history of each of its runs is kept."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle, WorkflowHistory
from temporalio.testing import WorkflowEnvironment

from ameide_process.testing._process_harness import ProcessHarness, ProcessParts, running_process
from ameide_process.testing._replay import run_histories
from ameide_process.testing._sample_message import sample
from ameide_process.testing._time_skipping import running_time

Scenario: TypeAlias = Callable[[Any], Awaitable[None]]
"""Takes the process's harness, as a test takes the fixture `process`."""

ScenarioT = TypeVar("ScenarioT", bound=Scenario)

CLOSING_SECONDS = 30.0
"""Of real time, for a workflow to close once its scenario is over."""

OPEN_SECONDS = 3.0
"""Of real time, after which a workflow that got a sample of every event is taken to wait for ever."""

_DEV_SERVER = "ameide_on_dev_server"


class RecordingError(Exception):
    """A scenario gave nothing that can be stored; the message says why and what to do."""


def on_dev_server(scenario: ScenarioT) -> ScenarioT:
    """Marks a scenario that is recorded on the Temporal dev server, where time passes and is not skipped."""
    setattr(scenario, _DEV_SERVER, True)
    return scenario


def wants_dev_server(scenario: Scenario) -> bool:
    """Whether a scenario is to be recorded on the dev server."""
    return getattr(scenario, _DEV_SERVER, False)


async def record_scenario(
    parts: ProcessParts[Any, Any, Any, Any], environment: WorkflowEnvironment, scenario: Scenario
) -> list[WorkflowHistory]:
    """Runs a scenario and returns the history of each run of its workflow, the first run's first.

    Raises:
        RecordingError: The scenario drives no workflow or several, or leaves it open.
    """
    async with _process(parts, environment) as process:
        await scenario(process)
        handle = _only_workflow(process)
        if not await _closes(handle, environment, CLOSING_SECONDS):
            raise RecordingError(
                "the workflow is still open when the scenario is over, and only a closed run proves anything; send "
                "what ends it, let time pass with `await process.skip(hours=…)`, or cancel it"
            )
        return await run_histories(environment.client, handle.id)


async def record_every_event(
    parts: ProcessParts[Any, Any, Any, Any], environment: WorkflowEnvironment
) -> list[WorkflowHistory]:
    """Records a workflow that gets a sample of every event; when it then waits for something else, it is cancelled.

    Raises:
        RecordingError: The workflow fails or stays open; a scenario must be written.
    """
    async with _process(parts, environment) as process:
        await process.start(parts.sample_key(1), *(sample(payload_type) for payload_type in parts.payload_types))
        handle = _only_workflow(process)
        if not await _closes(handle, environment, OPEN_SECONDS):
            await handle.cancel()
        if not await _closes(handle, environment, CLOSING_SECONDS):
            raise RecordingError("the workflow stays open when it is cancelled; write a scenario that ends it")
        if (await handle.describe()).status is WorkflowExecutionStatus.FAILED:
            raise RecordingError(
                f"the workflow fails ({await _failure(handle)}); write it, or a scenario in which it ends"
            )
        return await run_histories(environment.client, handle.id)


def _process(parts: ProcessParts[Any, Any, Any, Any], environment: WorkflowEnvironment) -> Any:
    contract = parts.worker.definition.contract
    return running_process(parts, environment, task_queue=contract.default_task_queue)


def _only_workflow(process: ProcessHarness[Any, Any, Any, Any]) -> WorkflowHandle[Any, Any]:
    ids = process.workflow_ids
    if len(ids) != 1:
        raise RecordingError(f"a scenario drives one workflow, and this one started {len(ids)}: {', '.join(ids)}")
    return process.environment.client.get_workflow_handle(ids[0])


async def _closes(handle: WorkflowHandle[Any, Any], environment: WorkflowEnvironment, seconds: float) -> bool:
    """Whether the workflow closes within some real time, while time is skipped where the server can."""
    try:
        async with asyncio.timeout(seconds), running_time(environment):
            await handle.result()
    except TimeoutError:
        return False
    except WorkflowFailureError:
        pass
    return True


async def _failure(handle: WorkflowHandle[Any, Any]) -> str:
    try:
        await handle.result()
    except WorkflowFailureError as error:
        return str(error.cause)
    return ""
