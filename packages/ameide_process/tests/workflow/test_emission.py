"""What a process emits leaves it at least once under one id, in order, together, and before the process ends."""

import pytest
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import PaymentAuthorized, ShipmentCreated
from ameide_core_proto.process.v1.process_runtime_pb2 import RefusedFact, SendFactsResponse
from ameide_process.routing import to_payload
from ameide_process.testing import run_histories
from ameide_process.worker import create_worker
from ameide_process.workflow import SEND_FACTS_ACTIVITY, _engine, _outbox
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus
from workflow_samples import herald, ledger
from workflow_stage import SampleWorkflow, Stage, end, envelope, instruction, padded, payment

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def _shipped(order: str, name: str) -> ShipmentCreated:
    return ShipmentCreated(order_id=order, shipment_id=name)


def _payments(stage: Stage) -> list[str]:
    return [PaymentAuthorized.FromString(fact.data).payment_id for fact in stage.facts if fact.stream == "payments"]


async def _sent_in_activities(stage: Stage, workflow: SampleWorkflow) -> int:
    return sum(
        event.activity_task_scheduled_event_attributes.activity_type.name == SEND_FACTS_ACTIVITY
        for history in await run_histories(stage.client, workflow.handle.id)
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    )


async def test_facts_that_come_together_travel_together_and_in_order(stage: Stage) -> None:
    workflow = stage.workflow()
    names = [f"p-{number}" for number in range(40)]
    async with stage.worker(herald.PARTS):
        await workflow.send(*map(payment, names))
        await workflow.handled(40)
        await workflow.send(end())
        await workflow.result()
    assert _payments(stage) == names
    assert await _sent_in_activities(stage, workflow) == 2  # the last one is the shipment


async def test_a_fact_says_what_it_is_and_why(stage: Stage) -> None:
    workflow = stage.workflow()
    traced = to_payload(envelope(_shipped("o/1", "s-1"), "event-a"))
    traced.metadata["traceparent"] = TRACEPARENT.encode()
    traced.metadata["tracestate"] = b"a=1"
    traced.metadata["correlation-id"] = b"c-1"
    async with stage.worker(herald.PARTS):
        await stage.deliver(workflow.handle.id, [traced])
        await workflow.handled(1)
        await workflow.send(payment("p-1"), end("x"))
        await workflow.result()
    shipped, paid, last = sorted(stage.facts, key=lambda fact: fact.seq)
    assert (shipped.stream, shipped.type, shipped.data_schema) == (
        "shipments",
        "sample.Shipped.v1",
        "https://example.com/shipped",
    )
    assert shipped.id == "sample.Shipped.v1/o%2F1/s-1"
    assert shipped.partition_key == "o/1"
    assert ShipmentCreated.FromString(shipped.data).shipment_id == "s-1"
    cause = shipped.cause
    assert (cause.event_id, cause.traceparent, cause.tracestate, cause.correlation_id) == (
        "event-a",
        TRACEPARENT,
        "a=1",
        "c-1",
    )
    assert (len(paid.id), paid.partition_key, paid.cause.traceparent) == (32, workflow.handle.id, "")
    # `run` goes on for the latest event.
    assert last.cause.event_id == stage_keys(workflow)[-1]
    assert last.id == "sample.Shipped.v1/o%2F1/end%20x"


def stage_keys(workflow: SampleWorkflow) -> list[str]:
    """Idempotency keys of what was sent."""
    return [event.meta.idempotency_key for event in workflow.sent]  # type: ignore[attr-defined]


async def test_a_process_ends_only_when_its_facts_are_out(stage: Stage) -> None:
    workflow = stage.workflow()
    held = stage.activities.hold("send_facts")
    async with stage.worker(herald.PARTS):
        await workflow.send(end())
        await stage.activities.attempted("send_facts")
        await workflow.reached("closed")
        assert (await workflow.progress()).unsent_facts == 1
        await workflow.send(payment("late"))
        assert (await workflow.handle.describe()).status is WorkflowExecutionStatus.RUNNING
        held.set()
        await workflow.result()
    assert [fact.type for fact in stage.facts] == ["sample.Shipped.v1"]
    assert len(stage.late()) == 1


async def test_a_stream_that_is_away_holds_up_no_other_and_gets_its_facts_when_it_is_back(stage: Stage) -> None:
    workflow = stage.workflow()
    stage.activities.fail("send_facts", RuntimeError("the stream is away"), times=2)
    async with stage.worker(herald.PARTS):
        await workflow.send(payment("p-1"))
        await stage.activities.attempted("send_facts")
        await workflow.send(payment("p-2"), _shipped("o-1", "s-1"))
        await workflow.handled(3)
        await workflow.send(end())
        await workflow.result()
    assert _payments(stage) == ["p-1", "p-2"]
    assert len({fact.id for fact in stage.facts}) == len(stage.facts) == 4


async def test_what_is_not_sent_crosses_continue_as_new_under_its_id(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_engine, "LEAVING_PATIENCE", _outbox.PROGRESS_DELAY)
    workflow = stage.workflow()
    held = stage.activities.hold("send_facts")
    async with stage.worker(herald.PARTS):
        await workflow.send(payment("p-1"))
        await stage.activities.attempted("send_facts")
        await workflow.send(payment("p-2"))
        await workflow.handled(2)
        await workflow.continue_as_new()
        await workflow.continued(1)
        assert (await workflow.progress()).unsent_facts == 2
        held.set()
        await workflow.send(payment("p-3"), end())
        await workflow.result()
        sent = stage.facts
    assert list(dict.fromkeys(_payments(stage))) == ["p-1", "p-2", "p-3"]
    by_id = {fact.id: PaymentAuthorized.FromString(fact.data).payment_id for fact in sent if fact.stream == "payments"}
    assert sorted(by_id.values()) == ["p-1", "p-2", "p-3"]
    assert {fact.seq: fact.run_epoch for fact in sent} == {1: 0, 2: 0, 3: 1, 4: 1}
    await stage.close()  # with the same patience


async def test_a_run_that_continues_as_new_sends_first(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(herald.PARTS):
        await workflow.send(payment("p-1"))
        await workflow.continue_as_new()
        await workflow.continued(1)
        await workflow.send(end())
        await workflow.result()
    assert _payments(stage) == ["p-1"]


async def test_no_handler_starts_while_too_much_is_unsent(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_outbox, "FULL_BYTES", 30_000)
    workflow = stage.workflow()
    held = stage.activities.hold("send_facts")
    async with stage.worker(herald.PARTS):
        await workflow.send(*(padded(f"p-{number}", 10_000) for number in range(10)))
        await workflow.handled(3)
        await stage.activities.attempted("send_facts")
        progress = await workflow.progress()
        assert (progress.counts.applied, progress.pending, progress.unsent_facts) == (3, 7, 3)
        held.set()
        await workflow.handled(10)
        await workflow.send(end())
        await workflow.result()
        assert _payments(stage) == [f"p-{number}" for number in range(10)]
    await stage.close()  # with the same limit


async def test_a_refused_fact_is_recorded_and_the_process_goes_on(stage: Stage) -> None:
    workflow = stage.workflow()
    refusal = RefusedFact(id="i-1", type="sample.Paid.v1", message="a record of 9 bytes is refused")
    stage.activities.answer("send_facts", SendFactsResponse(refused=[refusal]))
    async with stage.worker(herald.PARTS):
        await workflow.send(payment("p-1"), end())
        await workflow.result()
        failures = (await workflow.progress()).failures
    assert {failure.reason for failure in failures} == {"fact-refused"}
    assert sorted(failure.message for failure in failures) == [
        f"{stream} refused sample.Paid.v1 'i-1': a record of 9 bytes is refused" for stream in ("payments", "shipments")
    ]


async def test_a_fact_that_temporal_would_not_take_fails_its_handler(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(herald.PARTS):
        await workflow.send(instruction("too-large"), end())
        await workflow.result()
        assert "1000005 bytes" in (await workflow.progress()).failures[0].message


@pytest.mark.parametrize(
    ("instructed", "said"),
    [("keyless", "shipment_id of an emitted"), ("undeclared", "sample does not emit ameide_core_proto")],
)
async def test_a_fact_that_cannot_be_named_is_a_bug_to_mend(stage: Stage, instructed: str, said: str) -> None:
    workflow = stage.workflow()
    async with stage.worker(herald.PARTS):
        await workflow.send(instruction(instructed))
        assert said in await _task_failure(workflow)


async def _task_failure(workflow: SampleWorkflow) -> str:
    """Waits for a workflow task that fails; returns why."""
    async for event in workflow.handle.fetch_history_events(wait_new_event=True):
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            return event.workflow_task_failed_event_attributes.failure.message
    raise AssertionError("the workflow has ended")


async def test_a_process_that_emits_nothing_calls_nothing(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(payment("p-1"), end())
        await workflow.result()
    assert await _sent_in_activities(stage, workflow) == 0


async def test_a_worker_that_could_not_send_is_refused(stage: Stage) -> None:
    with pytest.raises(ValueError, match="sample emits facts; give its worker send_facts"):
        create_worker(stage.client, herald.PARTS, task_queue="q", dead_letter=stage.take_dead_letters)
