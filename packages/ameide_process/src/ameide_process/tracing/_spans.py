"""Spans by the OpenTelemetry SDK, sent to an OTLP collector.

The calls of the ingress are raw and pass no interceptor, so its spans are made here; those of workflows and activities
by the Temporal SDK's own interceptor. Nothing global is set: two programs may live in one interpreter, in tests.
"""

import asyncio
import contextlib
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import structlog
from ameide_core_proto.process.v1.process_runtime_pb2 import FactCause
from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from temporalio.api.common.v1 import Header, Payload
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.contrib.opentelemetry.workflow import completed_span
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from ameide_process.configuration import TracingSettings
from ameide_process.contract import ProcessContract
from ameide_process.outputs import FactRecord
from ameide_process.routing import Route
from ameide_process.trace_context import TRACEPARENT, TRACESTATE, header_of
from ameide_process.tracing._carrying import CarryingWorkflow, Causes
from ameide_process.tracing._tracing import Tracing
from ameide_process.workflow import handling_observer

CLOSING_SECONDS = 5.0
"""That the last spans get at a stop; a collector that is away must not hold it up."""

_propagator = TraceContextTextMapPropagator()
_log = structlog.get_logger(__name__)


class SpanTracing(Tracing):
    """Makes a span at each station."""

    def __init__(self, settings: TracingSettings, contract: ProcessContract, *, program: str) -> None:
        """Begins to send spans; see `open_tracing`.

        The exporter reads the standard variables for endpoint, headers, certificates and timeouts; the SDK those for
        sampling, batching and limits.
        """
        named = {SERVICE_NAME: settings.service_name or f"{contract.name}-{program}"}
        # Resource.create lets OTEL_RESOURCE_ATTRIBUTES decide where both say something.
        resource = Resource.create({SERVICE_VERSION: contract.api_version}).merge(Resource(named))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(_exporter(settings)))
        self._tracer = self._provider.get_tracer("ameide_process")
        self._workflow_type = contract.workflow_type
        _log.info("tracing", protocol=settings.protocol)

    def received(self, carried: Mapping[str, bytes], *, subscription: str, route: Route) -> Mapping[str, bytes]:
        """A span of its own, without duration: reading an event takes none."""
        span = self._tracer.start_span(
            f"receive {subscription}",
            _context({name: carried[name].decode("latin-1") for name in (TRACEPARENT, TRACESTATE) if name in carried}),
            kind=SpanKind.CONSUMER,
            attributes={
                "temporalWorkflowID": route.workflow_id,
                "ameide.event.id": route.idempotency_key,
                "ameide.event.case": route.case,
            },
        )
        span.end()
        return {**carried, **{name: value.encode() for name, value in _carrier(span).items()}}

    @contextlib.contextmanager
    def delivering(self, events: Sequence[Payload], *, workflow_id: str) -> Generator[Header | None]:
        """A span for the call: child of its first event, linked to the others."""
        contexts = [_context(_traced(event)) for event in events]
        others = [get_current_span(context).get_span_context() for context in contexts[1:]]
        with self._span(
            f"deliver {self._workflow_type}",
            contexts[0],
            SpanKind.CLIENT,
            {"temporalWorkflowID": workflow_id, "ameide.events": len(events)},
            links=[Link(other) for other in others if other.is_valid],
        ) as span:
            yield header_of(events[0], _carrier(span))

    @contextlib.contextmanager
    def sending(self, fact: FactRecord) -> Generator[FactRecord]:
        """A span under that of the event which the fact came of."""
        traced = {TRACEPARENT: fact.traceparent, TRACESTATE: fact.tracestate}
        with self._span(
            f"send {fact.type}",
            _context(traced) if fact.traceparent else otel_context.get_current(),
            SpanKind.PRODUCER,
            {
                "temporalWorkflowID": fact.workflow_id,
                "cloudevents.event_id": fact.id,
                "cloudevents.event_type": fact.type,
            },
        ) as span:
            carrier = _carrier(span)
            yield replace(fact, traceparent=carrier.get(TRACEPARENT, ""), tracestate=carrier.get(TRACESTATE, ""))

    def interceptors(self) -> Sequence[Interceptor]:
        """The SDK's, and around its calls the context of what the workflow works on."""
        return (TracingInterceptor(self._tracer), _TracedCauses())

    async def close(self) -> None:
        """Sends what is left, within `CLOSING_SECONDS`."""
        try:
            await asyncio.wait_for(asyncio.to_thread(self._provider.shutdown), CLOSING_SECONDS)
        except TimeoutError:
            _log.warning("the collector did not take the last spans", seconds=CLOSING_SECONDS)

    @contextlib.contextmanager
    def _span(
        self,
        name: str,
        context: Context,
        kind: SpanKind,
        attributes: Mapping[str, str | int],
        links: Sequence[Link] = (),
    ) -> Generator[Span]:
        with self._tracer.start_as_current_span(
            name, context, kind=kind, attributes=attributes, links=links, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except Exception as error:
                span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
                raise


class _TracedCauses(Causes):
    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002 -- the SDK's name
    ) -> type[WorkflowInboundInterceptor] | None:
        return _TracedWorkflow


class _TracedWorkflow(CarryingWorkflow):
    """Lets the spans of an event hang under its own, and not under that which started the workflow.

    A span tells that the event is handled. The SDK's `HandleSignal` stays in the trace that the workflow began in, and
    is linked to that of the signal, which may carry many events.
    """

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002 -- the SDK's name
        handling_observer.set(self._handled)
        return await super().execute_workflow(input)

    def _handled(self, cause: FactCause, case: str) -> None:
        with self.within(cause):
            completed_span(f"handle {case}", attributes={"ameide.event.id": cause.event_id})

    def within(self, cause: FactCause) -> AbstractContextManager[object]:
        if not cause.traceparent:
            return contextlib.nullcontext()
        return _attached({TRACEPARENT: cause.traceparent, TRACESTATE: cause.tracestate})


@contextlib.contextmanager
def _attached(carrier: Mapping[str, str]) -> Generator[None]:
    # Into the current context: the interceptor keeps itself there.
    token = otel_context.attach(_propagator.extract(carrier, otel_context.get_current()))
    try:
        yield
    finally:
        otel_context.detach(token)


def _exporter(settings: TracingSettings) -> SpanExporter:
    # One of them: the other's libraries need not be loaded.
    match settings.protocol:
        case "grpc":
            from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 -- see above
        case "http/protobuf":
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 -- see above
    return OTLPSpanExporter()


def _traced(event: Payload) -> dict[str, str]:
    return {
        name: event.metadata[name].decode("latin-1") for name in (TRACEPARENT, TRACESTATE) if name in event.metadata
    }


def _context(carrier: Mapping[str, str]) -> Context:
    return _propagator.extract(carrier, Context())


def _carrier(span: Span) -> dict[str, str]:
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, set_span_in_context(span, Context()))
    return carrier
