"""Continue-As-New loses nothing, doubles nothing, keeps the order and is never held up for ever."""

import asyncio
from collections.abc import Sequence

import pytest
from ameide_core_proto.process.v1.process_runtime_pb2 import CarryOver
from ameide_process.testing import run_histories
from ameide_process.workflow import _engine
from workflow_samples import ledger, plain_waiter, toiler
from workflow_samples.workflow import logged
from workflow_stage import SampleWorkflow, Stage, end, padded, payment, shipment


async def _stream(workflow: SampleWorkflow, sender: str, *, batches: int, batch: int, size: int) -> Sequence[str]:
    """Sends numbered events in batches; the last of each makes its handler call an activity."""
    names = [f"{sender}-{number}" for number in range(batches * batch)]
    for last in range(batch, len(names) + 1, batch):
        notes = [padded(name, size) for name in names[last - batch : last - 1]]
        await workflow.send(*notes, shipment(names[last - 1]))
    return names


async def _streamed(stage: Stage, *, batches: int, batch: int, size: int) -> int:
    """Lets three senders stream events at a process that toils; returns how often it continued as new."""
    workflow = stage.workflow()
    async with stage.worker(toiler.PARTS):
        sent = await asyncio.gather(
            *(_stream(workflow, sender, batches=batches, batch=batch, size=size) for sender in "abc")
        )
        await workflow.send(end())
        await workflow.result()
        state = await workflow.state()
        progress = await workflow.progress()
    noted = logged(state)
    for names in sent:
        sender = names[0][0]
        assert [name for name in noted if name.startswith(sender)] == names
    total = sum(map(len, sent))
    counts = progress.counts
    assert (counts.applied, counts.duplicates, counts.failed, counts.late) == (total + 1, 0, 0, 0)
    assert stage.dead_letters == []
    assert len(stage.activities.effects()) == len(stage.activities.calls) == 3 * batches + total // toiler.SHARE
    return progress.run_epoch


async def test_a_stream_crosses_many_runs_in_order_and_once(eager_stage: Stage) -> None:
    assert await _streamed(eager_stage, batches=20, batch=20, size=0) >= 3


async def test_a_stream_crosses_the_suggestions_of_an_untuned_server(stage: Stage) -> None:
    """Temporal suggests at 4 MB of history; these are three times as much."""
    assert await _streamed(stage, batches=10, batch=250, size=1500) >= 1


async def test_the_dedupe_window_crosses_runs(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(*(payment(f"p-{number}") for number in range(100)))
        for epoch in (1, 2):
            await workflow.continue_as_new()
            await workflow.continued(epoch)
            await workflow.redeliver()
            counts = await workflow.handled(100 * (epoch + 1))
            assert (counts.applied, counts.duplicates) == (100, 100 * epoch)


async def test_an_activity_that_run_awaits_is_not_executed_twice(stage: Stage) -> None:
    held = stage.activities.hold("reserve")
    workflow = stage.workflow()
    async with stage.worker(toiler.PARTS):
        await workflow.send(*(payment(f"p-{number}") for number in range(toiler.SHARE)))
        await stage.activities.attempted("reserve")
        await workflow.continue_as_new()
        await workflow.send(payment("behind"))
        await workflow.handled(toiler.SHARE + 1)  # beside `run`, whose activity may take days
        assert (await workflow.progress()).run_epoch == 0
        held.set()
        await workflow.continued()
        await workflow.send(end())
        await workflow.result()
        assert stage.activities.called("reserve") == 1


async def test_handlers_wait_for_a_busy_run_when_leaving_is_overdue(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_engine, "OVERDUE_EVENTS", 0)
    held = stage.activities.hold("reserve")
    workflow = stage.workflow()
    async with stage.worker(toiler.PARTS):
        await workflow.send(*(payment(f"p-{number}") for number in range(toiler.SHARE)))
        await stage.activities.attempted("reserve")
        await workflow.continue_as_new()
        await workflow.send(payment("behind"))
        assert (await workflow.progress()).pending == 1
        held.set()
        await workflow.continued()
        await workflow.handled(toiler.SHARE + 1)


async def test_a_handler_that_awaits_an_activity_is_waited_for(stage: Stage) -> None:
    held = stage.activities.hold("reserve")
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(shipment("s-1"), payment("behind"))
        await stage.activities.attempted("reserve")
        await workflow.continue_as_new()
        assert (await workflow.progress()).pending == 1
        held.set()
        await workflow.continued()
        await workflow.handled(2)
        assert logged(await workflow.state()) == ["s-1", "behind"]
        assert stage.activities.called("reserve") == 1


async def test_waiting_events_over_a_megabyte_are_handled_first(stage: Stage) -> None:
    held = stage.activities.hold("reserve")
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(shipment("s-1"))
        await stage.activities.attempted("reserve")
        await workflow.continue_as_new()
        for name in "abcd":
            await workflow.send(padded(name, 500_000))
        held.set()
        await workflow.continued()
        await workflow.handled(5)
        assert logged(await workflow.state()) == ["s-1", *"abcd"]
    carried = await _carried(stage, workflow)
    assert 1 <= len(carried.pending) <= 2


async def test_what_waits_is_carried_beside_a_large_state(stage: Stage) -> None:
    held = stage.activities.hold("reserve")
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(payment("x" * 1_400_000), shipment("s-1"))
        await stage.activities.attempted("reserve")
        await workflow.continue_as_new()
        for name in "abcd":
            await workflow.send(padded(name, 240_000))
        held.set()
        await workflow.continued()
        await workflow.handled(6)
        assert logged(await workflow.state())[1:] == ["s-1", *"abcd"]
    assert len((await _carried(stage, workflow)).pending) == 2


async def _carried(stage: Stage, workflow: SampleWorkflow) -> CarryOver:
    """What the first run handed to the second."""
    first = (await run_histories(stage.client, workflow.handle.id))[0]
    (argument,) = first.events[-1].workflow_execution_continued_as_new_event_attributes.input.payloads
    return CarryOver.FromString(argument.data)


async def test_a_plain_wait_for_a_queued_event_does_not_wedge(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(plain_waiter.PARTS):
        await workflow.send(payment("a"))
        await workflow.handled(1)
        await workflow.continue_as_new()
        await workflow.send(payment("b"))
        await workflow.send(payment("c"))
        await workflow.result()
        assert (await workflow.progress()).counts.applied == 3
