"""A cancelled process cleans up, whenever the cancellation comes, and loses no event."""

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import CancelledError
from workflow_samples import compensator, plain_waiter
from workflow_samples.workflow import logged
from workflow_stage import SampleWorkflow, Stage, instruction, keys, payment, shipment


async def _cancelled(workflow: SampleWorkflow) -> None:
    with pytest.raises(WorkflowFailureError) as failure:
        await workflow.result()
    assert isinstance(failure.value.cause, CancelledError)
    assert (await workflow.handle.describe()).status is WorkflowExecutionStatus.CANCELED


async def test_run_cleans_up_by_activities_and_ends_as_cancelled(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(compensator.PARTS):
        await workflow.send(payment("a"))
        await workflow.reached("reserved")
        await workflow.cancel()
        await _cancelled(workflow)
        assert logged(await workflow.state()) == ["a", "released"]
        assert stage.activities.called("release") == 1


async def test_run_is_cancelled_in_the_middle_of_an_activity(stage: Stage) -> None:
    stage.activities.hold("reserve")
    workflow = stage.workflow()
    async with stage.worker(compensator.PARTS):
        await workflow.send(payment("a"))
        await stage.activities.attempted("reserve")
        await workflow.cancel()
        await _cancelled(workflow)
        assert stage.activities.called("release") == 1


async def test_a_full_inbox_is_dead_lettered(stage: Stage) -> None:
    stage.activities.hold("reserve")
    held = stage.activities.hold("release")
    workflow = stage.workflow()
    async with stage.worker(compensator.PARTS):
        await workflow.send(shipment("blocks"), payment("a"), payment("b"))
        await stage.activities.attempted("reserve", 2)
        await workflow.cancel()
        await stage.activities.attempted("release")
        await workflow.send(payment("c"))
        stage.activities.hold("reserve").set()
        held.set()
        await _cancelled(workflow)
        counts = (await workflow.progress()).counts
        assert counts.applied + counts.late == 4
        assert stage.late() == keys(workflow.sent[counts.applied :])


async def test_a_cancellation_before_the_first_workflow_task_reaches_run(stage: Stage) -> None:
    workflow = stage.workflow()
    await workflow.send(payment("a"))
    await workflow.cancel()
    async with stage.worker(compensator.PARTS):
        await _cancelled(workflow)
        assert logged(await workflow.state()) == ["a", "released"]


async def test_a_cancellation_is_not_lost_to_continue_as_new(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(compensator.PARTS):
        await workflow.send(payment("a"))
        await workflow.reached("reserved")
    await workflow.continue_as_new()
    await workflow.cancel()
    async with stage.worker(compensator.PARTS):
        await _cancelled(workflow)
        assert stage.activities.called("release") == 1


async def test_a_cancellation_while_the_inbox_is_drained_changes_nothing(stage: Stage) -> None:
    held = stage.activities.hold("dead_letter")
    workflow = stage.workflow()
    async with stage.worker(plain_waiter.PARTS):
        await workflow.send(*(payment(name) for name in "abc"), shipment("d"), payment("e"))
        await stage.activities.attempted("dead_letter")
        await workflow.cancel()
        held.set()
        await workflow.result()
        assert stage.late() == keys(workflow.sent[-1:])


async def test_a_process_that_failed_by_a_handler_cleans_up(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(compensator.PARTS):
        await workflow.send(payment("a"))
        await workflow.reached("reserved")
        await workflow.send(instruction("fail-process"), payment("b"))
        with pytest.raises(WorkflowFailureError):
            await workflow.result()
        assert (await workflow.handle.describe()).status is WorkflowExecutionStatus.FAILED
        assert logged(await workflow.state()) == ["a", "fail-process", "released"]
        assert stage.late() == keys(workflow.sent[-1:])
