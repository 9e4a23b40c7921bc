"""What the business expects of a sprint."""

from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from ameide_core_proto.sprints.timebox.v1.sprint_timebox_pb2 import (
    SPRINT_OUTCOME_CANCELLED,
    SPRINT_OUTCOME_COMPLETED,
    CancelSprint,
    CommitItem,
    DailyWindow,
    DropItem,
    ItemCompleted,
    NotifyDailyWindowOpenedRequest,
    NotifyEndingSoonRequest,
    PlanSprint,
    PublishReportRequest,
    RescheduleSprint,
    SprintKey,
    SprintPlan,
    SprintReport,
)
from sprint_timebox_generated.testing import SprintTimeboxHarness
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError

KEY = SprintKey(tenant_id="acme", sprint_id="sprint-7")
WINDOW = DailyWindow(opens_at_minute=9 * 60 + 15, minutes=15)


def _planned(starts: datetime, length: timedelta, **fields: object) -> PlanSprint:
    """A plan of the dates; its window is open from 9:15 to 9:30."""
    plan = SprintPlan(team="blue", goal="ship it", daily_window=WINDOW)
    plan.starts_at.FromDatetime(starts)
    plan.ends_at.FromDatetime(starts + length)
    plan.MergeFrom(SprintPlan(**fields))  # pyright: ignore[reportArgumentType] -- fields of the message
    return PlanSprint(plan=plan)


def _rescheduled(*, starts: datetime | None = None, ends: datetime | None = None) -> RescheduleSprint:
    command = RescheduleSprint()
    if starts:
        command.starts_at.FromDatetime(starts)
    if ends:
        command.ends_at.FromDatetime(ends)
    return command


def _windows(process: SprintTimeboxHarness) -> list[datetime]:
    """Opening times of the windows that the team was told of."""
    requests = process.activities.requests("notify_daily_window_opened")
    return [each.opens_at.ToDatetime(UTC) for each in requests if isinstance(each, NotifyDailyWindowOpenedRequest)]


def _announced_ends(process: SprintTimeboxHarness) -> list[datetime]:
    requests = process.activities.requests("notify_ending_soon")
    return [each.ends_at.ToDatetime(UTC) for each in requests if isinstance(each, NotifyEndingSoonRequest)]


@pytest_asyncio.fixture
async def monday(process: SprintTimeboxHarness) -> datetime:
    """8:00 on a Monday at least a day ahead."""
    tomorrow = (await process.now() + timedelta(days=1)).date()
    day = tomorrow + timedelta(days=-tomorrow.weekday() % 7)
    return datetime(day.year, day.month, day.day, hour=8, tzinfo=UTC) + timedelta(days=7 * (day == tomorrow))


TO_FRIDAY = timedelta(days=4, hours=9)
"""From Monday at 8:00 to Friday at 17:00."""


def _at(monday: datetime, day: int, hour: int, minute: int = 0) -> datetime:
    """A time of the sprint; day 0 is its Monday."""
    return monday.replace(hour=hour, minute=minute) + timedelta(days=day)


async def test_two_weeks_have_a_window_each_working_day_and_none_at_the_weekend(
    process: SprintTimeboxHarness, monday: datetime
) -> None:
    sprint = await process.start(KEY, _planned(monday, timedelta(days=7) + TO_FRIDAY))
    result = await sprint.result()
    assert _windows(process) == [_at(monday, day, 9, 15) for day in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11)]
    assert (result.outcome, result.report.windows_opened, result.report.windows_missed) == (
        SPRINT_OUTCOME_COMPLETED,
        10,
        0,
    )
    assert _announced_ends(process) == [_at(monday, 11, 17)]
    assert [call.activity for call in process.activities.calls] == [
        "notify_sprint_started",
        *["notify_daily_window_opened"] * 9,
        "notify_ending_soon",
        "notify_daily_window_opened",
        "publish_report",
    ]


async def test_a_window_opens_and_closes_in_its_minutes(process: SprintTimeboxHarness, monday: datetime) -> None:
    sprint = await process.start(KEY, _planned(monday, TO_FRIDAY))
    await sprint.reached("planned")
    await process.skip_to(_at(monday, 0, 9, 14))
    await sprint.reached("running")
    assert process.activities.called("notify_daily_window_opened") == 0
    await process.skip_to(_at(monday, 0, 9, 16))
    await sprint.reached("daily-window")
    await process.activities.attempted("notify_daily_window_opened")
    assert (await sprint.state()).window_closes_at.ToDatetime(UTC) == _at(monday, 0, 9, 30)
    await process.skip_to(_at(monday, 0, 9, 31))
    await sprint.reached("running")
    assert not (await sprint.state()).HasField("window_closes_at")


async def test_a_day_off_has_no_window(process: SprintTimeboxHarness, monday: datetime) -> None:
    day_off = _at(monday, 2, 0).date().isoformat()
    await (await process.start(KEY, _planned(monday, TO_FRIDAY, days_off=[day_off]))).result()
    assert _windows(process) == [_at(monday, day, 9, 15) for day in (0, 1, 3, 4)]


async def test_the_window_says_where_the_sprint_stands(process: SprintTimeboxHarness, monday: datetime) -> None:
    sprint = await process.start(
        KEY, _planned(monday, TO_FRIDAY), CommitItem(item_id="a", points=3), CommitItem(item_id="b", points=5)
    )
    await process.skip_to(_at(monday, 0, 12))
    await sprint.send(ItemCompleted(item_id="a"))
    await sprint.handled(4)
    await process.skip_to(_at(monday, 1, 12))
    await process.activities.attempted("notify_daily_window_opened", 2)
    first, second = process.activities.requests("notify_daily_window_opened")
    assert isinstance(first, NotifyDailyWindowOpenedRequest)
    assert isinstance(second, NotifyDailyWindowOpenedRequest)
    assert first.report == SprintReport(
        committed_items=2, committed_points=8, open_item_ids=["a", "b"], windows_opened=1
    )
    assert second.report == SprintReport(
        committed_items=2,
        committed_points=8,
        completed_items=1,
        completed_points=3,
        open_item_ids=["b"],
        windows_opened=2,
    )


async def test_the_report_compares_what_was_committed_with_what_is_done(
    process: SprintTimeboxHarness, monday: datetime
) -> None:
    sprint = await process.start(
        KEY,
        ItemCompleted(item_id="early"),  # before the commitment to it, and before the plan
        ItemCompleted(item_id="not committed"),
        CommitItem(item_id="early", points=2),
        CommitItem(item_id="dropped", points=8),
        CommitItem(item_id="open", points=1),
        CommitItem(item_id="open", points=5),  # estimated anew
        DropItem(item_id="dropped"),
        _planned(monday, TO_FRIDAY),
    )
    result = await sprint.result()
    report = SprintReport(
        committed_items=2,
        committed_points=7,
        completed_items=1,
        completed_points=2,
        open_item_ids=["open"],
        windows_opened=5,
    )
    assert result.report == report
    assert process.activities.requests("publish_report") == [
        PublishReportRequest(key=KEY, team="blue", outcome=SPRINT_OUTCOME_COMPLETED, report=report)
    ]


async def test_scope_is_free_until_the_start_and_then_a_deliberate_change(
    process: SprintTimeboxHarness, monday: datetime
) -> None:
    sprint = await process.start(KEY, _planned(monday, TO_FRIDAY), CommitItem(item_id="a"), CommitItem(item_id="b"))
    await process.skip_to(_at(monday, 0, 12))
    await sprint.send(CommitItem(item_id="c"), DropItem(item_id="a"))
    counts = await sprint.handled(5)
    assert (counts.applied, counts.failed) == (3, 2)
    assert "set scope_change" in (await sprint.progress()).failures[0].message
    await sprint.send(CommitItem(item_id="c", scope_change=True), DropItem(item_id="a", scope_change=True))
    await sprint.handled(7)
    state = await sprint.state()
    assert [(each.item_id, each.added_later) for each in state.commitments] == [("b", False), ("c", True)]
    assert (await sprint.result()).report.scope_changes == 2


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (DropItem(item_id="x"), "not committed to item 'x'"),
        (CommitItem(points=1), "set item_id"),
        (_rescheduled(ends=datetime(2030, 1, 1, tzinfo=UTC)), "not planned yet"),
        (PlanSprint(plan=SprintPlan(team="blue")), "has no dates"),
    ],
    ids=["unknown item", "no item", "reschedule without a plan", "plan without dates"],
)
async def test_a_command_that_makes_no_sense_is_said_and_changes_nothing(
    process: SprintTimeboxHarness, command: DropItem | CommitItem | RescheduleSprint | PlanSprint, said: str
) -> None:
    sprint = await process.start(KEY, command)
    assert (await sprint.handled(1)).failed == 1
    assert said in (await sprint.progress()).failures[0].message
    await sprint.reached("awaiting-plan")
    assert (await sprint.state()).ByteSize() == 0


async def test_a_plan_is_replaced_until_the_start(process: SprintTimeboxHarness, monday: datetime) -> None:
    sprint = await process.start(KEY, _planned(monday, TO_FRIDAY))
    await sprint.reached("planned")
    later = monday + timedelta(days=7)
    await sprint.send(_planned(later, TO_FRIDAY))
    await sprint.handled(2)
    await process.skip_to(_at(later, 0, 12))
    await sprint.reached("running")
    assert _windows(process) == [_at(later, 0, 9, 15)]
    await sprint.send(_planned(monday, TO_FRIDAY), _rescheduled(starts=monday))
    assert (await sprint.handled(4)).failed == 2
    assert (await sprint.state()).plan.starts_at.ToDatetime(UTC) == later


async def test_timers_follow_the_end_when_it_moves_away(process: SprintTimeboxHarness, monday: datetime) -> None:
    sprint = await process.start(KEY, _planned(monday, TO_FRIDAY))
    await process.skip_to(_at(monday, 4, 12))
    await process.activities.attempted("notify_daily_window_opened", 5)
    later = _at(monday, 8, 17)  # Tuesday
    await sprint.send(_rescheduled(ends=later))
    await sprint.handled(2)
    result = await sprint.result()
    assert result.report.windows_opened == 7
    assert len(set(_windows(process))) == len(_windows(process)) == 7
    assert _announced_ends(process) == [_at(monday, 4, 17), later]


async def test_timers_follow_the_end_when_it_comes_near(process: SprintTimeboxHarness, monday: datetime) -> None:
    sprint = await process.start(KEY, _planned(monday, timedelta(days=7) + TO_FRIDAY))
    await process.skip_to(_at(monday, 1, 12))
    await process.activities.attempted("notify_daily_window_opened", 2)
    sooner = _at(monday, 2, 9, 20)  # within the window of Wednesday, which it cuts
    await sprint.send(_rescheduled(ends=sooner))
    await process.activities.attempted("notify_ending_soon")
    result = await sprint.result()
    assert _announced_ends(process) == [sooner]
    assert result.report.windows_opened == 3
    last = process.activities.requests("notify_daily_window_opened")[-1]
    assert isinstance(last, NotifyDailyWindowOpenedRequest)
    assert last.closes_at.ToDatetime(UTC) == sooner


async def test_an_end_moved_into_the_past_ends_the_sprint_now(process: SprintTimeboxHarness, monday: datetime) -> None:
    sprint = await process.start(KEY, _planned(monday, TO_FRIDAY))
    await process.skip_to(_at(monday, 2, 12))
    await process.activities.attempted("notify_daily_window_opened", 3)
    await sprint.send(_rescheduled(ends=_at(monday, 2, 10)))
    await process.activities.attempted("publish_report")
    assert await process.now() < _at(monday, 2, 13)
    assert (await sprint.result()).outcome == SPRINT_OUTCOME_COMPLETED
    assert _announced_ends(process) == []


async def test_a_sprint_planned_late_starts_at_once_and_passes_by_what_was_missed(
    process: SprintTimeboxHarness, monday: datetime
) -> None:
    await process.skip_to(_at(monday, 2, 9, 20))  # in the middle of Wednesday's window
    sprint = await process.start(KEY, _planned(monday, TO_FRIDAY))
    await process.activities.attempted("notify_daily_window_opened")
    await sprint.reached("daily-window")
    result = await sprint.result()
    assert _windows(process) == [_at(monday, day, 9, 15) for day in (2, 3, 4)]
    assert (result.report.windows_opened, result.report.windows_missed) == (3, 2)
    assert process.activities.called("notify_sprint_started") == 1


async def test_a_sprint_planned_after_its_end_only_reports(process: SprintTimeboxHarness, monday: datetime) -> None:
    await process.skip_to(_at(monday, 6, 0))
    result = await (await process.start(KEY, _planned(monday, TO_FRIDAY))).result()
    assert (result.outcome, result.report.windows_missed) == (SPRINT_OUTCOME_COMPLETED, 5)
    assert [call.activity for call in process.activities.calls] == ["notify_sprint_started", "publish_report"]


async def test_a_sprint_shorter_than_a_day_is_said_to_end_soon_when_it_starts(
    process: SprintTimeboxHarness, monday: datetime
) -> None:
    await (await process.start(KEY, _planned(monday, timedelta(hours=4)))).result()
    assert [call.activity for call in process.activities.calls] == [
        "notify_sprint_started",
        "notify_ending_soon",
        "notify_daily_window_opened",
        "publish_report",
    ]


async def test_a_sprint_is_cancelled_before_it_is_planned(process: SprintTimeboxHarness) -> None:
    result = await (await process.start(KEY, CancelSprint(reason="team was split"))).result()
    assert (result.outcome, result.reason) == (SPRINT_OUTCOME_CANCELLED, "team was split")
    assert process.activities.calls == []


async def test_a_sprint_is_cancelled_in_an_open_window(process: SprintTimeboxHarness, monday: datetime) -> None:
    sprint = await process.start(KEY, _planned(monday, TO_FRIDAY), CommitItem(item_id="a", points=3))
    await process.skip_to(_at(monday, 1, 9, 20))
    await sprint.reached("daily-window")
    await sprint.send(CancelSprint(), CommitItem(item_id="b", scope_change=True))
    result = await sprint.result()
    assert (result.outcome, result.reason) == (SPRINT_OUTCOME_CANCELLED, "no reason given")
    assert (result.report.committed_items, result.report.windows_opened) == (1, 2)
    assert process.activities.called("publish_report") == 1


async def test_an_operator_stops_a_sprint_and_the_team_is_told(process: SprintTimeboxHarness, monday: datetime) -> None:
    sprint = await process.start(KEY, _planned(monday, TO_FRIDAY))
    await process.skip_to(_at(monday, 1, 12))
    await sprint.cancel()
    with pytest.raises(WorkflowFailureError):
        await sprint.result()
    assert (await sprint.handle.describe()).status is WorkflowExecutionStatus.CANCELED
    (request,) = process.activities.requests("publish_report")
    assert isinstance(request, PublishReportRequest)
    assert (request.outcome, request.reason) == (SPRINT_OUTCOME_CANCELLED, "stopped by an operator")


async def test_a_sprint_goes_on_in_the_middle_of_a_window_as_a_new_run(
    process: SprintTimeboxHarness, monday: datetime
) -> None:
    sprint = await process.start(KEY, _planned(monday, TO_FRIDAY), CommitItem(item_id="a", points=3))
    for epoch, point in enumerate((_at(monday, 0, 9, 20), _at(monday, 1, 9, 20), _at(monday, 3, 18)), start=1):
        await process.skip_to(point)
        await sprint.continue_as_new()
        await sprint.continued(epoch)
    await sprint.send(ItemCompleted(item_id="a"))
    result = await sprint.result()
    assert (await sprint.progress()).run_epoch == 3
    assert _windows(process) == [_at(monday, day, 9, 15) for day in range(5)]
    assert _announced_ends(process) == [_at(monday, 4, 17)]
    assert process.activities.called("notify_sprint_started") == 1
    assert (result.report.windows_opened, result.report.completed_points) == (5, 3)


async def test_a_notice_that_cannot_be_delivered_does_not_hold_up_the_sprint(
    process: SprintTimeboxHarness, monday: datetime
) -> None:
    process.activities.fail("notify_daily_window_opened")
    process.activities.fail("notify_ending_soon", ApplicationError("chat is away"), times=2)
    sprint = await process.start(KEY, _planned(monday, TO_FRIDAY))
    result = await sprint.result()
    assert result.report.windows_opened == 5
    assert process.activities.called("notify_ending_soon") == 3
    assert (await sprint.state()).undelivered_notices == 1


async def test_the_report_is_tried_until_it_is_published(process: SprintTimeboxHarness, monday: datetime) -> None:
    process.activities.fail("publish_report", ApplicationError("wiki is away"), times=5)
    sprint = await process.start(KEY, _planned(monday, timedelta(hours=4)))
    assert (await sprint.result()).outcome == SPRINT_OUTCOME_COMPLETED
    assert process.activities.called("publish_report") == 6
    assert len({key for activity, key in process.activities.effects() if activity == "publish_report"}) == 1


async def test_a_report_that_is_refused_for_good_fails_the_sprint(
    process: SprintTimeboxHarness, monday: datetime
) -> None:
    process.activities.fail("publish_report", ApplicationError("no such team", non_retryable=True))
    sprint = await process.start(KEY, _planned(monday, timedelta(hours=4)))
    with pytest.raises(WorkflowFailureError):
        await sprint.result()


async def test_everything_twice_gives_what_once_gives(process: SprintTimeboxHarness, monday: datetime) -> None:
    sprint = await process.start(
        KEY,
        _planned(monday, TO_FRIDAY),
        CommitItem(item_id="a", points=3),
        CommitItem(item_id="b", points=5),
        DropItem(item_id="b"),
        ItemCompleted(item_id="a"),
    )
    await process.skip_to(_at(monday, 1, 12))
    await sprint.redeliver()
    counts = await sprint.handled(10)
    assert (counts.applied, counts.duplicates) == (5, 5)
    result = await sprint.result()
    assert (result.report.committed_points, result.report.completed_points, result.report.scope_changes) == (3, 3, 0)
    assert _windows(process) == [_at(monday, day, 9, 15) for day in range(5)]
