"""What comes next in a sprint follows from its dates, whatever they are."""

from datetime import UTC, datetime, timedelta

import pytest
from ameide_core_proto.sprints.timebox.v1.sprint_timebox_pb2 import DailyWindow, SprintPlan, SprintTimeboxStateV1
from hypothesis import given
from hypothesis import strategies as st
from sprint_timebox.schedule_impl import DAY_MINUTES, ENDING_SOON, Due, Step, next_due, next_window, problem_of

MONDAY = datetime(2026, 6, 1, 8, tzinfo=UTC)


def _plan(starts: datetime, ends: datetime, window: DailyWindow, days_off: list[str]) -> SprintPlan:
    plan = SprintPlan(team="blue", daily_window=window, days_off=days_off)
    plan.starts_at.FromDatetime(starts)
    plan.ends_at.FromDatetime(ends)
    return plan


@st.composite
def _plans(draw: st.DrawFn) -> SprintPlan:
    starts = MONDAY + timedelta(minutes=draw(st.integers(0, 60 * DAY_MINUTES)))
    ends = starts + timedelta(minutes=draw(st.integers(1, 30 * DAY_MINUTES)))
    opens = draw(st.integers(0, DAY_MINUTES - 1))
    window = DailyWindow(opens_at_minute=opens, minutes=draw(st.integers(1, DAY_MINUTES - opens)))
    days = st.integers(0, 90).map(lambda day: (MONDAY + timedelta(days=day)).date().isoformat())
    return _plan(starts, ends, window, draw(st.lists(days, max_size=5)))


def _steps(plan: SprintPlan) -> list[Due]:
    """All steps of a sprint whose workflow is never late."""
    state = SprintTimeboxStateV1(plan=plan)
    steps: list[Due] = []
    while not steps or steps[-1].step is not Step.END:
        due = next_due(state)
        steps.append(due)
        match due.step:
            case Step.START:
                state.started_at.FromDatetime(due.at)
            case Step.OPEN_WINDOW:
                window = next_window(state)
                assert window is not None
                state.last_window.FromDatetime(window.opens)
                state.window_closes_at.FromDatetime(window.closes)
            case Step.CLOSE_WINDOW:
                state.ClearField("window_closes_at")
            case Step.ANNOUNCE_END:
                state.ending_soon_of.CopyFrom(plan.ends_at)
            case Step.END:
                pass
    return steps


def _openings(plan: SprintPlan) -> list[datetime]:
    """The windows of a sprint, found by looking at every day."""
    starts, ends = plan.starts_at.ToDatetime(UTC), plan.ends_at.ToDatetime(UTC)
    midnight = starts.replace(hour=0, minute=0)
    days = [midnight + timedelta(days=day) for day in range((ends - midnight).days + 1)]
    return [
        day + timedelta(minutes=plan.daily_window.opens_at_minute)
        for day in days
        if f"{day:%a}" not in {"Sat", "Sun"}
        and f"{day:%Y-%m-%d}" not in plan.days_off
        and starts <= day + timedelta(minutes=plan.daily_window.opens_at_minute) < ends
    ]


@given(_plans())
def test_each_window_opens_once_and_closes_before_anything_opens_again(plan: SprintPlan) -> None:
    assert problem_of(plan) is None
    steps = _steps(plan)
    assert [due.at for due in steps if due.step is Step.OPEN_WINDOW] == _openings(plan)
    moves = [due.step for due in steps if due.step in {Step.OPEN_WINDOW, Step.CLOSE_WINDOW}]
    assert moves == [Step.OPEN_WINDOW, Step.CLOSE_WINDOW] * (len(moves) // 2)


@given(_plans())
def test_a_sprint_starts_first_and_ends_last(plan: SprintPlan) -> None:
    first, *between, last = _steps(plan)
    starts, ends = plan.starts_at.ToDatetime(UTC), plan.ends_at.ToDatetime(UTC)
    assert (first, last) == (Due(starts, Step.START), Due(ends, Step.END))
    assert [due.at for due in between if due.step is Step.ANNOUNCE_END] == [ends - ENDING_SOON]
    timed = [due.at for due in between if due.step is not Step.ANNOUNCE_END]
    assert timed == sorted(timed)
    assert all(starts <= at <= ends for at in timed)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (SprintPlan(), "names no team"),
        (SprintPlan(team="blue"), "has no dates"),
        (_plan(MONDAY, MONDAY, DailyWindow(minutes=15), []), "its end comes after its start"),
        (_plan(MONDAY, MONDAY + timedelta(days=93), DailyWindow(minutes=15), []), "by 92 days at most"),
        (_plan(MONDAY, MONDAY + timedelta(days=9), DailyWindow(), []), "for 0 minutes"),
        (_plan(MONDAY, MONDAY + timedelta(days=9), DailyWindow(opens_at_minute=1430, minutes=11), []), "minute 1430"),
        (_plan(MONDAY, MONDAY + timedelta(days=9), DailyWindow(minutes=15), ["25.12.2026"]), "'25.12.2026' is no date"),
        (_plan(MONDAY, MONDAY + timedelta(days=9), DailyWindow(minutes=15), ["20261225"]), "write it as 2026-12-25"),
    ],
)
def test_a_wrong_plan_is_refused_with_what_to_write(wrong: SprintPlan, said: str) -> None:
    assert said in (problem_of(wrong) or "")
