"""The steps that a replay takes: the commands that the workflow gives."""

from collections.abc import Sequence
from dataclasses import dataclass

from temporalio.api.common.v1 import RetryPolicy
from temporalio.bridge.proto.workflow_commands import WorkflowCommand

from ameide_process.replay import _steps
from ameide_process.replay._steps import ActivityTimeouts, RunDefaults, Step, StepKind


@dataclass(frozen=True)
class IssuedCommand:
    """A command with where it came from.

    Attributes:
        command: The command.
        history_length: Events that the workflow task had seen, which tells tasks apart.
        line: `file:line` of the impl; empty where it is not known.
    """

    command: WorkflowCommand
    history_length: int
    line: str = ""


@dataclass(frozen=True)
class ReplayedStep:
    """A step with the line of the impl that took it."""

    step: Step
    line: str = ""


_CANCELS = {
    "cancel_timer": "start_timer",
    "request_cancel_activity": "schedule_activity",
    "request_cancel_local_activity": "schedule_local_activity",
    "cancel_child_workflow_execution": "start_child_workflow_execution",
    "cancel_signal_workflow": "signal_external_workflow_execution",
}
"""Which command takes which one back."""


def replayed_steps(commands: Sequence[IssuedCommand], run: RunDefaults) -> list[ReplayedStep]:
    """The steps of a replay, in order, up to the first that ends the run."""
    steps: list[ReplayedStep] = []
    for issued in _sent(commands):
        step = _step(issued.command, run)
        if step is not None:
            steps.append(ReplayedStep(step, issued.line))
            if step.kind is StepKind.END:
                break
    return steps


def _sent(commands: Sequence[IssuedCommand]) -> list[IssuedCommand]:
    """The commands that reach the server: one that is taken back in its own workflow task does not."""
    unsent: set[int] = set()
    for position, cancelling in enumerate(commands):
        cancelled = _CANCELS.get(_kind(cancelling))
        for earlier in range(position):
            same_task = commands[earlier].history_length == cancelling.history_length
            if same_task and _kind(commands[earlier]) == cancelled and _seq(commands[earlier]) == _seq(cancelling):
                unsent |= {earlier, position}
    return [issued for position, issued in enumerate(commands) if position not in unsent]


def _kind(issued: IssuedCommand) -> str:
    return issued.command.WhichOneof("variant") or ""


def _seq(issued: IssuedCommand) -> int:
    """The number that ties a cancellation to what it cancels."""
    attributes = getattr(issued.command, _kind(issued))
    return int(getattr(attributes, "seq", 0) or getattr(attributes, "child_workflow_seq", 0))


def _step(command: WorkflowCommand, run: RunDefaults) -> Step | None:  # noqa: PLR0911 -- a table
    match command.WhichOneof("variant"):
        case "schedule_activity":
            scheduled = command.schedule_activity
            return _steps.activity(
                scheduled.activity_type,
                scheduled.arguments,
                task_queue=scheduled.task_queue,
                timeouts=ActivityTimeouts(
                    scheduled.schedule_to_close_timeout,
                    scheduled.schedule_to_start_timeout,
                    scheduled.start_to_close_timeout,
                    scheduled.heartbeat_timeout,
                ),
                retry=scheduled.retry_policy if scheduled.HasField("retry_policy") else RetryPolicy(),
                run=run,
            )
        case "request_cancel_activity":
            return Step(StepKind.ACTIVITY_CANCELLATION)
        case "start_timer":
            return _steps.timer(command.start_timer.start_to_fire_timeout)
        case "cancel_timer":
            return Step(StepKind.TIMER_CANCELLATION)
        case "complete_workflow_execution":
            completed = command.complete_workflow_execution
            return _steps.completed([completed.result] if completed.HasField("result") else [], run)
        case "fail_workflow_execution":
            return _steps.failed(command.fail_workflow_execution.failure)
        case "cancel_workflow_execution":
            return _steps.ended("cancelled")
        case "continue_as_new_workflow_execution":
            left = command.continue_as_new_workflow_execution
            return _steps.continued(left.workflow_type, left.task_queue, left.arguments, run)
        case "upsert_workflow_search_attributes":
            upserted = command.upsert_workflow_search_attributes.search_attributes.indexed_fields
            return Step(StepKind.SEARCH_ATTRIBUTES, values=_steps.fields(upserted, run))
        case _:
            return _rare_step(command, run)


def _rare_step(command: WorkflowCommand, run: RunDefaults) -> Step | None:
    """Steps that generated processes do not take by themselves; an impl may."""
    match command.WhichOneof("variant"):
        case "modify_workflow_properties":
            return Step(
                StepKind.MEMO, values=_steps.fields(command.modify_workflow_properties.upserted_memo.fields, run)
            )
        case "start_child_workflow_execution":
            child = command.start_child_workflow_execution
            return _steps.child_workflow(
                child.workflow_type, child.input, workflow_id=child.workflow_id, task_queue=child.task_queue, run=run
            )
        case "signal_external_workflow_execution":
            signal = command.signal_external_workflow_execution
            workflow_id = signal.child_workflow_id or signal.workflow_execution.workflow_id
            return _steps.signal(signal.signal_name, signal.args, workflow_id=workflow_id, run=run)
        case "cancel_child_workflow_execution" | "request_cancel_external_workflow_execution":
            return Step(StepKind.EXTERNAL_CANCELLATION)
        case "schedule_nexus_operation":
            nexus = command.schedule_nexus_operation
            return _steps.nexus_operation(nexus.endpoint, nexus.service, nexus.operation, nexus.input, run)
        case _:
            return None
