"""An event that the process cannot take is recorded and dead-lettered, and a version that can take it replays."""

import pytest
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_process.routing import to_payload
from ameide_process.testing import replay, run_histories
from ameide_process.workflow import _engine
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from workflow_samples import ledger, older
from workflow_samples.workflow import logged
from workflow_stage import SampleWorkflow, Stage, end, envelope, payment, shipment

GARBAGE = Payload(metadata={"encoding": b"json/protobuf"}, data=b"{")


async def _reasons(workflow: SampleWorkflow) -> list[str]:
    return [failure.reason for failure in (await workflow.progress()).failures]


async def test_what_is_not_an_event_is_dead_lettered_as_it_came(stage: Stage) -> None:
    workflow = stage.workflow()
    nameless = OrderFulfillmentEvent()
    nameless.payment_authorized.payment_id = "nameless"
    foreign = [
        GARBAGE,
        Payload(metadata={"encoding": b"json/protobuf"}, data=b"{}"),
        Payload(metadata={"encoding": b"binary/encrypted"}, data=b"\x00"),
        to_payload(nameless),
    ]
    async with stage.worker(ledger.PARTS):
        await stage.deliver(workflow.handle.id, [*foreign, to_payload(envelope(payment("a"), "event-a"))])
        await workflow.handled(5)
        assert logged(await workflow.state()) == ["a"]
        assert await _reasons(workflow) == ["undecodable", "unknown-case", "undecodable", "missing-idempotency-key"]
        assert [Payload.FromString(letter.payload) for letter in stage.dead_letters] == foreign
        assert [letter.reason for letter in stage.dead_letters] == await _reasons(workflow)
        assert (await workflow.progress()).counts.rejected == 4


async def test_a_signal_that_the_process_does_not_take_is_dead_lettered(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(payment("a"))
        await workflow.handle.signal("pause")
        await workflow.handle.signal("pause", "for a while")
        await workflow.handled(3)
        assert await _reasons(workflow) == ["unknown-signal", "unknown-signal"]
        assert "'pause'" in (await workflow.progress()).failures[0].message
        assert Payload.FromString(stage.dead_letters[1].payload).data == b'"for a while"'


async def test_events_from_temporals_own_tools_are_taken(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(payment("a"))
        await workflow.handle.signal("event", envelope(payment("b"), "event-b"))
        plain = {"meta": {"idempotency_key": "event-c"}, "paymentAuthorized": {"payment_id": "c", "new": [1]}}
        await workflow.handle.signal("event", plain)
        await workflow.handled(3)
        assert logged(await workflow.state()) == ["a", "b", "c"]


async def test_a_newer_version_replays_what_an_older_one_rejected(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(older.PARTS):
        await workflow.send(payment("a"), shipment("b"), payment("c"), end())
        await workflow.result()
        assert await _reasons(workflow) == ["unknown-case"]
        assert logged(await workflow.state()) == ["a", "c"]
    await replay(ledger.PARTS, await run_histories(stage.client, workflow.handle.id))


async def test_a_run_that_met_a_case_before_its_version_came_goes_on_with_the_newer(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(older.PARTS):
        await workflow.send(payment("a"), shipment("b"))
        await workflow.handled(2)
    async with stage.worker(ledger.PARTS):
        await workflow.send(shipment("c"))
        await workflow.handled(3)
    async with stage.worker(ledger.PARTS):  # with an empty cache: what `b` and `c` met is read from the history
        await workflow.redeliver()
        await workflow.handled(6)
        assert logged(await workflow.state()) == ["a", "c", "b"]
        counts = (await workflow.progress()).counts
        assert (counts.applied, counts.duplicates, counts.rejected) == (3, 2, 1)
        await workflow.send(end())
        await workflow.result()


async def test_many_rejected_events_do_not_fill_the_search_attribute_of_versions(
    eager_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_engine, "REJECTIONS_PER_RUN", 5)
    workflow = eager_stage.workflow()
    async with eager_stage.worker(ledger.PARTS):
        await eager_stage.deliver(workflow.handle.id, [GARBAGE] * 12)
        await workflow.send(payment("a"), end())
        await workflow.result()
        progress = await workflow.progress()
        assert (progress.run_epoch, progress.counts.rejected, progress.counts.applied) == (2, 12, 2)
    assert len(eager_stage.dead_letters) == 12
    for history in await run_histories(eager_stage.client, workflow.handle.id):
        marks = [event for event in history.events if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED]
        assert len(marks) <= 6  # one more for the activation in which the run is left
    await eager_stage.close()  # with the same limit


@pytest.mark.parametrize("size", [1_900_000, 2 * 1024 * 1024 - 60], ids=["of the ingress", "of Temporal"])
async def test_the_largest_event_fits_into_a_dead_letter(stage: Stage, size: int) -> None:
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        large = Payload(metadata={"encoding": b"json/protobuf"}, data=b"{" * size)
        await stage.deliver(workflow.handle.id, [large])
        await workflow.handled(1)
        assert Payload.FromString(stage.dead_letters[0].payload) == large
