"""A sprint outlives its runs on a server with real time, as Temporal suggests them under many events."""

from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest_asyncio
from ameide_core_proto.sprints.timebox.v1.sprint_timebox_pb2 import (
    SPRINT_OUTCOME_COMPLETED,
    CommitItem,
    DailyWindow,
    ItemCompleted,
    PlanSprint,
    RescheduleSprint,
    SprintKey,
    SprintPlan,
)
from ameide_devstack import TemporalDevServer
from ameide_process.converter import DATA_CONVERTER
from ameide_process.testing import running_process
from sprint_timebox_generated.testing import SprintTimeboxHarness, process_parts
from temporalio.testing import WorkflowEnvironment

KEY = SprintKey(tenant_id="acme", sprint_id="sprint-7")
ITEMS = 200


@pytest_asyncio.fixture
async def eager_process() -> AsyncGenerator[SprintTimeboxHarness]:
    """The process on a dev server that suggests to continue as new early."""
    settings = {
        "limit.historyCount.suggestContinueAsNew": 60,
        # Else the server lets a run begin a second after the one before it at the earliest.
        "history.continueAsNewMinInterval": "0s",
    }
    async with TemporalDevServer(dynamic_config=settings) as server:
        client = await server.connect(data_converter=DATA_CONVERTER)
        async with running_process(process_parts(), WorkflowEnvironment.from_client(client)) as harness:
            yield harness


async def test_a_sprint_crosses_many_runs_and_does_everything_once(eager_process: SprintTimeboxHarness) -> None:
    now = await eager_process.now()
    plan = SprintPlan(team="blue", daily_window=DailyWindow(opens_at_minute=0, minutes=24 * 60))
    plan.starts_at.FromDatetime(now - timedelta(days=14))
    plan.ends_at.FromDatetime(now + timedelta(days=14))
    sprint = await eager_process.start(KEY, PlanSprint(plan=plan))
    await eager_process.activities.attempted("notify_sprint_started")
    for number in range(ITEMS):
        await sprint.send(CommitItem(item_id=f"i-{number}", points=1, scope_change=True))
        await sprint.send(ItemCompleted(item_id=f"i-{number}"))
    await sprint.redeliver()
    await sprint.handled(4 * ITEMS + 2)
    assert (await sprint.progress()).run_epoch >= 2
    over = RescheduleSprint()
    over.ends_at.FromDatetime(now)
    await sprint.send(over)
    result = await sprint.result()
    assert result.outcome == SPRINT_OUTCOME_COMPLETED
    assert (result.report.committed_items, result.report.completed_points) == (ITEMS, ITEMS)
    assert result.report.windows_opened == eager_process.activities.called("notify_daily_window_opened")
    assert result.report.windows_opened + result.report.windows_missed >= 10  # working days of two weeks
    assert len(eager_process.activities.effects()) == len(eager_process.activities.calls)
    assert eager_process.activities.called("notify_sprint_started") == 1
