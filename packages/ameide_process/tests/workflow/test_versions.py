"""Workers of several versions work on one process in turn; bugs are mended under running processes."""

import json
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from ameide_devstack.testing import wait_until
from ameide_process.routing import to_payload
from google.protobuf.json_format import ParseDict
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from workflow_samples import faulty, ledger, mended, newer
from workflow_samples.contract import NEWER_START
from workflow_samples.workflow import logged
from workflow_stage import START, SampleWorkflow, Stage, end, envelope, instruction, payment, shipment


@pytest_asyncio.fixture
async def stage(client: Client) -> AsyncGenerator[Stage]:
    """A stage on which a workflow task that failed is soon tried again."""
    stage = Stage(client, task_timeout=timedelta(seconds=1))
    yield stage
    await stage.close()


def _with_unknown_fields(payload: Payload) -> Payload:
    """The same JSON object with a field that nobody knows yet, in it and in every object in it."""

    def extend(fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "future": [1]}

    extended = Payload()
    extended.CopyFrom(payload)
    extended.data = json.dumps(json.loads(payload.data, object_hook=extend)).encode()
    return extended


async def _task_failure(workflow: SampleWorkflow) -> str:
    """Waits until a workflow task has failed, and returns why."""

    async def failure() -> str | None:
        async for event in workflow.handle.fetch_history_events():
            if event.HasField("workflow_task_failed_event_attributes"):
                return event.workflow_task_failed_event_attributes.failure.message
        return None

    return await wait_until(failure, timeout_s=30) or ""


async def test_unknown_fields_of_events_and_of_the_start_argument_are_ignored(stage: Stage) -> None:
    workflow = stage.workflow()
    events = [envelope(payment("a"), "event-a"), envelope(end(), "event-end")]
    async with stage.worker(ledger.PARTS):
        await stage.deliver(
            workflow.handle.id,
            [_with_unknown_fields(to_payload(event)) for event in events],
            start=_with_unknown_fields(START),
        )
        assert (await workflow.result()).order_id == "o-1"
        assert logged(await workflow.state()) == ["a"]


async def test_fields_of_a_newer_state_survive_the_runs_of_an_older_worker(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(newer.PARTS):
        await workflow.send(payment("a"))
        await workflow.handled(1)  # in the first run: what a run did itself, each worker does again in its own way
        await workflow.continue_as_new()
        await workflow.continued(1)
    async with stage.worker(ledger.PARTS):
        await workflow.send(payment("b"))
        await workflow.continue_as_new()
        await workflow.continued(2)
        await workflow.handled(2)
    async with stage.worker(newer.PARTS):
        await workflow.send(end())
        assert (await workflow.result()).reason == "a"
        assert logged(await workflow.state()) == ["a", "b"]


# The SDK has made tasks of the signals when it finds that the workflow cannot be made.
@pytest.mark.filterwarnings("ignore:coroutine .*run_signal. was never awaited:RuntimeWarning")
async def test_a_start_type_that_no_worker_knows_waits_for_one_that_does(stage: Stage) -> None:
    workflow = stage.workflow()
    start = to_payload(ParseDict({"startVersion": 2, "key": {"orderId": "o-2"}}, NEWER_START()))
    await stage.deliver(workflow.handle.id, [to_payload(envelope(end(), "event-end"))], start=start)
    async with stage.worker(ledger.PARTS):
        assert "OrderFulfillmentStartV2" in await _task_failure(workflow)
    async with stage.worker(newer.PARTS):
        assert (await workflow.result()).order_id == "o-2"


async def test_a_bug_in_a_handler_waits_for_mended_code(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(payment("a"), instruction("never heard of it"), payment("b"), end())
        assert await _task_failure(workflow) == "never heard of it"
    async with stage.worker(mended.PARTS):
        await workflow.result()
        assert logged(await workflow.state()) == ["a", "never heard of it", "b"]
        assert (await workflow.progress()).counts.applied == 4


async def test_until_in_a_handler_is_a_bug(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(instruction("until"), end())
        assert "wait in run() instead" in await _task_failure(workflow)
    async with stage.worker(mended.PARTS):
        await workflow.result()


async def test_a_bug_in_run_waits_for_mended_code_whatever_handlers_do_meanwhile(stage: Stage) -> None:
    held = stage.activities.hold("reserve")
    workflow = stage.workflow()
    await workflow.send(payment("a"), shipment("b"))
    async with stage.worker(faulty.PARTS):
        assert await _task_failure(workflow) == "'o-1'"
    async with stage.worker(mended.PARTS):
        await stage.activities.attempted("reserve", 2)
        held.set()
        await workflow.send(end())
        await workflow.result()
        assert logged(await workflow.state()) == ["a", "b"]
