"""Runs whose histories `uvx nox -s record -- sprint-timebox` stores, for later code to replay."""

from datetime import datetime, timedelta

from ameide_core_proto.sprints.timebox.v1.sprint_timebox_pb2 import (
    CancelSprint,
    CommitItem,
    DailyWindow,
    DropItem,
    ItemCompleted,
    PlanSprint,
    RescheduleSprint,
    SprintKey,
    SprintPlan,
)
from ameide_process.testing import on_dev_server
from sprint_timebox_generated.testing import SprintTimeboxHarness

KEY = SprintKey(tenant_id="acme", sprint_id="sprint-7")


def _planned(starts: datetime, ends: datetime) -> PlanSprint:
    plan = SprintPlan(team="blue", goal="ship it", daily_window=DailyWindow(opens_at_minute=555, minutes=15))
    plan.starts_at.FromDatetime(starts)
    plan.ends_at.FromDatetime(ends)
    return PlanSprint(plan=plan)


def _ends(point: datetime) -> RescheduleSprint:
    command = RescheduleSprint()
    command.ends_at.FromDatetime(point)
    return command


async def completed(process: SprintTimeboxHarness) -> None:
    """Two weeks from plan to report, with a change of scope and a notice that is not delivered."""
    process.activities.fail("notify_daily_window_opened")
    now = await process.now()
    sprint = await process.start(
        KEY,
        _planned(now + timedelta(days=1), now + timedelta(days=15)),
        CommitItem(item_id="a", points=3),
        CommitItem(item_id="b", points=5),
        DropItem(item_id="b"),
    )
    await process.skip_to(now + timedelta(days=4))
    await sprint.send(CommitItem(item_id="c", points=2), CommitItem(item_id="d", points=2, scope_change=True))
    await sprint.send(ItemCompleted(item_id="a"))
    await sprint.handled(7)


async def planned_late(process: SprintTimeboxHarness) -> None:
    """Planned when half of it is over: what was missed is passed by."""
    now = await process.now()
    await process.start(KEY, _planned(now - timedelta(days=7), now + timedelta(days=7)))


async def rescheduled(process: SprintTimeboxHarness) -> None:
    """The end moves away, and then to where it is over."""
    now = await process.now()
    sprint = await process.start(KEY, _planned(now, now + timedelta(days=2)))
    await sprint.reached("running")
    await sprint.send(_ends(now + timedelta(days=9)))
    await process.skip_to(now + timedelta(days=5))
    await sprint.send(_ends(now + timedelta(days=4)))


async def cancelled(process: SprintTimeboxHarness) -> None:
    """Given up before it starts, everything twice."""
    now = await process.now()
    sprint = await process.start(KEY, _planned(now + timedelta(days=1), now + timedelta(days=15)))
    await sprint.send(CommitItem(item_id="a", points=3))
    await sprint.redeliver()
    await sprint.handled(4)
    await sprint.send(CancelSprint(reason="team was split"))


async def stopped_by_operator(process: SprintTimeboxHarness) -> None:
    """The workflow itself is cancelled."""
    now = await process.now()
    sprint = await process.start(KEY, _planned(now, now + timedelta(days=14)))
    await sprint.reached("running")
    await sprint.cancel()


@on_dev_server
async def continued(process: SprintTimeboxHarness) -> None:
    """Continued as new in mid-sprint, with events in every run."""
    now = await process.now()
    sprint = await process.start(KEY, _planned(now - timedelta(days=7), now + timedelta(days=7)))
    await sprint.send(CommitItem(item_id="a", points=3, scope_change=True))
    await sprint.handled(2)
    await sprint.continue_as_new()
    await sprint.continued(1)
    await sprint.send(ItemCompleted(item_id="a"))
    await sprint.handled(3)
    await sprint.continue_as_new()
    await sprint.continued(2)
    await sprint.send(_ends(now))
