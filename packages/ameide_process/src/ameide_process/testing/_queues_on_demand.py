"""Lets every task queue that a process names have a worker in a test; in production those have workers of their own."""

from collections.abc import Callable
from typing import Any

from temporalio import workflow
from temporalio.worker import (
    Interceptor,
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)
from temporalio.workflow import ActivityHandle

_SERVE = "ameide_serve_task_queue"


class QueuesOnDemand(Interceptor):
    """Says which task queue an activity is sent to, before it is.

    Args:
        serve: Called in the workflow's thread with the name of the queue.
    """

    def __init__(self, serve: Callable[[str], object]) -> None:
        self._serve = serve

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:  # noqa: A002 -- the SDK's name
        """Gives the SDK the interceptor of workflows."""
        untyped: Any = input  # the SDK says nothing of what the functions return
        untyped.unsafe_extern_functions[_SERVE] = self._serve
        return _Inbound


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound))


class _Outbound(WorkflowOutboundInterceptor):
    def start_activity(self, input: StartActivityInput) -> ActivityHandle[Any]:  # noqa: A002 -- the SDK's name
        if input.task_queue:
            untyped: Any = workflow
            untyped.extern_functions()[_SERVE](input.task_queue)
        return super().start_activity(input)
