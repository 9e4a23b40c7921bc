"""Why something is emitted or called: the event that a handler works on, with the context that it carries."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Protocol

from ameide_core_proto.process.v1.process_runtime_pb2 import FactCause
from temporalio.api.common.v1 import Payload

from ameide_process.trace_context import CORRELATION_ID, TRACEPARENT, TRACESTATE

handled_cause: ContextVar[FactCause | None] = ContextVar("handled_cause", default=None)
"""The event of the handler that the code runs in; tasks that a handler starts inherit it. None outside of handlers."""


class LatestCause(Protocol):
    """Knows what a run goes on for."""

    @property
    def cause(self) -> FactCause | None:
        """The latest event that a handler took."""
        ...


running: ContextVar[LatestCause | None] = ContextVar("running", default=None)
"""The run that the code belongs to."""


handling_observer: ContextVar[Callable[[FactCause, str], None] | None] = ContextVar("handling_observer", default=None)
"""Told of each event and its case before the handler runs, not of duplicates. An interceptor sets it around the run."""


def current_cause() -> FactCause | None:
    """What the code works for: the event of its handler; in `run`, the latest one that a handler took."""
    cause = handled_cause.get()
    if cause is not None:
        return cause
    run = running.get()
    return run.cause if run is not None else None


def cause_of(payload: Payload, event_id: str) -> FactCause:
    """Reads what an event's payload carries.

    Args:
        payload: As the workflow received it.
        event_id: Idempotency key of the event.
    """
    metadata = payload.metadata
    cause = FactCause(event_id=event_id)
    if TRACEPARENT in metadata:
        cause.traceparent = metadata[TRACEPARENT].decode("latin-1")
        if TRACESTATE in metadata:
            cause.tracestate = metadata[TRACESTATE].decode("latin-1")
    if CORRELATION_ID in metadata:
        cause.correlation_id = metadata[CORRELATION_ID].decode("utf-8", errors="replace")
    return cause
