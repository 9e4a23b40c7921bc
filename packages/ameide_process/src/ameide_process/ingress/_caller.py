"""The calls to Temporal, raw: no interceptors, no retry of the SDK's, which would hide what a failure means."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from ameide_core_proto.process.v1.process_runtime_pb2 import DedupeAnswer, DedupeQuery, EventIdentity
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payloads, WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
    QueryWorkflowRequest,
    SignalWithStartWorkflowExecutionResponse,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ameide_process.contract import DEDUPE_QUERY, ProcessContract
from ameide_process.converter import DATA_CONVERTER
from ameide_process.ingress._budget import History
from ameide_process.ingress._classification import is_unknown_workflow
from ameide_process.ingress._lane import Batch
from ameide_process.ingress._temporal_calls import NoAnswerError
from ameide_process.routing import Route, SignalWithStart, to_payload
from ameide_process.tracing import NO_SPANS, Tracing

_NEVER_SEEN = "WorkflowTaskStarted"
"""In what Temporal answers of a run that was closed before its first workflow task (server 1.32)."""

_converter = DATA_CONVERTER.payload_converter


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Deadlines of calls."""

    signal: timedelta
    query: timedelta


class Caller:
    """See `TemporalCalls`; over a connection to Temporal."""

    def __init__(
        self,
        client: Client,
        contract: ProcessContract,
        *,
        task_queue: str,
        limits: CallLimits,
        tracing: Tracing = NO_SPANS,
    ) -> None:
        """Prepares the calls.

        Args:
            client: Connection to Temporal.
            contract: Of the process.
            task_queue: Where workflows are started.
            limits: Deadlines.
            tracing: Makes the spans of deliveries.
        """
        self._tracing = tracing
        self._service = client.workflow_service
        self._namespace = client.namespace
        self._limits = limits
        self._signal_with_start = SignalWithStart(
            contract, namespace=client.namespace, task_queue=task_queue, identity=client.identity
        )

    async def deliver(self, batch: Batch) -> SignalWithStartWorkflowExecutionResponse:
        """See `TemporalCalls`."""
        payloads = [delivery.payload for delivery in batch.deliveries if delivery.payload is not None]
        start = batch.lane.start
        assert start is not None, "a lane gets its start argument with its first event"  # noqa: S101 - narrows
        request = self._signal_with_start.request(
            batch.lane.workflow_id, start=start, events=payloads, request_id=batch.request_id
        )
        with self._tracing.delivering(payloads, workflow_id=batch.lane.workflow_id) as header:
            if header is not None:
                request.header.CopyFrom(header)
            return await self._service.signal_with_start_workflow_execution(
                request, retry=False, timeout=self._limits.signal
            )

    async def history(self, workflow_id: str) -> History:
        """See `TemporalCalls`."""
        request = DescribeWorkflowExecutionRequest(
            namespace=self._namespace, execution=WorkflowExecution(workflow_id=workflow_id)
        )
        try:
            response = await self._service.describe_workflow_execution(
                request, retry=False, timeout=self._limits.signal
            )
        except RPCError as error:
            if is_unknown_workflow(error):
                return History()
            raise
        info = response.workflow_execution_info
        if info.status != WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING:
            return History()
        return History(
            size=info.history_size_bytes,
            events=info.history_length,
            handled=not response.HasField("pending_workflow_task"),
        )

    async def applied(self, workflow_id: str, run_id: str, routes: Sequence[Route]) -> Sequence[bool]:
        """See `TemporalCalls`."""
        query = DedupeQuery(
            events=[EventIdentity(idempotency_key=each.idempotency_key, payload_case=each.case) for each in routes]
        )
        asked: str | None = run_id
        while asked is not None:
            answer = await self._dedupe(workflow_id, asked, query)
            if answer is not None:
                return answer
            # It applied nothing itself; what it knows, it had from the run before it.
            asked = await self._continued_from(workflow_id, asked)
        return [False] * len(routes)

    async def _dedupe(self, workflow_id: str, run_id: str, query: DedupeQuery) -> Sequence[bool] | None:
        """Asks one run; None where it was closed before a worker had ever seen it, so that none can answer for it.

        Raises:
            NoAnswerError: The run does not answer.
        """
        request = QueryWorkflowRequest(
            namespace=self._namespace,
            execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
            query=WorkflowQuery(query_type=DEDUPE_QUERY, query_args=Payloads(payloads=[to_payload(query)])),
        )
        try:
            response = await self._service.query_workflow(request, retry=False, timeout=self._limits.query)
            answer: DedupeAnswer = _converter.from_payload(response.query_result.payloads[0], DedupeAnswer)
        except RPCError as error:
            if error.status is RPCStatusCode.FAILED_PRECONDITION and _NEVER_SEEN in error.message:
                return None
            raise NoAnswerError(f"{error.status.name}: {error.message}") from error
        except (IndexError, RuntimeError, DecodeError) as error:
            raise NoAnswerError(f"the answer to the query {DEDUPE_QUERY!r} is none: {error}") from error
        if len(answer.applied) != len(query.events):
            raise NoAnswerError(
                f"the query {DEDUPE_QUERY!r} answers for {len(answer.applied)} of {len(query.events)} events"
            )
        return list(answer.applied)

    async def _continued_from(self, workflow_id: str, run_id: str) -> str | None:
        """The run that a run goes on from; None where it is the first.

        Raises:
            NoAnswerError: Temporal does not say.
        """
        request = GetWorkflowExecutionHistoryRequest(
            namespace=self._namespace,
            execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
            maximum_page_size=1,
        )
        try:
            response = await self._service.get_workflow_execution_history(
                request, retry=False, timeout=self._limits.query
            )
        except RPCError as error:
            raise NoAnswerError(f"{error.status.name}: {error.message}") from error
        started = response.history.events[0].workflow_execution_started_event_attributes
        return started.continued_execution_run_id or None

    async def history_retention(self) -> timedelta | None:
        """See `TemporalCalls`."""
        try:
            response = await self._service.describe_namespace(
                DescribeNamespaceRequest(namespace=self._namespace), retry=False, timeout=self._limits.query
            )
        except RPCError:
            return None
        return response.config.workflow_execution_retention_ttl.ToTimedelta() or None
