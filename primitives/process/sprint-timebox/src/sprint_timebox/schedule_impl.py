"""What a sprint does next, and when: computed of its dates and of what is done, never remembered."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum

from ameide_core_proto.sprints.timebox.v1.sprint_timebox_pb2 import SprintPlan, SprintTimeboxStateV1

ENDING_SOON = timedelta(hours=24)
"""Before its end, a team is told that the sprint ends soon."""

LONGEST_SPRINT = timedelta(days=92)
"""A quarter; more is a mistake in the dates."""

DAY_MINUTES = 24 * 60

SATURDAY = 5
"""In `date.weekday()`, where the week begins on Monday with 0."""


class Step(IntEnum):
    """What a sprint can do next; of steps due at one time the lower comes first."""

    START = 0
    CLOSE_WINDOW = 1
    ANNOUNCE_END = 2
    OPEN_WINDOW = 3
    END = 4


@dataclass(frozen=True, order=True)
class Due:
    """A step and its time, UTC."""

    at: datetime
    step: Step


@dataclass(frozen=True)
class Window:
    """A daily window, UTC."""

    opens: datetime
    closes: datetime


def next_due(state: SprintTimeboxStateV1) -> Due:
    """Returns what comes next in a sprint that is planned; its time may have passed."""
    plan = state.plan
    if not state.HasField("started_at"):
        return Due(plan.starts_at.ToDatetime(UTC), Step.START)
    ends = plan.ends_at.ToDatetime(UTC)
    dues = [Due(ends, Step.END)]
    if state.HasField("window_closes_at"):
        dues.append(Due(min(state.window_closes_at.ToDatetime(UTC), ends), Step.CLOSE_WINDOW))
    if state.ending_soon_of != plan.ends_at:
        dues.append(Due(ends - ENDING_SOON, Step.ANNOUNCE_END))
    window = next_window(state)
    if window is not None:
        dues.append(Due(window.opens, Step.OPEN_WINDOW))
    return min(dues)


def next_window(state: SprintTimeboxStateV1) -> Window | None:
    """Returns the first window after the last one that was opened or missed; None when the sprint has no more.

    A window belongs to the sprint when it opens within it; the end of the sprint closes it.
    """
    plan = state.plan
    starts, ends = plan.starts_at.ToDatetime(UTC), plan.ends_at.ToDatetime(UTC)
    day = starts.date()
    if state.HasField("last_window"):
        day = max(day, state.last_window.ToDatetime(UTC).date() + timedelta(days=1))
    while day <= ends.date():
        opens = datetime.combine(day, time(tzinfo=UTC)) + timedelta(minutes=plan.daily_window.opens_at_minute)
        if starts <= opens < ends and is_working_day(plan, day):
            return Window(opens, min(opens + timedelta(minutes=plan.daily_window.minutes), ends))
        day += timedelta(days=1)
    return None


def is_working_day(plan: SprintPlan, day: date) -> bool:
    """Whether a day has a window: Monday to Friday, and not off."""
    return day.weekday() < SATURDAY and day.isoformat() not in plan.days_off


def problem_of(plan: SprintPlan) -> str | None:
    """Returns why no sprint can follow a plan; None when one can."""
    if not plan.team:
        return "the plan names no team; set team"
    if not plan.HasField("starts_at") or not plan.HasField("ends_at"):
        return "the plan has no dates; set starts_at and ends_at"
    starts, ends = plan.starts_at.ToDatetime(UTC), plan.ends_at.ToDatetime(UTC)
    if not starts < ends <= starts + LONGEST_SPRINT:
        return (
            f"the sprint would run from {starts:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M}; "
            f"its end comes after its start, by {LONGEST_SPRINT.days} days at most"
        )
    window = plan.daily_window
    if not 1 <= window.minutes <= DAY_MINUTES - window.opens_at_minute:
        return (
            f"the daily window would open at minute {window.opens_at_minute} for {window.minutes} minutes; "
            f"it lasts at least 1 and closes on the day on which it opens, which has {DAY_MINUTES}"
        )
    for day in plan.days_off:
        if not _is_iso_date(day):
            return f"day off {day!r} is no date; write it as 2026-12-25"
    return None


def _is_iso_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
