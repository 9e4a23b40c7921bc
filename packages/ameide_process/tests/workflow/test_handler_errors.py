"""What an error in a handler does to the process."""

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from workflow_samples import ledger
from workflow_samples.workflow import logged
from workflow_stage import Stage, end, instruction, keys, payment, shipment


async def test_a_permanent_error_is_recorded_and_the_process_goes_on(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(payment("a"), instruction("fail"), payment("b"))
        counts = await workflow.handled(3)
        assert (counts.applied, counts.failed) == (2, 1)
        assert logged(await workflow.state()) == ["a", "b"]
        (failure,) = (await workflow.progress()).failures
        assert (failure.seq, failure.payload_case, failure.reason) == (2, "order_placed", "handler-failed")
        assert "told to fail" in failure.message
        assert [failure.idempotency_key] == keys(workflow.sent[1:2])
        await workflow.send(end())
        await workflow.result()


async def test_an_activity_that_fails_for_good_is_such_an_error(stage: Stage) -> None:
    workflow = stage.workflow()
    stage.activities.fail("reserve", ApplicationError("sold out", non_retryable=True))
    async with stage.worker(ledger.PARTS):
        await workflow.send(shipment("a"), shipment("b"), end())
        await workflow.result()
        assert logged(await workflow.state()) == ["b"]
        (failure,) = (await workflow.progress()).failures
        assert "sold out" in failure.message


async def test_a_wait_that_times_out_is_such_an_error(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(instruction("time-out"), payment("a"), end())
        await workflow.result()
        assert (await workflow.progress()).counts.failed == 1


async def test_a_long_message_is_cut(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(*[instruction("fail-at-length") for _ in range(3)])
        await workflow.handled(3)
        await workflow.continue_as_new()
        await workflow.send(end())
        await workflow.result()
        assert all(len(failure.message) < 2000 for failure in (await workflow.progress()).failures)


async def test_a_handler_may_fail_the_process(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(payment("a"), instruction("fail-process"), payment("b"), payment("c"))
        with pytest.raises(WorkflowFailureError) as failure:
            await workflow.result()
        assert isinstance(failure.value.cause, ApplicationError)
        assert (failure.value.cause.type, failure.value.cause.details) == ("ProcessFailed", ("detail",))
        counts = (await workflow.progress()).counts
        assert (counts.applied, counts.failed, counts.late) == (1, 1, 2)
        assert stage.late() == keys(workflow.sent[2:])
