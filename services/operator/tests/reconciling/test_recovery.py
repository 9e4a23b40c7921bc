"""What the operator does when the API server goes away and comes back."""

import asyncio
from typing import Any

import pytest
from ameide_devstack import Kubernetes
from ameide_devstack.testing import wait_until

pytestmark = pytest.mark.e2e


async def test_goes_on_after_the_api_server_was_away(bed: Any, cluster: Kubernetes):
    await bed.apply()
    await bed.until("WorkloadReady", "True")
    await cluster.apiserver.kill()
    await asyncio.sleep(2)
    await cluster.start()
    await bed.run("delete", "deployment", "orders-worker", "--wait=false")
    await bed.apply(image={"worker": "registry.test/order-worker:2"})

    async def is_there() -> bool:
        live = await bed.get("deployment", "orders-worker")
        containers = live.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])
        return [each["image"] for each in containers] == ["registry.test/order-worker:2"]

    await wait_until(is_there, timeout_s=90)
    await bed.until("WorkloadReady", "True")


async def test_server_that_hangs_holds_nothing_up_for_ever(bed: Any, cluster: Kubernetes):
    cluster.etcd.pause()
    await asyncio.sleep(3)
    cluster.etcd.resume()
    await bed.apply()
    await bed.until("WorkloadReady", "True")
