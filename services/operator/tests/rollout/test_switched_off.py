"""A Temporal server that has Worker Deployments switched off, and a resource that asks for a rollout."""

from typing import Any

import pytest
from ameide_devstack import TemporalDevServer

pytestmark = pytest.mark.e2e


async def test_worker_deployments_that_are_switched_off_are_named(bed: Any):
    switched_off = {"system.enableDeploymentVersions": False}
    async with TemporalDevServer(namespace="orders-prod", dynamic_config=switched_off) as temporal:
        await bed.apply(temporal={"address": temporal.address}, rollout={"buildId": "b1"})
        await bed.until("WorkerReady", "False", words="set system.enableDeploymentVersions to true")
        await bed.until("IngressReady", "True", "Available")
        await bed.until("TemporalReady", "True", "Available")
