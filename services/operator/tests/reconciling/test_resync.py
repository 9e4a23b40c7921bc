"""When everything is looked at anew, beside what the watches show."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from ameide_operator.kubernetes import Cluster
from ameide_operator.reconciling import KeyedQueue, ResourceKey, Store
from ameide_operator.watching import resync
from lightkube import SingleConfig

pytestmark = pytest.mark.e2e

INTERVAL_S = 0.3
KEY = ResourceKey("n", "orders")


async def intervals_until_a_look(cluster: Cluster, *, waiting: bool) -> float:
    """After how many intervals at least everything was looked at, with or without a resource that waits."""
    looked = asyncio.Event()

    async def work(key: ResourceKey) -> None:
        raise AssertionError(f"{key} was worked on")

    class Queue(KeyedQueue[ResourceKey]):
        def add(self, key: ResourceKey) -> None:
            super().add(key)
            looked.set()

    store = Store(lambda _: None)
    store.see("Process", {"metadata": {"namespace": "n", "name": "orders", "uid": "u", "resourceVersion": str(2**62)}})
    queue = Queue(work, workers=1)
    if waiting:
        queue.add(KEY)  # there is no worker
        looked.clear()
    began = asyncio.get_running_loop().time()
    looking = asyncio.create_task(
        resync(cluster, store, queue, listed=asyncio.Event(), overdue=asyncio.Event(), interval=INTERVAL_S)
    )
    await looked.wait()
    looking.cancel()
    with suppress(asyncio.CancelledError):
        await looking
    return (asyncio.get_running_loop().time() - began) / INTERVAL_S


async def test_a_look_at_everything_is_put_off_while_resources_wait_and_not_for_ever(
    bed_alone: Any, operator_config: SingleConfig
):
    async with Cluster(operator_config, namespace=bed_alone.namespace) as cluster:
        assert await intervals_until_a_look(cluster, waiting=False) >= 1
        assert await intervals_until_a_look(cluster, waiting=True) >= 4
