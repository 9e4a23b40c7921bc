"""A deadline is a point in time, which survives Continue-As-New."""

from collections.abc import AsyncGenerator
from datetime import UTC, timedelta

import pytest_asyncio
from ameide_devstack import TimeSkippingServer
from ameide_process.converter import DATA_CONVERTER
from ameide_process.testing import running_time
from temporalio.testing import WorkflowEnvironment
from workflow_samples import timed
from workflow_stage import Stage, instruction, payment


@pytest_asyncio.fixture
async def environment() -> AsyncGenerator[WorkflowEnvironment]:
    async with TimeSkippingServer() as server:
        yield await server.open_environment(data_converter=DATA_CONVERTER)


async def test_a_deadline_passes_once_over_all_runs(environment: WorkflowEnvironment) -> None:
    stage = Stage(environment.client)
    workflow = stage.workflow()
    async with stage.worker(timed.PARTS):
        await workflow.send(instruction("fail"))
        due = (await workflow.state()).payment_due.ToDatetime(UTC)
        for _ in range(3):
            await workflow.continue_as_new()
            await environment.sleep(timedelta(minutes=19))
        async with running_time(environment):
            assert (await workflow.result()).reason == "expired, expired"
        assert (await workflow.progress()).run_epoch == 3
        ended = (await workflow.handle.describe()).close_time
        assert ended is not None
        assert timedelta(0) <= ended - due < timedelta(minutes=1)
    await stage.close()


async def test_a_condition_that_holds_counts_even_after_the_deadline(environment: WorkflowEnvironment) -> None:
    stage = Stage(environment.client)
    workflow = stage.workflow()
    async with stage.worker(timed.PARTS):
        await workflow.send(payment("in time"))
        assert (await workflow.result()).reason == "met, met"
    await stage.close()
