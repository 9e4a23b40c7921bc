"""Whether somebody polls the task queue, by the heartbeats of real workers in processes of their own."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from ameide_devstack import TemporalServer
from ameide_operator.operator import Operator
from ameide_operator.testing.small_worker import SmallWorker
from lightkube import SingleConfig

pytestmark = pytest.mark.e2e

QUEUE = "order-fulfillment"


@pytest.fixture(scope="module")
async def temporal() -> AsyncGenerator[TemporalServer]:
    async with TemporalServer(namespace="orders-prod") as server:
        yield server


@pytest.fixture
async def watchful_bed(bed_alone: Any, operator_config: SingleConfig) -> AsyncGenerator[Any]:
    """A bed whose operator doubts pods after seconds."""
    operator = Operator(
        operator_config,
        namespace=bed_alone.namespace,
        monitor_seconds=1,
        heartbeat_limit=timedelta(seconds=4),
        ready_limit=timedelta(seconds=2),
    )
    task = asyncio.create_task(operator.run())
    yield bed_alone
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def worker(temporal: TemporalServer, queue: str = QUEUE) -> SmallWorker:
    return SmallWorker(temporal.environment() | {"TEMPORAL_TASK_QUEUE": queue})


async def test_pods_that_are_ready_and_do_not_poll(watchful_bed: Any, temporal: TemporalServer):
    bed = watchful_bed
    await bed.apply(temporal={"address": temporal.address, "taskQueue": QUEUE})
    async with worker(temporal, "another"):
        condition = await bed.until("WorkerReady", "False", "NoPollers")
    assert "has not heard of a worker on task queue 'order-fulfillment'" in condition["message"]
    assert (await bed.conditions())["Ready"]["reason"] == "NoPollers"
    assert (await bed.conditions())["IngressReady"]["status"] == "True"
    async with worker(temporal) as killed:
        await bed.until("Ready", "True", "Available")
        await killed.kill()
        await bed.until("WorkerReady", "False", "NoPollers")
    async with worker(temporal):
        await bed.until("Ready", "True", "Available")


async def test_task_queue_that_spec_leaves_to_the_process(watchful_bed: Any, temporal: TemporalServer):
    """Workers are known by the host name, which is that of their pod; the one here has that of this machine."""
    bed = watchful_bed
    await bed.apply(temporal={"address": temporal.address, "taskQueue": None})
    async with worker(temporal):
        await bed.until("WorkerReady", "False", "NoPollers", "on any task queue")
