"""Carries the context of an event from the workflow into its activities, by Temporal headers and without spans."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Any, cast

import structlog
from ameide_core_proto.process.v1.process_runtime_pb2 import FactCause
from temporalio import activity
from temporalio.api.common.v1 import Payload
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)
from temporalio.workflow import ActivityHandle

from ameide_process.trace_context import (
    CAUSATION_ID,
    CORRELATION_ID,
    TRACE_HEADER,
    TRACEPARENT,
    TRACESTATE,
    json_payload,
    trace_id,
)
from ameide_process.workflow import current_cause

_carried: ContextVar[Mapping[str, str]] = ContextVar("carried")


def carried_headers() -> Mapping[str, str]:
    """What an activity sends along with its own calls: `traceparent`, `tracestate`, `correlation-id`, `causation-id`.

    Returns:
        Headers by name, those that are known; empty outside of activities.
    """
    return _carried.get({})


class Causes(Interceptor):
    """Puts the context of what a workflow works on into its calls, and that of a call into the logs of its activity."""

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002 -- the SDK's name
    ) -> type[WorkflowInboundInterceptor] | None:
        """The half that runs in workflows."""
        return CarryingWorkflow

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 -- the SDK's name
        """The half that runs around activities."""
        return _CarryingActivity(next)


class CarryingWorkflow(WorkflowInboundInterceptor):
    """Watches what the workflow calls."""

    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        """Joins the chain."""
        super().init(_Calls(outbound, self))

    def within(self, cause: FactCause) -> AbstractContextManager[object]:
        """Entered while an activity is scheduled for a cause."""
        del cause
        return nullcontext()


class _Calls(WorkflowOutboundInterceptor):
    def __init__(self, next: WorkflowOutboundInterceptor, root: CarryingWorkflow) -> None:  # noqa: A002 -- the SDK's name
        super().__init__(next)
        self._root = root

    def start_activity(self, input: StartActivityInput) -> ActivityHandle[Any]:  # noqa: A002 -- the SDK's name
        cause = current_cause()
        if cause is None:
            return super().start_activity(input)
        input.headers = {**input.headers, **_headers(cause)}
        with self._root.within(cause):
            return super().start_activity(input)


def _headers(cause: FactCause) -> Mapping[str, Payload]:
    headers = {CAUSATION_ID: json_payload(cause.event_id)}
    if cause.correlation_id:
        headers[CORRELATION_ID] = json_payload(cause.correlation_id)
    if cause.traceparent:
        traced = {TRACEPARENT: cause.traceparent}
        if cause.tracestate:
            traced[TRACESTATE] = cause.tracestate
        headers[TRACE_HEADER] = json_payload(traced)
    return headers


class _CarryingActivity(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 -- the SDK's name
        info = activity.info()
        carried = _read(input.headers)
        _carried.set(carried)
        # Of this attempt alone: each runs in a task of its own.
        structlog.contextvars.bind_contextvars(
            workflow_id=info.workflow_id,
            run_id=info.workflow_run_id,
            activity=info.activity_type,
            **{
                name: value
                for name, value in (
                    ("event_id", carried.get(CAUSATION_ID)),
                    ("correlation_id", carried.get(CORRELATION_ID)),
                    ("trace_id", trace_id(carried.get(TRACEPARENT, ""))),
                )
                if value
            },
        )
        return await super().execute_activity(input)


def _read(headers: Mapping[str, Payload]) -> Mapping[str, str]:
    carried: dict[str, str] = {}
    for name in (CORRELATION_ID, CAUSATION_ID):
        if name in headers:
            carried[name] = str(json.loads(headers[name].data))
    if TRACE_HEADER in headers:
        traced = cast("Mapping[str, str]", json.loads(headers[TRACE_HEADER].data))
        carried.update({name: traced[name] for name in (TRACEPARENT, TRACESTATE) if name in traced})
    return carried
