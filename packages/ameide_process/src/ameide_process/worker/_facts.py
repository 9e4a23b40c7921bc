"""The activity that sends facts: each becomes a CloudEvent in its stream, or a dead letter that says why it did not."""

import asyncio
from collections.abc import Mapping
from datetime import UTC

import structlog
from ameide_core_proto.process.v1.process_runtime_pb2 import (
    OutgoingFact,
    RefusedFact,
    SendFactsRequest,
    SendFactsResponse,
)
from prometheus_client import CollectorRegistry, Counter
from temporalio import activity

from ameide_process.contract import ProcessContract
from ameide_process.outputs import (
    FACT_REFUSED,
    DeadLetterPublisher,
    DeadLetterRecord,
    FactPublisher,
    FactRecord,
    OutputTooLargeError,
    OutputUnavailableError,
)
from ameide_process.trace_context import trace_id
from ameide_process.tracing import NO_SPANS, Tracing
from ameide_process.workflow import PROGRESS_STREAM

_log = structlog.get_logger(__name__)


class FactWriter:
    """Sends what workflows emit."""

    def __init__(
        self,
        contract: ProcessContract,
        streams: Mapping[str, FactPublisher],
        dead_letters: DeadLetterPublisher,
        registry: CollectorRegistry,
        tracing: Tracing = NO_SPANS,
    ) -> None:
        """Prepares the writer.

        Args:
            contract: Of the process.
            streams: By logical output: those of the contract, and `progress` where it is bound.
            dead_letters: Takes what a stream refuses for good.
            registry: Takes the count of facts; once.
            tracing: Makes the spans.
        """
        self._contract = contract
        self._streams = streams
        self._dead_letters = dead_letters
        self._tracing = tracing
        self._ended = Counter(
            "ameide_worker_facts",
            "Emitted facts by stream and end: sent, refused (dead-lettered), or unbound (progress, dropped).",
            ["stream", "outcome"],
            registry=registry,
        )
        # There from the beginning: an alert on a rate misses the first of what appears with it.
        for stream in streams:
            for outcome in ("sent", "refused"):
                self._ended.labels(stream, outcome)

    async def send(self, request: SendFactsRequest) -> SendFactsResponse:
        """Sends facts together, started in their order; returns once each has come to its end.

        A retry sends all of them again, under the same ids: at least once, like everything on the way.

        Raises:
            OutputError: A stream, or the dead-letter stream, does not take a fact now; Temporal retries the activity.
        """
        info = activity.info()
        ends = await asyncio.gather(
            *(
                self._send(fact, info.workflow_id or "", info.workflow_run_id or "", request.process_run_id)
                for fact in request.facts
            ),
            return_exceptions=True,
        )
        # All have ended, so that a retry does not meet its predecessor.
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return SendFactsResponse(refused=[end for end in ends if isinstance(end, RefusedFact)])

    async def _send(self, fact: OutgoingFact, workflow_id: str, run_id: str, process_run_id: str) -> RefusedFact | None:
        log = _log.bind(
            workflow_id=workflow_id,
            run_id=run_id,
            event_id=fact.id,
            type=fact.type,
            stream=fact.stream,
            trace_id=trace_id(fact.cause.traceparent),
        )
        stream = self._streams.get(fact.stream)
        if stream is None:
            if fact.stream != PROGRESS_STREAM:
                msg = f"no output {fact.stream} is bound; bind it in OUTPUT_CONFIG, a fact waits for it"
                raise OutputUnavailableError(msg)
            # Bound when the run began, and unbound since: nobody wants these any more.
            self._ended.labels(fact.stream, "unbound").inc()
            log.info("fact dropped", outcome="unbound")
            return None
        record = self._record(fact, workflow_id, process_run_id)
        try:
            with self._tracing.sending(record) as traced:
                await stream.publish(traced)
        except OutputTooLargeError as error:
            await self._dead_letter(stream, record, run_id, str(error))
            self._ended.labels(fact.stream, "refused").inc()
            log.error("fact refused", outcome="refused", reason=str(error))
            return RefusedFact(id=fact.id, type=fact.type, message=str(error))
        self._ended.labels(fact.stream, "sent").inc()
        log.info("fact sent", outcome="sent")
        return None

    def _record(self, fact: OutgoingFact, workflow_id: str, process_run_id: str) -> FactRecord:
        return FactRecord(
            data=fact.data,
            id=fact.id,
            type=fact.type,
            time=fact.time.ToDatetime(UTC),
            partition_key=fact.partition_key,
            process=self._contract.name,
            workflow_id=workflow_id,
            process_run_id=process_run_id,
            run_epoch=fact.run_epoch,
            seq=fact.seq,
            data_schema=fact.data_schema,
            traceparent=fact.cause.traceparent,
            tracestate=fact.cause.tracestate,
            correlation_id=fact.cause.correlation_id,
            causation_id=fact.cause.event_id,
        )

    async def _dead_letter(self, stream: FactPublisher, fact: FactRecord, run_id: str, message: str) -> None:
        record = stream.record(fact)
        await self._dead_letters.publish(
            DeadLetterRecord(
                value=record.value,
                reason=FACT_REFUSED,
                message=message,
                process=self._contract.name,
                key=record.key,
                headers=record.headers,
                workflow_id=fact.workflow_id,
                run_id=run_id,
            )
        )
