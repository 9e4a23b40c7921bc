"""A process tells its progress where somebody has bound an output to it, and replays the same wherever that changes."""

import pytest
from ameide_core_proto.process.v1.process_facts_pb2 import ProgressFact
from ameide_process.testing import run_histories
from ameide_process.workflow import SEND_FACTS_ACTIVITY
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError
from workflow_samples import herald, ledger
from workflow_stage import SampleWorkflow, Stage, end, instruction, payment


def _told(stage: Stage) -> list[ProgressFact]:
    return [ProgressFact.FromString(fact.data) for fact in stage.facts if fact.stream == "progress"]


def _steps(stage: Stage) -> list[str]:
    """What was told: the step, and the phase of a phase."""
    return [f"{fact.WhichOneof('step')} {fact.phase_entered.phase_key}".strip() for fact in _told(stage)]


async def _activities(stage: Stage, workflow: SampleWorkflow) -> int:
    return sum(
        event.activity_task_scheduled_event_attributes.activity_type.name == SEND_FACTS_ACTIVITY
        for history in await run_histories(stage.client, workflow.handle.id)
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    )


async def test_a_run_is_told_from_start_to_end_in_one_activity(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS, tells_progress=True):
        await workflow.send(payment("a"), end())
        await workflow.result()
    assert _steps(stage) == ["run_started", "phase_entered open", "phase_entered closed", "run_completed"]
    assert await _activities(stage, workflow) == 1
    run_id = (await run_histories(stage.client, workflow.handle.id))[0].run_id
    for number, (fact, told) in enumerate(zip(stage.facts, _told(stage), strict=True), start=1):
        assert told.process_definition_id == "sample"
        assert told.process_instance_id == workflow.handle.id
        assert told.process_run_id == run_id
        assert (told.seq, told.run_epoch) == (fact.seq, fact.run_epoch) == (number, 0)
    assert [fact.type for fact in stage.facts] == [
        "ameide.process.RunStarted.v1",
        "ameide.process.PhaseEntered.v1",
        "ameide.process.PhaseEntered.v1",
        "ameide.process.RunCompleted.v1",
    ]
    assert len({fact.id for fact in stage.facts}) == 4


async def test_what_a_process_waits_for_and_what_blocks_it_is_told(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(herald.PARTS, tells_progress=True):
        await workflow.send(instruction("await"), instruction("block"), end())
        await workflow.result()
    told = {fact.WhichOneof("step"): fact for fact in _told(stage)}
    assert (told["awaiting"].awaiting.kind, told["awaiting"].awaiting.ref) == ("payment", "p-1")
    assert told["blocked"].blocked.reason == "nobody is there"


@pytest.mark.parametrize(
    ("last", "step"),
    [(end("fail"), "run_failed"), (instruction("fail-process"), "run_failed"), (None, "run_cancelled")],
    ids=["run", "handler", "cancelled"],
)
async def test_every_end_is_told_once(stage: Stage, last: object, step: str) -> None:
    workflow = stage.workflow()
    async with stage.worker(herald.PARTS, tells_progress=True):
        await workflow.send(payment("a"))
        await workflow.reached("open")
        if last is None:
            await workflow.cancel()
        else:
            await workflow.send(last)  # type: ignore[arg-type]
        with pytest.raises(WorkflowFailureError):
            await workflow.result()
    ends = {"run_completed", "run_failed", "run_cancelled"}
    assert [told for told in _steps(stage) if told in ends] == [step]
    assert _steps(stage)[-1] == step


async def test_continue_as_new_goes_on_where_it_was(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(herald.PARTS, tells_progress=True):
        await workflow.send(payment("a"))
        await workflow.reached("open")
        await workflow.continue_as_new()
        await workflow.continued(1)
        await workflow.send(end())
        await workflow.result()
    assert _steps(stage) == [
        "run_started",
        "phase_entered starting",
        "phase_entered open",
        "phase_entered closed",
        "run_completed",
    ]
    assert [fact.seq for fact in _told(stage)] == [1, 2, 3, 4, 5]
    assert {fact.process_run_id for fact in _told(stage)} == {_told(stage)[0].process_run_id}
    assert _told(stage)[-1].run_epoch == 1


async def test_nothing_is_told_where_nothing_is_bound(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(payment("a"), instruction("fail"), end())
        await workflow.result()
    assert await _activities(stage, workflow) == 0


async def test_a_run_goes_on_as_it_began_when_progress_is_bound_meanwhile(stage: Stage) -> None:
    """The stage replays each run in the end, on a worker where nothing is bound."""
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS):
        await workflow.send(payment("a"))
        await workflow.reached("open")
    async with stage.worker(ledger.PARTS, tells_progress=True):  # with an empty cache: it replays
        await workflow.send(payment("b"))
        await workflow.handled(2)
        assert await _activities(stage, workflow) == 0
        await workflow.continue_as_new()
        await workflow.continued(1)
        await workflow.send(end())
        await workflow.result()
    assert _steps(stage) == ["run_started", "phase_entered closed", "run_completed"]


async def test_a_run_goes_on_as_it_began_when_progress_is_bound_no_more(stage: Stage) -> None:
    workflow = stage.workflow()
    async with stage.worker(ledger.PARTS, tells_progress=True):
        await workflow.send(payment("a"))
        await workflow.reached("open")
        await stage.activities.attempted("send_facts")
    async with stage.worker(ledger.PARTS):
        await workflow.send(payment("b"))
        await workflow.handled(2)
        await workflow.send(end())
        await workflow.result()
    assert _steps(stage) == ["run_started", "phase_entered open", "phase_entered closed", "run_completed"]
