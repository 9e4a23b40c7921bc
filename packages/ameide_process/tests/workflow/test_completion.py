"""A process that ends loses no event that it acknowledged."""

import itertools

import pytest
from ameide_process.workflow import _event_pump
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from workflow_samples import ledger, plain_waiter
from workflow_samples.workflow import logged
from workflow_stage import Stage, end, envelope, keys, payment, shipment


async def test_every_undelivered_event_is_dead_lettered_as_late(stage: Stage) -> None:
    held = stage.activities.hold("reserve")
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(end(), shipment("blocks"))
        await stage.activities.attempted("reserve")
        for _ in range(3):
            await workflow.send(*(payment(str(number)) for number in range(500)))
        held.set()
        await workflow.result()
        counts = (await workflow.progress()).counts
        assert (counts.applied, counts.late) == (2, 1500)
        assert stage.late() == keys(workflow.sent[2:])


async def test_events_that_arrive_while_the_inbox_is_drained_are_late_too(stage: Stage) -> None:
    held = stage.activities.hold("dead_letter")
    workflow = stage.workflow()
    async with stage.worker(plain_waiter.PARTS):
        await workflow.send(*(payment(name) for name in "abc"), shipment("d"), payment("e"))
        await stage.activities.attempted("dead_letter")
        for name in "fghi":
            await workflow.send(payment(name))
        held.set()
        await workflow.result()
        counts = (await workflow.progress()).counts
        assert (counts.applied, counts.late) == (4, 5)
        assert stage.late() == keys(workflow.sent[4:])


async def test_a_handler_that_awaits_an_activity_when_run_returns_is_waited_for(stage: Stage) -> None:
    held = stage.activities.hold("reserve")
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(end(), shipment("a"))
        await stage.activities.attempted("reserve")
        held.set()
        await workflow.result()
        assert logged(await workflow.state()) == ["a"]
        assert stage.dead_letters == []


async def test_a_process_that_fails_with_a_full_inbox_loses_none(stage: Stage) -> None:
    held = stage.activities.hold("reserve")
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(end("fail"), shipment("blocks"), payment("a"), payment("b"))
        await stage.activities.attempted("reserve")
        held.set()
        with pytest.raises(WorkflowFailureError) as failure:
            await workflow.result()
        assert isinstance(failure.value.cause, ApplicationError)
        assert failure.value.cause.message == "told to fail"
        assert len(stage.late()) == 2


async def test_an_event_that_was_applied_before_is_a_duplicate_and_not_late(stage: Stage) -> None:
    held = stage.activities.hold("reserve")
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(payment("a"), payment("b"), end(), shipment("blocks"))
        await stage.activities.attempted("reserve")
        await workflow.redeliver()
        await workflow.send(payment("c"))
        held.set()
        await workflow.result()
        counts = (await workflow.progress()).counts
        assert (counts.applied, counts.duplicates, counts.late) == (4, 4, 1)
        assert stage.late() == keys(workflow.sent[-1:])


async def test_the_end_waits_for_a_dead_letter_stream_that_is_away(stage: Stage) -> None:
    stage.activities.fail("dead_letter", ApplicationError("the stream is away"), times=3)
    workflow = stage.workflow()
    async with stage.worker(plain_waiter.PARTS):
        await workflow.send(*(payment(name) for name in "abc"), shipment("d"), payment("e"))
        await workflow.result()
        assert stage.late() == keys(workflow.sent[-1:])
        assert stage.activities.called("dead_letter") == 4


async def test_events_handed_over_at_once_wait_for_the_stream_too(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_event_pump, "LATE_ROUNDS", 0)
    stage.activities.fail("dead_letter", ApplicationError("the stream is away"))
    workflow = stage.workflow()
    async with stage.worker(plain_waiter.PARTS):
        await workflow.send(*(payment(name) for name in "abc"), shipment("d"), payment("e"))
        await workflow.result()
        assert (await workflow.progress()).counts.late == 1
        assert stage.late() == keys(workflow.sent[-1:])
        assert stage.activities.called("dead_letter") == 2
    await stage.close()  # replays while the constant is what it was


async def test_hundreds_of_waiting_events_are_applied_or_late_after_many_runs(eager_stage: Stage) -> None:
    """The end stands in the middle of what three senders have sent; handlers before it call activities."""
    workflow = eager_stage.workflow()
    senders = {sender: [f"{sender}-{number}" for number in range(400)] for sender in "abc"}
    for first in range(0, 400, 20):
        for sender, names in senders.items():
            *notes, last = names[first : first + 20]
            signal = [*(envelope(payment(name), name) for name in notes), envelope(shipment(last), last)]
            if (sender, first) == ("b", 240):
                signal.insert(10, envelope(end(), "end"))
            await workflow.send_events(*signal)
    async with eager_stage.worker(ledger.PARTS):
        await workflow.result()
        noted = logged(await workflow.state())
        progress = await workflow.progress()
    assert progress.run_epoch >= 1
    assert (progress.counts.applied, progress.counts.late) == (len(noted) + 1, 1200 - len(noted))
    assert len(eager_stage.late()) >= 400
    everything = noted + eager_stage.late()
    for sender, names in senders.items():
        assert [name for name in everything if name.startswith(sender)] == names


async def test_a_process_that_ends_under_a_stream_does_end_and_loses_none(stage: Stage) -> None:
    """Each time that the dead-letter activity is done, the next event waits; the last ones are handed over at once."""
    workflow = stage.workflow()
    acknowledged: list[str] = []

    async def stream() -> None:
        for number in itertools.count():
            batch = [end()] if number == 10 else [shipment(str(number)), payment(str(number))]
            await workflow.send(*batch)
            acknowledged.extend(keys(workflow.sent[-len(batch) :]))

    async with stage.worker(ledger.PARTS):
        with pytest.raises(RPCError) as refusal:
            await stream()
        assert refusal.value.status is RPCStatusCode.ALREADY_EXISTS
        counts = (await workflow.progress()).counts
        assert counts.applied + counts.late == len(acknowledged)
        assert stage.late() == acknowledged[counts.applied :]
