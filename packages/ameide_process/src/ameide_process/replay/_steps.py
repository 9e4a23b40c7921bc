"""What a run did, step by step, in one form for the events of a history and the commands of a replay."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, RetryPolicy
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import WorkflowExecutionStartedEventAttributes

from ameide_process.replay._readable_payload import Leaf, Tree, arguments, flattened, readable


class StepKind(StrEnum):
    """Kinds of steps, named as a reader sees them."""

    ACTIVITY = "activity"
    ACTIVITY_CANCELLATION = "cancellation of activity"
    TIMER = "timer"
    TIMER_CANCELLATION = "cancellation of timer"
    CHILD_WORKFLOW = "child workflow"
    SIGNAL = "signal to another workflow"
    EXTERNAL_CANCELLATION = "cancellation of another workflow"
    SEARCH_ATTRIBUTES = "search attributes"
    MEMO = "memo"
    NEXUS_OPERATION = "Nexus operation"
    END = "end"


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        kind: What was done.
        name: Of what: the activity type, the way in which the run ended.
        values: What it was done with, flat: path -> value.
    """

    kind: StepKind
    name: str = ""
    values: Mapping[str, Leaf] = field(default_factory=dict[str, Leaf])

    def __str__(self) -> str:
        return f"{self.kind.value} {self.name!r}" if self.name else self.kind.value


@dataclass(frozen=True)
class RunDefaults:
    """What Temporal's server fills in where a command says nothing."""

    workflow_type: str
    task_queue: str
    run_timeout: timedelta
    state_type: type[Message]
    """For reading a carry-over."""

    @classmethod
    def of(cls, started: WorkflowExecutionStartedEventAttributes, state_type: type[Message]) -> "RunDefaults":
        """The defaults of a run."""
        return cls(
            started.workflow_type.name,
            started.task_queue.name,
            started.workflow_run_timeout.ToTimedelta(),
            state_type,
        )


@dataclass(frozen=True)
class ActivityTimeouts:
    """As a command or an event says them; zero: not said."""

    schedule_to_close: Duration
    schedule_to_start: Duration
    start_to_close: Duration
    heartbeat: Duration

    def filled(self, run_timeout: timedelta) -> dict[str, Leaf]:
        """As the server records them: it fills what is missing and cuts what is too long."""
        close = self.schedule_to_close.ToTimedelta() or run_timeout
        start = self.schedule_to_start.ToTimedelta() or close
        attempt = self.start_to_close.ToTimedelta() or close
        if run_timeout:
            close = min(close, run_timeout)
        if close:
            start, attempt = min(start, close), min(attempt, close)
        heartbeat = self.heartbeat.ToTimedelta()
        return {
            "schedule-to-close timeout": seconds(close),
            "schedule-to-start timeout": seconds(start),
            "start-to-close timeout": seconds(attempt),
            "heartbeat timeout": seconds(min(heartbeat, attempt)),
        }


def activity(
    name: str,
    payloads: Iterable[Payload],
    *,
    task_queue: str,
    timeouts: ActivityTimeouts,
    retry: RetryPolicy,
    run: RunDefaults,
) -> Step:
    """An activity is scheduled. Headers are left out: they carry the trace context, which is another every time."""
    values: Tree = {**arguments(payloads, run.state_type), "task queue": task_queue or run.task_queue}
    return Step(
        StepKind.ACTIVITY, name, {**flattened(values), **timeouts.filled(run.run_timeout), **retry_values(retry)}
    )


def timer(duration: Duration) -> Step:
    """A timer is started."""
    return Step(StepKind.TIMER, "", {"duration": seconds(duration.ToTimedelta())})


def ended(name: str, values: Tree = None) -> Step:
    """The run ends."""
    return Step(StepKind.END, name, flattened(values) if values else {})


def continued(workflow_type: str, task_queue: str, payloads: Iterable[Payload], run: RunDefaults) -> Step:
    """The run continues as new."""
    return ended(
        "continued as new",
        {
            **arguments(payloads, run.state_type),
            "workflow type": workflow_type or run.workflow_type,
            "task queue": task_queue or run.task_queue,
        },
    )


def failed(failure: Failure) -> Step:
    """The run fails. Stack traces are left out: they name lines, which move."""
    return ended("failed", failure_values(failure))


def failure_values(failure: Failure) -> Tree:
    """What a failure says, its causes included."""
    application = failure.application_failure_info
    values: dict[str, Tree] = {"message": failure.message}
    if info := failure.WhichOneof("failure_info"):
        values["kind"] = info.removesuffix("_info").replace("_", " ")
    if failure.HasField("application_failure_info"):
        values |= {"type": application.type, "non-retryable": application.non_retryable}
    if failure.HasField("activity_failure_info"):
        values["activity"] = failure.activity_failure_info.activity_type.name
    if failure.HasField("cause"):
        values["cause"] = failure_values(failure.cause)
    return values


def fields(fields_: Mapping[str, Payload], run: RunDefaults) -> dict[str, Leaf]:
    """Search attributes or memo."""
    return flattened({name: readable(value, run.state_type) for name, value in sorted(fields_.items())})


def retry_values(retry: RetryPolicy) -> dict[str, Leaf]:
    """A retry policy as the server records it."""
    initial = retry.initial_interval.ToTimedelta() or timedelta(seconds=1)
    return {
        "retry: initial interval": seconds(initial),
        "retry: backoff coefficient": retry.backoff_coefficient or 2.0,
        "retry: maximum interval": seconds(retry.maximum_interval.ToTimedelta() or 100 * initial),
        "retry: maximum attempts": retry.maximum_attempts,
        "retry: non-retryable error types": ", ".join(retry.non_retryable_error_types),
    }


def seconds(duration: timedelta) -> str:
    """A duration for a reader."""
    return f"{duration.total_seconds():.6f}".rstrip("0").rstrip(".") + " s"


def completed(payloads: Iterable[Payload], run: RunDefaults) -> Step:
    """The run completes with a result."""
    return ended("completed", {"result": next((readable(each, run.state_type) for each in payloads), None)})


def child_workflow(
    name: str, payloads: Iterable[Payload], *, workflow_id: str, task_queue: str, run: RunDefaults
) -> Step:
    """A child workflow is started."""
    values: Tree = {
        **arguments(payloads, run.state_type),
        "workflow id": workflow_id,
        "task queue": task_queue or run.task_queue,
    }
    return Step(StepKind.CHILD_WORKFLOW, name, flattened(values))


def signal(name: str, payloads: Iterable[Payload], *, workflow_id: str, run: RunDefaults) -> Step:
    """Another workflow is signaled."""
    values: Tree = {**arguments(payloads, run.state_type), "workflow id": workflow_id}
    return Step(StepKind.SIGNAL, name, flattened(values))


def nexus_operation(endpoint: str, service: str, operation: str, payload: Payload, run: RunDefaults) -> Step:
    """A Nexus operation is scheduled."""
    values: Tree = {"argument 1": readable(payload, run.state_type), "endpoint": endpoint, "service": service}
    return Step(StepKind.NEXUS_OPERATION, operation, flattened(values))
