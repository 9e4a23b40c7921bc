"""One trace from a producer's record through ingress, Temporal and worker to the emitted fact, on real servers."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from ameide_core_proto.process.v1.process_facts_pb2 import ProgressFact
from ameide_core_proto.quotes.approval.v1.quote_approval_pb2 import (
    QUOTE_OUTCOME_APPROVED,
    ApproveQuote,
    Money,
    QuoteKey,
    QuoteSettled,
    SubmitQuote,
)
from ameide_devstack import EmbeddedKafka, Program, TemporalDevServer
from ameide_devstack.testing import wait_until
from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from quote_approval_generated.contract import workflow_id
from quote_approval_generated.testing import Payload, event

KEY = QuoteKey(tenant_id="acme", quote_id="q-1")
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PRODUCER_SPAN = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE_ID}-{PRODUCER_SPAN}-01"
TOPICS = ("commands", "facts", "progress", "dead")


@dataclass
class Span:
    """A span as the collector got it, ids in hex."""

    service: str
    name: str
    span_id: str
    parent_id: str
    trace_id: str


@dataclass
class Collector:
    """An OTLP collector that speaks HTTP."""

    endpoint: str = ""
    spans: list[Span] = field(default_factory=list[Span])

    async def take(self, request: web.Request) -> web.Response:
        """Takes one export."""
        exported = ExportTraceServiceRequest.FromString(await request.read())
        for resource in exported.resource_spans:
            named = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.spans += [
                Span(
                    named["service.name"], span.name, span.span_id.hex(), span.parent_span_id.hex(), span.trace_id.hex()
                )
                for scope in resource.scope_spans
                for span in scope.spans
            ]
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=answer, content_type="application/x-protobuf")


@asynccontextmanager
async def _collecting() -> AsyncGenerator[Collector]:
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    collector.endpoint = "http://{}:{}".format(*runner.addresses[0])
    try:
        yield collector
    finally:
        await runner.cleanup()


@dataclass(frozen=True)
class Deployment:
    """The process on its servers."""

    bootstrap_servers: str
    worker: Program
    ingress: Program

    async def publish(self, payload: Payload, headers: Mapping[str, str]) -> None:
        """Publishes an event, as a producer that traces does."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap_servers)
        await producer.start()
        value = event(KEY, payload, "request-1").SerializeToString()
        sent = [(name, text.encode()) for name, text in headers.items()]
        await producer.send_and_wait("commands", value, key=b"q-1", headers=sent)
        await producer.stop()

    async def records(self, topic: str, count: int) -> list[Any]:
        """The first records of a topic, once there are so many."""
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=self.bootstrap_servers, auto_offset_reset="earliest")
        await consumer.start()
        try:
            async with asyncio.timeout(60):
                return [await consumer.getone() for _ in range(count)]
        finally:
            await consumer.stop()

    @staticmethod
    def log(program: Program) -> list[dict[str, Any]]:
        """The lines that a program has logged."""
        return [json.loads(line) for line in program.log_path.read_text().splitlines() if line.startswith("{")]


@asynccontextmanager
async def _deployed(folder: Path, **variables: str) -> AsyncGenerator[Deployment]:
    async with TemporalDevServer() as temporal, EmbeddedKafka() as kafka:
        for topic in TOPICS:
            await kafka.create_topic(topic)
        broker = {"kind": "kafka", "bootstrapServers": kafka.bootstrap_servers}
        # The embedded broker lets a group wait for half of the session timeout before it assigns partitions.
        source = broker | {"topic": "commands", "sessionTimeoutSeconds": 2}
        outputs = {"dead-letter": "dead", "quotes-facts": "facts", "progress": "progress"}
        (folder / "ingress.json").write_text(json.dumps({"quotes-commands": source}))
        (folder / "outputs.json").write_text(
            json.dumps({name: broker | {"topic": topic} for name, topic in outputs.items()})
        )
        environment = temporal.environment() | {
            "INGRESS_CONFIG": str(folder / "ingress.json"),
            "OUTPUT_CONFIG": str(folder / "outputs.json"),
            **variables,
        }
        async with (
            Program("quote_approval_generated.worker", environment) as worker,
            Program("quote_approval_generated.ingress", environment) as ingress,
        ):
            yield Deployment(kafka.bootstrap_servers, worker, ingress)


async def _approve(deployment: Deployment) -> None:
    """A request with a trace, and an approval of another trace, which settles it."""
    submitted = SubmitQuote(requester="rita", total=Money(currency="EUR", minor_units=1), approvers=["ann"])
    await deployment.publish(submitted, {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01"})
    # Else both might travel in one signal, whose span belongs to the first.
    await deployment.records("progress", 1)
    await deployment.publish(
        ApproveQuote(approver="ann"),
        {"traceparent": TRACEPARENT, "tracestate": "vendor=1", "correlation-id": "order-7"},
    )


def _parsed(record: Any, message: Message) -> Any:
    message.ParseFromString(record.value)
    return message


async def test_a_fact_carries_the_trace_and_correlation_of_the_record_that_it_came_of(tmp_path: Path) -> None:
    async with _deployed(tmp_path) as deployment:
        await _approve(deployment)
        (fact,) = await deployment.records("facts", 1)
        headers = {name: value.decode() for name, value in fact.headers}
        assert _parsed(fact, QuoteSettled()).outcome == QUOTE_OUTCOME_APPROVED
        assert headers["ce_traceparent"] == headers["traceparent"] == TRACEPARENT
        assert headers["ce_tracestate"] == "vendor=1"
        assert headers["ce_correlationid"] == "order-7"
        assert headers["ce_causationid"] == "request-1"
        assert headers["ce_type"] == "quotes.QuoteSettled.v1"
        started = workflow_id(event(KEY, ApproveQuote(), "request-1"))
        assert headers["ce_subject"] == headers["ce_processinstanceid"] == started
        assert fact.key == b"acme/q-1"
        told = [_parsed(record, ProgressFact()) for record in await deployment.records("progress", 2)]
        assert told[0].HasField("run_started")
        sent = [line for line in deployment.log(deployment.worker) if line["event"] == "fact sent"]
        logged = next(line for line in sent if line["event_id"] == headers["ce_id"])
        assert (logged["workflow_id"], logged["outcome"], logged["trace_id"]) == (started, "sent", TRACE_ID)
        assert logged["run_id"]
        # What an activity logs says for which event it works.
        asked = next(line for line in deployment.log(deployment.worker) if line["event"] == "requester told")
        assert (asked["workflow_id"], asked["trace_id"], asked["event_id"]) == (started, TRACE_ID, "request-1")


async def test_the_spans_of_ingress_and_worker_are_one_trace_at_the_collector(tmp_path: Path) -> None:
    async with _collecting() as collector:
        # The SDK waits 5 s for more spans.
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        async with _deployed(tmp_path, **variables) as deployment:
            await _approve(deployment)
            (fact,) = await deployment.records("facts", 1)

            def in_trace() -> dict[str, Span]:
                return {span.name: span for span in collector.spans if span.trace_id == TRACE_ID}

            wanted = {
                "receive quotes-commands",
                "handle approve_quote",
                "deliver ameide_core_proto.quotes.approval.v1.QuoteApprovalWorkflow",
                "StartActivity:QuoteApprovalActivities.NotifyRequester",
                "RunActivity:QuoteApprovalActivities.NotifyRequester",
                "send quotes.QuoteSettled.v1",
            }

            async def complete() -> bool:
                return wanted <= in_trace().keys()

            await wait_until(complete, timeout_s=30)
    spans = in_trace()
    received = spans["receive quotes-commands"]
    delivered = spans["deliver ameide_core_proto.quotes.approval.v1.QuoteApprovalWorkflow"]
    sent = spans["send quotes.QuoteSettled.v1"]
    assert received.parent_id == PRODUCER_SPAN
    assert delivered.parent_id == sent.parent_id == received.span_id
    assert (received.service, sent.service) == ("quote-approval-ingress", "quote-approval-worker")
    # Under the event itself, though the workflow began in another trace.
    assert spans["handle approve_quote"].parent_id == received.span_id
    assert spans["handle approve_quote"].service == "quote-approval-worker"
    started = spans["StartActivity:QuoteApprovalActivities.NotifyRequester"]
    assert started.parent_id == received.span_id
    assert spans["RunActivity:QuoteApprovalActivities.NotifyRequester"].parent_id == started.span_id
    headers = {name: value.decode() for name, value in fact.headers}
    assert headers["ce_traceparent"] == f"00-{TRACE_ID}-{sent.span_id}-01"
    # The request has a trace of its own, which the workflow began in.
    request = {span.name for span in collector.spans if span.trace_id == "1" * 32}
    assert {"RunWorkflow:ameide_core_proto.quotes.approval.v1.QuoteApprovalWorkflow", "handle submit_quote"} <= request
    assert "handle approve_quote" not in request
