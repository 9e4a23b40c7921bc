"""What an error of a Signal-With-Start call means for the call, its key and the service.

Told by details and message, not by the status alone: INVALID_ARGUMENT alone stands for a full workflow, a dead one, a
large blob and our own mistakes. The table is what a real server answers (Temporal server 1.3x, dev server; each row
was provoked).
"""

from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from temporalio.api.enums.v1 import ResourceExhaustedCause
from temporalio.api.errordetails.v1 import (
    NamespaceNotFoundFailure,
    NotFoundFailure,
    ResourceExhaustedFailure,
    WorkflowExecutionAlreadyStartedFailure,
)
from temporalio.service import RPCError, RPCStatusCode

DetailT = TypeVar("DetailT", bound=Message)


class Verdict(Enum):
    """What to do about a failed call."""

    SERVICE = "service"
    """Temporal is away, refuses us or our namespace: nobody's call can succeed. Retry; pause when it lasts."""
    THROTTLED = "throttled"
    """Temporal asks for fewer calls. Slow down; retry."""
    BUSY = "busy"
    """The workflow is continuing as new. Retry this key soon; the others flow."""
    SIGNAL_LIMIT = "signal-limit"
    """The workflow has taken as many signals as a run may. Park the key until it has continued as new."""
    OVER_BUDGET = "over-budget"
    """Nothing was sent: the workflow's history has grown so long that the server might end it. Park the key until a
    worker has shortened it."""
    RUN_ENDED_BY_SERVER = "run-ended-by-server"
    """The workflow's history outgrew the server's limit, and the server ended it with this very call. What it had
    acknowledged and not applied is lost there: alert, and park the key. The next call finds it closed."""
    CLOSED = "closed"
    """The workflow is closed and its id may not be used again: the event is late."""
    TOO_LARGE = "too-large"
    """The call is larger than the server takes. Send fewer events at once; one alone is a dead letter."""
    UNKNOWN = "unknown"
    """We do not know what it means. Park the key; never a dead letter."""


@dataclass(frozen=True, slots=True)
class CallFailure:
    """A failed call, told apart."""

    verdict: Verdict
    reason: str
    """For people."""
    run_id: str = ""
    """Of a closed workflow: its latest run."""


_INVALID_ARGUMENT_MESSAGES = (
    # The server gives these no details; the texts stand in its sources, service/history/consts and common/util.
    ("exceeded workflow execution limit for signal events", Verdict.SIGNAL_LIMIT),
    ("Workflow history size exceeds limit", Verdict.RUN_ENDED_BY_SERVER),
    ("Workflow history count exceeds limit", Verdict.RUN_ENDED_BY_SERVER),
    ("Blob data size exceeds limit", Verdict.TOO_LARGE),
)

_RESOURCE_EXHAUSTED_MESSAGES = (
    # gRPC's own refusal, without details, while overload always has them.
    ("received message larger than max", Verdict.TOO_LARGE),
    ("received message after decompression larger than max", Verdict.TOO_LARGE),
    ("trying to send message larger than max", Verdict.TOO_LARGE),
)

_BY_STATUS = {
    RPCStatusCode.CANCELLED: Verdict.SERVICE,  # a deadline within the client, a missing client certificate
    RPCStatusCode.UNKNOWN: Verdict.SERVICE,  # a foreign certificate, plain text towards TLS
    RPCStatusCode.INVALID_ARGUMENT: Verdict.UNKNOWN,
    RPCStatusCode.DEADLINE_EXCEEDED: Verdict.SERVICE,
    RPCStatusCode.NOT_FOUND: Verdict.UNKNOWN,  # the namespace has details, and is told apart before
    RPCStatusCode.ALREADY_EXISTS: Verdict.UNKNOWN,  # the closed workflow has details, and is told apart before
    RPCStatusCode.PERMISSION_DENIED: Verdict.SERVICE,
    RPCStatusCode.RESOURCE_EXHAUSTED: Verdict.THROTTLED,
    RPCStatusCode.FAILED_PRECONDITION: Verdict.SERVICE,  # the namespace is deprecated, or active in another cluster
    RPCStatusCode.ABORTED: Verdict.SERVICE,
    RPCStatusCode.OUT_OF_RANGE: Verdict.UNKNOWN,
    RPCStatusCode.UNIMPLEMENTED: Verdict.SERVICE,
    RPCStatusCode.INTERNAL: Verdict.SERVICE,
    RPCStatusCode.UNAVAILABLE: Verdict.SERVICE,
    RPCStatusCode.DATA_LOSS: Verdict.UNKNOWN,
    RPCStatusCode.UNAUTHENTICATED: Verdict.SERVICE,
}


def classify(error: RPCError) -> CallFailure:
    """Tells what a failed Signal-With-Start call means."""
    reason = f"{error.status.name}: {error.message}"
    match error.status:
        case RPCStatusCode.ALREADY_EXISTS:
            closed = _detail(error, WorkflowExecutionAlreadyStartedFailure)
            if closed is not None:
                return CallFailure(Verdict.CLOSED, reason, run_id=closed.run_id)
        case RPCStatusCode.NOT_FOUND if _detail(error, NamespaceNotFoundFailure) is not None:
            return CallFailure(Verdict.SERVICE, reason)
        case RPCStatusCode.RESOURCE_EXHAUSTED:
            exhausted = _detail(error, ResourceExhaustedFailure)
            if exhausted is None:
                return CallFailure(_by_message(error, _RESOURCE_EXHAUSTED_MESSAGES), reason)
            if exhausted.cause == ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW:
                return CallFailure(Verdict.BUSY, reason)
        case RPCStatusCode.INVALID_ARGUMENT:
            return CallFailure(_by_message(error, _INVALID_ARGUMENT_MESSAGES), reason)
        case _:
            pass
    return CallFailure(_BY_STATUS[error.status], reason)


def is_unknown_workflow(error: RPCError) -> bool:
    """Tells whether a failed call means that there is no workflow of that id."""
    return error.status is RPCStatusCode.NOT_FOUND and _detail(error, NotFoundFailure) is not None


def _by_message(error: RPCError, table: tuple[tuple[str, Verdict], ...]) -> Verdict:
    for text, verdict in table:
        if text in error.message:
            return verdict
    return _BY_STATUS[error.status]


def _detail(error: RPCError, kind: type[DetailT]) -> DetailT | None:
    try:
        for detail in error.grpc_status.details:
            message = kind()
            if detail.Unpack(message):
                return message
    except DecodeError:
        # A proxy's answer, not Temporal's.
        return None
    return None
