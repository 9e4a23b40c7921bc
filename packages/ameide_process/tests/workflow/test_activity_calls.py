"""What the proto says of an activity reaches Temporal, and its idempotency key names the call."""

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes
from temporalio.exceptions import ApplicationError
from workflow_samples import compensator, ledger
from workflow_stage import SampleWorkflow, Stage, end, instruction, shipment


async def _scheduled(workflow: SampleWorkflow) -> ActivityTaskScheduledEventAttributes:
    """The one activity that the workflow scheduled."""
    (attributes,) = [
        event.activity_task_scheduled_event_attributes
        for event in (await workflow.handle.fetch_history()).events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    return attributes


def _seconds(duration: Duration) -> float:
    return duration.ToTimedelta() / timedelta(seconds=1)


async def test_every_option_reaches_temporal(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(instruction("every-option"), end())
        await workflow.result()
    call = await _scheduled(workflow)
    assert call.activity_type.name == "Sample.Refund"
    assert call.task_queue.name == stage.task_queue
    assert _seconds(call.start_to_close_timeout) == 7
    assert _seconds(call.schedule_to_close_timeout) == 700
    assert _seconds(call.heartbeat_timeout) == 3
    retry = call.retry_policy
    assert _seconds(retry.initial_interval) == 0.001
    assert retry.backoff_coefficient == 1.5
    assert _seconds(retry.maximum_interval) == 9
    assert retry.maximum_attempts == 4
    assert list(retry.non_retryable_error_types) == ["Broken"]


async def test_a_failing_activity_is_tried_as_often_as_the_proto_says(stage: Stage) -> None:
    stage.activities.fail("refund", ApplicationError("away"), times=3)
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(instruction("every-option"), end())
        await workflow.result()
        assert (await workflow.progress()).counts.failed == 0
    assert stage.activities.called("refund") == 4
    assert len(stage.activities.effects()) == 1


async def test_an_error_type_that_the_proto_names_is_not_tried_again(stage: Stage) -> None:
    stage.activities.fail("refund", ApplicationError("it is", type="Broken"))
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(instruction("every-option"), end())
        await workflow.result()
        assert (await workflow.progress()).counts.failed == 1
    assert stage.activities.called("refund") == 1


async def test_an_activity_may_have_a_task_queue_of_its_own(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(instruction("elsewhere"), end())
        await workflow.result()
    assert (await _scheduled(workflow)).task_queue.name == "elsewhere"


async def test_an_activity_in_a_handler_has_a_limit_since_events_wait_behind_it(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(shipment("s-1"), end())
        await workflow.result()
    call = await _scheduled(workflow)
    assert (_seconds(call.schedule_to_close_timeout), _seconds(call.start_to_close_timeout)) == (60, 30)


async def test_an_activity_in_run_is_tried_for_ever(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(compensator.PARTS):
        await workflow.send(end())
        await workflow.result()
    call = await _scheduled(workflow)
    assert (_seconds(call.schedule_to_close_timeout), _seconds(call.start_to_close_timeout)) == (0, 30)
    assert call.retry_policy.maximum_attempts == 0
