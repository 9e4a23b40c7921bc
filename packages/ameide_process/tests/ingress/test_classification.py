"""Every way in which a call fails, as a real server words it, and what it means."""

import pytest
from ameide_process.ingress._backoff import BACKOFF
from ameide_process.ingress._classification import Verdict, classify
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from temporalio.api.common.v1 import GrpcStatus
from temporalio.api.enums.v1 import ResourceExhaustedCause
from temporalio.api.errordetails.v1 import (
    NamespaceNotFoundFailure,
    ResourceExhaustedFailure,
    WorkflowExecutionAlreadyStartedFailure,
)
from temporalio.service import RPCError, RPCStatusCode


def error(status: RPCStatusCode, message: str = "", *details: Message) -> RPCError:
    packed: list[Any] = []
    for detail in details:
        packed.append(Any())
        packed[-1].Pack(detail)
    raw = GrpcStatus(code=status.value, message=message, details=packed).SerializeToString()
    return RPCError(message, status, raw)


def exhausted(cause: str) -> ResourceExhaustedFailure:
    return ResourceExhaustedFailure(cause=ResourceExhaustedCause.Value(f"RESOURCE_EXHAUSTED_CAUSE_{cause}"))


CLOSED = WorkflowExecutionAlreadyStartedFailure(start_request_id="x", run_id="run-1")
BUSY = "workflow operation can not be applied because workflow is closing"
LARGE = "grpc: received message after decompression larger than max 4194304"


@pytest.mark.parametrize(
    ("failure", "verdict"),
    [
        # Provoked at a dev server.
        (error(RPCStatusCode.RESOURCE_EXHAUSTED, BUSY, exhausted("BUSY_WORKFLOW")), Verdict.BUSY),
        (
            error(RPCStatusCode.RESOURCE_EXHAUSTED, "namespace rate limit exceeded", exhausted("RPS_LIMIT")),
            Verdict.THROTTLED,
        ),
        (
            error(RPCStatusCode.RESOURCE_EXHAUSTED, "Max QPS Reached.", exhausted("PERSISTENCE_LIMIT")),
            Verdict.THROTTLED,
        ),
        (error(RPCStatusCode.RESOURCE_EXHAUSTED, LARGE), Verdict.TOO_LARGE),
        (
            error(RPCStatusCode.INVALID_ARGUMENT, "exceeded workflow execution limit for signal events"),
            Verdict.SIGNAL_LIMIT,
        ),
        (error(RPCStatusCode.INVALID_ARGUMENT, "Workflow history size exceeds limit."), Verdict.RUN_ENDED_BY_SERVER),
        (error(RPCStatusCode.INVALID_ARGUMENT, "Workflow history count exceeds limit."), Verdict.RUN_ENDED_BY_SERVER),
        (error(RPCStatusCode.INVALID_ARGUMENT, "Blob data size exceeds limit."), Verdict.TOO_LARGE),
        (
            error(RPCStatusCode.NOT_FOUND, "Namespace x is not found.", NamespaceNotFoundFailure(namespace="x")),
            Verdict.SERVICE,
        ),
        (error(RPCStatusCode.ALREADY_EXISTS, "Workflow execution already finished.", CLOSED), Verdict.CLOSED),
        (error(RPCStatusCode.UNAVAILABLE, "tcp connect error"), Verdict.SERVICE),
        (error(RPCStatusCode.CANCELLED, "h2 protocol error: http2 error"), Verdict.SERVICE),
        # At the full server, with TLS and tokens.
        (error(RPCStatusCode.PERMISSION_DENIED, "Request unauthorized."), Verdict.SERVICE),
        (error(RPCStatusCode.UNKNOWN, "transport error"), Verdict.SERVICE),
        # What we do not know is never taken for poison.
        (error(RPCStatusCode.INVALID_ARGUMENT, "something new"), Verdict.UNKNOWN),
        (error(RPCStatusCode.NOT_FOUND, "something else"), Verdict.UNKNOWN),
        (error(RPCStatusCode.ALREADY_EXISTS, "something else"), Verdict.UNKNOWN),
        (error(RPCStatusCode.RESOURCE_EXHAUSTED, "something new"), Verdict.THROTTLED),
        (error(RPCStatusCode.RESOURCE_EXHAUSTED, "x", exhausted("UNSPECIFIED")), Verdict.THROTTLED),
    ],
    ids=lambda value: value.message if isinstance(value, RPCError) else None,
)
def test_means(failure: RPCError, verdict: Verdict):
    assert classify(failure).verdict is verdict


@pytest.mark.parametrize("status", [each for each in RPCStatusCode if each is not RPCStatusCode.OK])
def test_every_status_means_something(status: RPCStatusCode):
    assert classify(error(status)).verdict in Verdict


@pytest.mark.parametrize("cause", [each for each in ResourceExhaustedCause.values() if each != 5])
def test_every_other_cause_is_throttling(cause: ResourceExhaustedCause.ValueType):
    assert classify(error(RPCStatusCode.RESOURCE_EXHAUSTED, "x", ResourceExhaustedFailure(cause=cause))).verdict is (
        Verdict.THROTTLED
    )


def test_a_closed_workflow_is_named_by_its_run():
    assert classify(error(RPCStatusCode.ALREADY_EXISTS, "x", CLOSED)).run_id == "run-1"


def test_garbage_from_a_proxy_is_no_crash():
    broken = RPCError("x", RPCStatusCode.RESOURCE_EXHAUSTED, b"\xff\xff\xff")
    assert classify(broken).verdict is Verdict.THROTTLED


def test_every_verdict_has_its_backoff():
    assert set(BACKOFF) == set(Verdict)
