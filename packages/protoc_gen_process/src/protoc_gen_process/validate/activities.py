"""Resolves the activities: the rpcs of the file's one service."""

from protoc_gen_process.model import Activity, ActivityService
from protoc_gen_process.parse.declarations import DeclaredActivityOptions, DeclaredRpc, DeclaredService, Given
from protoc_gen_process.policies import DEFAULT_START_TO_CLOSE
from protoc_gen_process.python_names import escaped, snake_case
from protoc_gen_process.rules import Rule
from protoc_gen_process.validate.durations import check_duration
from protoc_gen_process.validate.identity import temporal_name
from protoc_gen_process.validate.retry import check_retry
from protoc_gen_process.validate.scope import Scope, message_type

_SUFFIX = "Activities"

_TAKEN_METHODS = frozenset(
    {
        # Attributes of the runtime's ActivityCalls, from which the typed calls derive.
        *("execute", "in_flight"),
        # Attributes of the runtime's ActivityRecorder, which stands for the implementation in tests.
        *("answer", "called", "calls", "effects", "fail", "implementation", "requests"),
        # Names that the generated module uses where it defines a method or a constant of the method's name.
        *("abc", "activity", "registrations"),
    }
)
"""Python names that an rpc's method does not get; it gets an underscore appended."""


def check_service(scope: Scope) -> ActivityService | None:
    """Checks the services of the file; returns the activities service, None where there is none."""
    for service in scope.file.services:
        if not service.name.endswith(_SUFFIX):
            scope.refuse(
                Rule.SERVICE_NAME,
                service.place,
                f"service {service.name} is in a process's file, but its name does not end in {_SUFFIX}",
                f"rename it to {service.name.removesuffix('Service')}{_SUFFIX}, or move it to another file",
            )
    services = [service for service in scope.file.services if service.name.endswith(_SUFFIX)]
    if len(services) > 1:
        scope.refuse(
            Rule.SERVICE_AMBIGUOUS,
            services[1].place,
            f"{services[0].name} and {services[1].name} both declare activities",
            "declare all activities of the process in one service",
        )
    if not services:
        return None
    service = services[0]
    return ActivityService(service.name, _activities(scope, service), service.docs)


def _activities(scope: Scope, service: DeclaredService) -> tuple[Activity, ...]:
    activities: list[Activity] = []
    by_method: dict[str, DeclaredRpc] = {}
    for rpc in service.rpcs:
        if rpc.is_streaming:
            scope.refuse(
                Rule.RPC_STREAMING,
                rpc.place,
                f"rpc {rpc.name} streams, and an activity has one argument and one result",
                "remove the word stream",
            )
        if rpc.name.startswith("_"):
            scope.refuse(
                Rule.RPC_NAME_PRIVATE,
                rpc.place,
                f"rpc {rpc.name} would be a private method of the activities",
                "begin its name with a letter",
            )
        method = _method(rpc.name)
        other = by_method.setdefault(method, rpc)
        if other is not rpc:
            scope.refuse(
                Rule.RPC_NAMES_CLASH,
                rpc.place,
                f"rpcs {other.name} and {rpc.name} are both {method} in Python",
                "rename one of them",
            )
        activities.append(_activity(scope, service, rpc, method))
    return tuple(activities)


def _method(rpc: str) -> str:
    name = snake_case(rpc)
    return f"{name}_" if name in _TAKEN_METHODS else escaped(name)


def _activity(scope: Scope, service: DeclaredService, rpc: DeclaredRpc, method: str) -> Activity:
    options = rpc.activity or DeclaredActivityOptions(rpc.place, None, None, None, None, None)
    start_to_close = check_duration(scope, f"start_to_close of {rpc.name}", options.start_to_close)
    schedule_to_close = check_duration(scope, f"schedule_to_close of {rpc.name}", options.schedule_to_close)
    heartbeat = check_duration(scope, f"heartbeat of {rpc.name}", options.heartbeat)
    if options.start_to_close is None and options.schedule_to_close is None:
        start_to_close = DEFAULT_START_TO_CLOSE
    if start_to_close and schedule_to_close and start_to_close > schedule_to_close and options.start_to_close:
        scope.refuse(
            Rule.TIMEOUTS_CONTRADICT,
            options.start_to_close.place,
            f"start_to_close of {rpc.name} is longer than its schedule_to_close, so it is never reached",
            "shorten it, or leave it out",
        )
    longest = start_to_close or schedule_to_close
    if options.heartbeat is not None and heartbeat and longest and heartbeat > longest:
        scope.refuse(
            Rule.TIMEOUTS_CONTRADICT,
            options.heartbeat.place,
            f"heartbeat of {rpc.name} is longer than an attempt may take, so it is never reached",
            f"write at most {longest.total_seconds():g} s, or a longer start_to_close",
        )
    return Activity(
        rpc=rpc.name,
        method=method,
        type_name=f"{service.name}.{rpc.name}",
        request=message_type(scope.message(rpc.request)),
        response=message_type(scope.message(rpc.response)),
        start_to_close=start_to_close,
        schedule_to_close=schedule_to_close,
        heartbeat=heartbeat,
        retry=check_retry(scope, rpc.name, options.retry_policy) if options.retry_policy is not None else None,
        task_queue=_task_queue(scope, rpc, options.task_queue),
        docs=rpc.docs,
    )


def _task_queue(scope: Scope, rpc: DeclaredRpc, given: Given[str] | None) -> str | None:
    queue = temporal_name(
        scope,
        "task_queue",
        given,
        missing=None,
        invalid=Rule.ACTIVITY_TASK_QUEUE_INVALID,
        example="gpu-activities",
    )
    default = scope.process.default_task_queue
    if given is not None and default is not None and given.value == default.value:
        scope.refuse(
            Rule.ACTIVITY_TASK_QUEUE_REDUNDANT,
            given.place,
            f"task_queue of {rpc.name} is the workflow's, written out, so it would not follow TEMPORAL_TASK_QUEUE",
            "leave it out",
        )
    return queue
