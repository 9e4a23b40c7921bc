"""The steps that a history records: the events that commands caused."""

from collections.abc import Sequence
from dataclasses import dataclass

from temporalio.api.history.v1 import HistoryEvent

from ameide_process.replay import _steps
from ameide_process.replay._steps import ActivityTimeouts, RunDefaults, Step, StepKind
from ameide_process.replay._stored_history import event_name

_CHANGE_VERSION = "TemporalChangeVersion"
"""Search attribute that the SDK's core sets by itself beside each patch marker."""


@dataclass(frozen=True)
class RecordedStep:
    """A step with the event that records it."""

    event_id: int
    event_type: str
    step: Step


def recorded_steps(events: Sequence[HistoryEvent], run: RunDefaults) -> list[RecordedStep]:
    """The steps of a history, in order."""
    return [
        RecordedStep(event.event_id, event_name(event), step)
        for event in events
        if (step := _step(event, run)) is not None
    ]


def _step(event: HistoryEvent, run: RunDefaults) -> Step | None:  # noqa: PLR0911 -- a table
    # Markers are left out: core compares patches by itself, and the results of local activities are no commands.
    match event.WhichOneof("attributes"):
        case "activity_task_scheduled_event_attributes":
            scheduled = event.activity_task_scheduled_event_attributes
            return _steps.activity(
                scheduled.activity_type.name,
                scheduled.input.payloads,
                task_queue=scheduled.task_queue.name,
                timeouts=ActivityTimeouts(
                    scheduled.schedule_to_close_timeout,
                    scheduled.schedule_to_start_timeout,
                    scheduled.start_to_close_timeout,
                    scheduled.heartbeat_timeout,
                ),
                retry=scheduled.retry_policy,
                run=run,
            )
        case "activity_task_cancel_requested_event_attributes":
            return Step(StepKind.ACTIVITY_CANCELLATION)
        case "timer_started_event_attributes":
            return _steps.timer(event.timer_started_event_attributes.start_to_fire_timeout)
        case "timer_canceled_event_attributes":
            return Step(StepKind.TIMER_CANCELLATION)
        case "workflow_execution_completed_event_attributes":
            return _steps.completed(event.workflow_execution_completed_event_attributes.result.payloads, run)
        case "workflow_execution_failed_event_attributes":
            return _steps.failed(event.workflow_execution_failed_event_attributes.failure)
        case "workflow_execution_canceled_event_attributes":
            return _steps.ended("cancelled")
        case "workflow_execution_continued_as_new_event_attributes":
            left = event.workflow_execution_continued_as_new_event_attributes
            return _steps.continued(left.workflow_type.name, left.task_queue.name, left.input.payloads, run)
        case "upsert_workflow_search_attributes_event_attributes":
            upserted = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
            if set(upserted) == {_CHANGE_VERSION}:
                return None
            return Step(StepKind.SEARCH_ATTRIBUTES, values=_steps.fields(upserted, run))
        case _:
            return _rare_step(event, run)


def _rare_step(event: HistoryEvent, run: RunDefaults) -> Step | None:
    """Steps that generated processes do not take by themselves; an impl may."""
    match event.WhichOneof("attributes"):
        case "workflow_properties_modified_event_attributes":
            memo = event.workflow_properties_modified_event_attributes.upserted_memo.fields
            return Step(StepKind.MEMO, values=_steps.fields(memo, run))
        case "start_child_workflow_execution_initiated_event_attributes":
            child = event.start_child_workflow_execution_initiated_event_attributes
            return _steps.child_workflow(
                child.workflow_type.name,
                child.input.payloads,
                workflow_id=child.workflow_id,
                task_queue=child.task_queue.name,
                run=run,
            )
        case "signal_external_workflow_execution_initiated_event_attributes":
            signal = event.signal_external_workflow_execution_initiated_event_attributes
            return _steps.signal(
                signal.signal_name, signal.input.payloads, workflow_id=signal.workflow_execution.workflow_id, run=run
            )
        case "request_cancel_external_workflow_execution_initiated_event_attributes":
            return Step(StepKind.EXTERNAL_CANCELLATION)
        case "nexus_operation_scheduled_event_attributes":
            nexus = event.nexus_operation_scheduled_event_attributes
            return _steps.nexus_operation(nexus.endpoint, nexus.service, nexus.operation, nexus.input, run)
        case _:
            return None
