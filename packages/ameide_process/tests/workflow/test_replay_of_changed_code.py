"""A history replays with the code that made it; each wrong edit of that code is told, with event and line."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from ameide_process.replay import described
from ameide_process.replay._replaying import Outcome, replay_stored
from ameide_process.replay._stored_history import StoredHistory
from ameide_process.worker_parts import WorkerParts
from replay_stage import Edited, Recorded
from temporalio.client import WorkflowHistory
from workflow_samples import dispatcher, ledger, mended

Edit = Callable[..., Edited]

RESERVE_LOOP = """        for name in ["lamp", "table"]:
            await self.activities.reserve(reserve(name))
"""
RELEASE = '        await self.activities.release(release("all"))\n'


async def _replay(parts: WorkerParts, *histories: WorkflowHistory) -> Sequence[Outcome]:
    stored = [
        StoredHistory(Path(f"run.{number}.json"), history.workflow_id, history.events)
        for number, history in enumerate(histories, start=1)
    ]
    return await replay_stored(parts, stored)


async def _refusal(parts: WorkerParts, history: WorkflowHistory) -> str:
    (outcome,) = await _replay(parts, history)
    return outcome.refusal


async def _differences(parts: WorkerParts, history: WorkflowHistory) -> list[str]:
    (outcome,) = await _replay(parts, history)
    assert not outcome.refusal
    return [described(difference) for difference in outcome.differences]


async def test_the_code_that_made_a_history_replays_it(recorded: Recorded) -> None:
    (outcome,) = await _replay(dispatcher.PARTS, recorded.dispatched)
    assert (outcome.refusal, outcome.differences) == ("", ())


async def test_every_run_of_a_chain_replays(recorded: Recorded) -> None:
    outcomes = await _replay(ledger.PARTS, *recorded.chain)
    assert [(outcome.refusal, outcome.differences) for outcome in outcomes] == [("", ())] * 2


async def test_a_terminated_run_replays(recorded: Recorded) -> None:
    assert await _differences(dispatcher.PARTS, recorded.terminated) == []


async def test_an_event_that_was_unknown_stays_so_for_a_run_that_met_it_before(recorded: Recorded) -> None:
    assert await _differences(ledger.PARTS, recorded.unknown_event) == []


async def test_swapped_activities_are_refused_with_event_and_line(recorded: Recorded, edited: Edit) -> None:
    swapped = edited((RELEASE, ""), (RESERVE_LOOP, RELEASE + RESERVE_LOOP))
    refusal = await _refusal(swapped.parts, recorded.dispatched)
    assert "ActivityTaskScheduled is activity 'Sample.Reserve'" in refusal
    assert refusal.startswith("nondeterminism: event 6 ")
    assert f"the code comes to activity 'Sample.Release' at {swapped.line('activities.release')}" in refusal
    assert "[TMPRL1100]" in refusal


async def test_a_step_that_is_gone_is_refused_with_the_line_that_came_instead(recorded: Recorded, edited: Edit) -> None:
    gone = edited((RELEASE, ""))
    refusal = await _refusal(gone.parts, recorded.dispatched)
    assert "is activity 'Sample.Release'; the code comes to end 'completed'" in refusal
    assert gone.line("return Result") in refusal


async def test_a_wait_where_there_was_none_is_refused_with_its_line(recorded: Recorded, edited: Edit) -> None:
    waiting = edited((RELEASE, "        await workflow.wait_condition(lambda: False)\n"))
    refusal = await _refusal(waiting.parts, recorded.dispatched)
    assert f"is activity 'Sample.Release'; the code waits at {waiting.line('wait_condition')}" in refusal


async def test_another_end_is_refused(recorded: Recorded, edited: Edit) -> None:
    failing = edited(
        ("        return Result(", '        raise ApplicationError("no")\n        return Result('),
        ("import RawValue\n", "import RawValue\nfrom temporalio.exceptions import ApplicationError\n"),
    )
    refusal = await _refusal(failing.parts, recorded.dispatched)
    assert "WorkflowExecutionCompleted is end 'completed'; the code comes to end 'failed'" in refusal
    assert failing.line("raise Application") in refusal


async def test_a_bug_is_refused_with_its_line(recorded: Recorded, edited: Edit) -> None:
    broken = edited((RELEASE, '        {}["missing"]\n'))
    refusal = await _refusal(broken.parts, recorded.dispatched)
    assert refusal == f"a workflow task failed at {broken.line('missing')}: 'missing'"


@pytest.mark.parametrize(
    "guard", ["if workflow.patched('release-first'):", "if not workflow.patched('release-first'):"]
)
async def test_a_patched_change_passes_where_the_old_path_stays(recorded: Recorded, edited: Edit, guard: str) -> None:
    patched = edited((RESERVE_LOOP, f"        {guard}\n    {RELEASE}{RESERVE_LOOP}"))
    refusal = await _refusal(patched.parts, recorded.dispatched)
    # The history knows no patch, so the old path is the one of the negation.
    assert bool(refusal) == ("not" in guard)


async def test_a_changed_activity_argument_is_told(recorded: Recorded, edited: Edit) -> None:
    changed = edited(('release("all")', 'release("none")'))
    line = changed.line("activities.release")
    key, argument = sorted(await _differences(changed.parts, recorded.dispatched), key=lambda each: "Id" in each)
    assert "argument 1: key.orderId was 'all', is now 'none'" in argument
    assert argument.endswith(line)
    assert "argument 2 was " in key  # the idempotency key, which is a hash of the request


async def test_a_changed_timer_is_told(recorded: Recorded, edited: Edit) -> None:
    changed = edited(("timedelta(hours=1)", "timedelta(hours=2)"))
    (difference,) = await _differences(changed.parts, recorded.dispatched)
    assert "TimerStarted, timer: duration was '3600 s', is now '7200 s'" in difference
    assert difference.endswith(changed.line("await self.until"))


async def test_a_changed_timeout_is_told(recorded: Recorded, edited: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    from ameide_process.workflow import _activity_calls  # noqa: PLC0415 -- what is patched here alone

    shorter = _activity_calls.DEFAULT_START_TO_CLOSE / 2
    monkeypatch.setattr(_activity_calls, "DEFAULT_START_TO_CLOSE", shorter)
    found = await _differences(edited().parts, recorded.dispatched)
    assert len(found) == 3
    assert all("start-to-close timeout was '30 s', is now '15 s'" in difference for difference in found)


async def test_a_changed_result_is_told(recorded: Recorded, edited: Edit) -> None:
    changed = edited(("reason=self.state.cancel_reason)", 'reason="as told")'))
    (difference,) = await _differences(changed.parts, recorded.dispatched)
    assert "WorkflowExecutionCompleted, end 'completed': result: reason was 'done', is now 'as told'" in difference
    assert difference.endswith(changed.line("return Result"))


async def test_a_renamed_field_is_told_even_if_renamed_everywhere(recorded: Recorded, edited: Edit) -> None:
    renamed = edited(
        ("command.reason", "command.cause"),
        ("from workflow_samples.workflow import DEFINITION,", "from workflow_samples.workflow import"),
        ("import Noting\n", "import Noting\nfrom workflow_samples.contract import RENAMED_DEFINITION\n"),
        ("super().__init__(DEFINITION,", "super().__init__(RENAMED_DEFINITION,"),
        ("parts(DispatcherWorkflow, Dispatcher)", "parts(DispatcherWorkflow, Dispatcher, RENAMED_DEFINITION)"),
    )  # fmt: skip
    (difference,) = await _differences(renamed.parts, recorded.dispatched)
    assert "result: reason was 'done', is now unset" in difference


async def test_another_carry_over_is_told_by_its_fields(recorded: Recorded) -> None:
    outcomes = await _replay(mended.PARTS, *recorded.chain)
    assert any(outcome.refusal or outcome.differences for outcome in outcomes)
