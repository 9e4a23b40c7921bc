"""Rollouts on a real API server and a real Temporal server, with real versioned workers in processes of their own."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ameide_devstack import Kubernetes, TemporalDevServer
from ameide_devstack.testing import wait_for, wait_until
from ameide_operator.operator import Operator
from ameide_operator.testing import operator_process
from ameide_operator.testing.small_worker import SmallWorker
from lightkube import SingleConfig
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    ListWorkerDeploymentsRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentManagerRequest,
)
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

pytestmark = pytest.mark.e2e

PATIENCE_S = 60
NAMESPACE = "orders-prod"
LONGEST_LIFE_S = 5.0
"""From its first look at the API server on."""
LEAST_KILLS = 12
ASKING_AT_ONCE = 4
LEAST_REFUSALS = 20
QUICK = {
    # What takes minutes otherwise, since the server waits for its own caches.
    "matching.PollerHistoryTTL": "2s",
    "matching.wv.VersionDrainageStatusVisibilityGracePeriod": "2s",
    "matching.wv.VersionDrainageStatusRefreshInterval": "1s",
}


@pytest.fixture(scope="module")
async def temporal() -> AsyncGenerator[TemporalDevServer]:
    async with TemporalDevServer(namespace=NAMESPACE, dynamic_config=QUICK) as server:
        yield server


@pytest.fixture(scope="module")
async def client(temporal: TemporalDevServer) -> Client:
    return await temporal.connect()


@pytest.fixture
async def rolling_bed(bed_alone: Any, operator_config: SingleConfig) -> AsyncGenerator[Any]:
    """A bed whose operator looks often, and believes a killed worker for seconds only."""
    operator = Operator(
        operator_config,
        namespace=bed_alone.namespace,
        monitor_seconds=1,
        heartbeat_limit=timedelta(seconds=4),
        ready_limit=timedelta(seconds=20),
        sweep_interval=timedelta(seconds=3),
        resync_seconds=5,
    )
    task = asyncio.create_task(operator.run())
    yield bed_alone
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def apply(bed: Any, server: TemporalDevServer, build: str, name: str = "orders", **rollout: Any) -> None:
    """Wants a build; its image is named after it."""
    await bed.apply(
        name,
        temporal={"address": server.address, "namespace": NAMESPACE, "taskQueue": f"{bed.namespace}-{name}"},
        image={"worker": f"registry.test/worker:{build}", "ingress": None},
        ingress=None,
        rollout={"buildId": build, **rollout},
    )


async def deployments(bed: Any, name: str = "orders") -> dict[str, dict[str, Any]]:
    """Live Deployments of a worker, by build id."""
    listed = json.loads(await bed.run("get", "deployments", "-l", f"ameide.io/process={name}", "-o", "json"))
    items = listed["items"]
    return {each["metadata"].get("annotations", {}).get("ameide.io/build-id", ""): each for each in items}


async def worker(bed: Any, build: str, name: str = "orders") -> SmallWorker:
    """A worker with the variables that the operator gives to pods of a build."""

    async def found() -> dict[str, Any] | None:
        return (await deployments(bed, name)).get(build)

    live = await wait_until(found, timeout_s=PATIENCE_S)
    assert live is not None
    (container,) = live["spec"]["template"]["spec"]["containers"]
    return SmallWorker({each["name"]: each["value"] for each in container["env"]})


async def routed(bed: Any, *, name: str = "orders", patience_s: float = PATIENCE_S, **wanted: Any) -> None:
    """Waits until status.rollout says so."""

    async def says() -> bool:
        rollout = (await bed.get("process", name)).get("status", {}).get("rollout", {})
        return all(rollout.get(key) == value for key, value in wanted.items())

    await wait_until(says, timeout_s=patience_s)


async def gone(bed: Any, build: str) -> None:
    async def absent() -> bool:
        return build not in await deployments(bed)

    await wait_until(absent, timeout_s=PATIENCE_S)


async def begin(client: Client, bed: Any, number: int) -> WorkflowHandle[Any, str]:
    """Starts a workflow that waits, and waits until a worker has taken it."""
    queue = f"{bed.namespace}-orders"
    handle = await client.start_workflow("Waiting", id=f"{queue}-{number}", task_queue=queue, result_type=str)

    async def taken() -> bool:
        return (await handle.describe()).history_length > 3

    await wait_until(taken, timeout_s=PATIENCE_S)
    return handle


async def finish(handle: WorkflowHandle[Any, str]) -> str:
    """Lets it end; the build that ended it."""
    await handle.signal("release")
    async with asyncio.timeout(PATIENCE_S):
        return await handle.result()


@asynccontextmanager
async def current(
    bed: Any, server: TemporalDevServer, build: str, name: str = "orders", **rollout: Any
) -> AsyncGenerator[None]:
    """A build gets new work, and its worker runs while the block does."""
    await apply(bed, server, build, name, **rollout)
    async with await worker(bed, build, name):
        await routed(bed, name=name, current=build)
        yield


@asynccontextmanager
async def b1_drains(bed: Any, server: TemporalDevServer, client: Client) -> AsyncGenerator[WorkflowHandle[Any, str]]:
    """b2 gets new work after b1, with which one workflow stays, the value; workers of both run while the block does."""
    async with current(bed, server, "b1"):
        pinned = await begin(client, bed, 1)
        async with current(bed, server, "b2"):
            await routed(bed, draining=["b1"])
            yield pinned


async def versions(client: Client, bed: Any) -> set[str]:
    request = DescribeWorkerDeploymentRequest(namespace=NAMESPACE, deployment_name=f"{bed.namespace}/orders")
    answer = await client.workflow_service.describe_worker_deployment(request)
    return {each.deployment_version.build_id for each in answer.worker_deployment_info.version_summaries}


async def test_builds_follow_one_another_and_what_is_pinned_ends_where_it_began(
    rolling_bed: Any, temporal: TemporalDevServer, client: Client
):
    bed = rolling_bed
    await apply(bed, temporal, "b1")
    condition = await bed.until("WorkerReady", "False", "Progressing", "until then nobody gets a task")
    assert "build 'b1' becomes current when its workers poll" in condition["message"]
    async with await worker(bed, "b1") as first:
        await bed.until("Ready", "True", "Available")
        pinned = await begin(client, bed, 1)
        await apply(bed, temporal, "b2")
        condition = await bed.until("WorkerReady", "True", "Progressing", "build 'b1' stays current")
        assert (await bed.conditions())["Ready"]["status"] == "True"
        async with await worker(bed, "b2"):
            await routed(bed, target="b2", current="b2", draining=["b1"])
            await bed.until("Ready", "True", "Available")
            assert await finish(await begin(client, bed, 2)) == "b2"
            live = await deployments(bed)
            images = {build: each["spec"]["template"]["spec"]["containers"][0]["image"] for build, each in live.items()}
            assert images == {"b1": "registry.test/worker:b1", "b2": "registry.test/worker:b2"}
            budgets = await bed.run("get", "poddisruptionbudgets", "-o", "name")
            assert len(budgets.split()) == 2
            assert await finish(pinned) == "b1"
            await gone(bed, "b1")
            await first.kill()

            async def forgotten() -> bool:
                return await versions(client, bed) == {"b2"}

            await wait_until(forgotten, timeout_s=PATIENCE_S)


async def test_steps(rolling_bed: Any, temporal: TemporalDevServer, client: Client):
    bed = rolling_bed
    steps = [{"percent": 20, "pause": "4s"}, {"percent": 60, "pause": "4s"}]
    async with current(bed, temporal, "b1"):
        await apply(bed, temporal, "b2", strategy="Steps", steps=steps)
        async with await worker(bed, "b2"):
            await routed(bed, current="b1", ramping="b2", percent=20)
            condition = await bed.until("WorkerReady", "True", "Progressing", "gets 20% of new work; step 1 of 2")
            assert "'b1' gets the rest" in condition["message"]
            await routed(bed, current="b1", ramping="b2", percent=60)
            handles = [await begin(client, bed, number) for number in range(12)]
            await routed(bed, current="b2", ramping=None, draining=["b1"])
            assert {await finish(each) for each in handles} <= {"b1", "b2"}
            await bed.until("Ready", "True", "Available")


async def test_build_whose_workers_never_poll_does_not_become_current_and_is_taken_back(
    rolling_bed: Any, temporal: TemporalDevServer, client: Client
):
    bed = rolling_bed
    async with current(bed, temporal, "b1"):
        await apply(bed, temporal, "b2")
        condition = await bed.until("WorkerReady", "False", "NoPollers")
        assert "build 'b1' stays current; pods run and do not poll" in condition["message"]
        await routed(bed, current="b1", target="b2")
        assert await finish(await begin(client, bed, 1)) == "b1"
        await apply(bed, temporal, "b1")
        await bed.until("Ready", "True", "Available")
        await gone(bed, "b2")


async def test_deployment_of_a_draining_build_comes_back_when_somebody_deletes_it(
    rolling_bed: Any, temporal: TemporalDevServer, client: Client
):
    bed = rolling_bed
    async with b1_drains(bed, temporal, client) as pinned:
        deleted = (await deployments(bed))["b1"]["metadata"]
        await bed.run("delete", "deployment", deleted["name"])

        async def is_another() -> bool:
            back = (await deployments(bed)).get("b1", {}).get("metadata", deleted)
            return back["uid"] != deleted["uid"]

        await wait_until(is_another, timeout_s=PATIENCE_S)
        (container,) = (await deployments(bed))["b1"]["spec"]["template"]["spec"]["containers"]
        assert container["image"] == "registry.test/worker:b1"
        assert await finish(pinned) == "b1"
        await gone(bed, "b1")


async def test_build_that_drains_without_pods_is_named_until_spec_names_it_again(
    rolling_bed: Any, temporal: TemporalDevServer, client: Client
):
    bed = rolling_bed
    async with b1_drains(bed, temporal, client) as pinned:
        pass
    # What told the image of b1 goes with the resource.
    await bed.run("delete", "process", "orders")
    await gone(bed, "b1")
    await apply(bed, temporal, "b2")
    async with await worker(bed, "b2"):
        condition = await bed.until("WorkerReady", "True", "BuildGone")
        assert "build 'b1' has open workflows and no pods" in condition["message"]
        await bed.until("Ready", "True", "BuildGone")
    await apply(bed, temporal, "b1")
    async with await worker(bed, "b1"):
        assert await finish(pinned) == "b1"
        await bed.until("Ready", "True", "Available")


async def test_nothing_is_written_while_a_rollout_rests(
    rolling_bed: Any, temporal: TemporalDevServer, client: Client, cluster: Kubernetes
):
    bed = rolling_bed
    steps = [{"percent": 10, "pause": "1h"}]
    async with b1_drains(bed, temporal, client) as pinned:
        await apply(bed, temporal, "b3", strategy="Steps", steps=steps)
        async with await worker(bed, "b3"):
            await routed(bed, current="b2", ramping="b3", percent=10, draining=["b1"])
            await asyncio.sleep(3)  # events of the last writes arrive
            before, revision = len(written(cluster, bed)), await routing_revision(client, bed)
            assert before
            await asyncio.sleep(12)  # a resync, and a look each second
            assert written(cluster, bed)[before:] == []
            assert await routing_revision(client, bed) == revision
            assert await asked_too_often(client, bed, for_s=6) > LEAST_REFUSALS
            await asyncio.sleep(2)
            assert written(cluster, bed)[before:] == [], "refused looks say nothing of the rollout"
            assert await finish(pinned) == "b1"


def written(cluster: Kubernetes, bed: Any) -> list[tuple[str, str]]:
    """Requests in the namespace that may change something, of the operator and of others because of it."""
    requests = [each for each in cluster.apiserver.writes() if each["objectRef"].get("namespace") == bed.namespace]
    return [(each["verb"], each["objectRef"]["resource"]) for each in requests]


async def asked_too_often(client: Client, bed: Any, *, for_s: float) -> int:
    """Looks at the Worker Deployment until the server refuses, and on; how often it refused."""
    request = DescribeWorkerDeploymentRequest(namespace=NAMESPACE, deployment_name=f"{bed.namespace}/orders")
    refused = 0

    async def ask() -> None:
        nonlocal refused
        while True:
            try:
                await client.workflow_service.describe_worker_deployment(request, retry=False)
            except RPCError as error:
                assert error.status is RPCStatusCode.RESOURCE_EXHAUSTED  # noqa: PT017 # any other is no throttling
                refused += 1

    with suppress(TimeoutError):
        async with asyncio.timeout(for_s), asyncio.TaskGroup() as group:
            for _ in range(ASKING_AT_ONCE):
                group.create_task(ask())
    return refused


async def routing_revision(client: Client, bed: Any) -> int:
    request = DescribeWorkerDeploymentRequest(namespace=NAMESPACE, deployment_name=f"{bed.namespace}/orders")
    # Again, where the server says that it is asked too often.
    answer = await client.workflow_service.describe_worker_deployment(request, retry=True)
    return answer.worker_deployment_info.routing_config.revision_number


@pytest.mark.timeout(600)
async def test_killed_amid_rollouts_it_goes_on_after_its_next_start(
    bed_alone: Any, operator_config: SingleConfig, temporal: TemporalDevServer, client: Client, tmp_path: Path
):
    """Several builds follow one another, the operator dies all the time, and what is pinned ends where it began."""
    bed, chance = bed_alone, random.Random(11)  # noqa: S311 # repeats a schedule, no secret
    kubeconfig = operator_config.fname
    assert kubeconfig is not None
    builds = ["b1", "b2", "b3", "b4"]
    steps = [{"percent": 20, "pause": "1s"}, {"percent": 60, "pause": "1s"}]
    kills = 0

    async def die_again_and_again() -> None:
        nonlocal kills
        while True:
            log = tmp_path / f"operator-{kills}.log"
            async with operator_process(kubeconfig, bed.namespace, log=log, monitor_seconds=1) as process:
                await wait_for(lambda: "operator started" in log.read_text(), timeout_s=PATIENCE_S)  # noqa: B023 # awaited
                await asyncio.sleep(chance.uniform(0, LONGEST_LIFE_S))
                assert process.returncode is None, "it ended by itself"
            kills += 1

    pinned: dict[str, WorkflowHandle[Any, str]] = {}
    async with AsyncExitStack() as workers:
        dying = asyncio.create_task(die_again_and_again())
        for number, build in enumerate(builds):
            rollout: dict[str, Any] = {"strategy": "Steps", "steps": steps} if number % 2 else {}
            await apply(bed, temporal, build, **rollout)
            await workers.enter_async_context(await worker(bed, build))
            await routed(bed, current=build, ramping=None, patience_s=3 * PATIENCE_S)
            pinned[build] = await begin(client, bed, number)
        assert set(await deployments(bed)) == set(builds), "each has a workflow"
        while kills < LEAST_KILLS:
            assert not dying.done()
            await asyncio.sleep(1)
        dying.cancel()
        await asyncio.wait([dying])
        assert {build: await finish(handle) for build, handle in pinned.items()} == {build: build for build in builds}
        async with operator_process(kubeconfig, bed.namespace, monitor_seconds=1, log_level="ERROR"):
            await bed.until("Ready", "True", "Available")
            await routed(bed, current=builds[-1], ramping=None, draining=None)
            for build in builds[:-1]:
                await gone(bed, build)
        assert set(await deployments(bed)) == {builds[-1]}


async def test_by_hand(rolling_bed: Any, temporal: TemporalDevServer, client: Client):
    bed = rolling_bed
    async with current(bed, temporal, "b1", strategy="Manual"):
        await apply(bed, temporal, "b2", strategy="Manual")
        async with await worker(bed, "b2"):
            await bed.until(
                "WorkerReady", "True", "Progressing", "set-current-version --namespace orders-prod --deployment-name"
            )
            request = SetWorkerDeploymentCurrentVersionRequest(
                namespace=NAMESPACE, deployment_name=f"{bed.namespace}/orders", build_id="b2", identity="a person"
            )
            await client.workflow_service.set_worker_deployment_current_version(request)
            await bed.until("Ready", "True", "Available")


async def test_that_of_another_manager_stands_still(rolling_bed: Any, temporal: TemporalDevServer, client: Client):
    bed = rolling_bed
    manage = SetWorkerDeploymentManagerRequest(
        namespace=NAMESPACE,
        deployment_name=f"{bed.namespace}/orders",
        manager_identity="a person",
        identity="a person",
    )
    async with current(bed, temporal, "b1"):
        await client.workflow_service.set_worker_deployment_manager(manage)
        await apply(bed, temporal, "b2")
        async with await worker(bed, "b2"):
            condition = await bed.until("WorkerReady", "True", "ManagerConflict")
            assert "'a person' manages Worker Deployment" in condition["message"]
            await routed(bed, current="b1")
            manage.manager_identity = ""
            await client.workflow_service.set_worker_deployment_manager(manage)
            await routed(bed, current="b2")


async def test_unversioned_workers_serve_until_the_first_build_does(
    rolling_bed: Any, temporal: TemporalDevServer, client: Client
):
    bed = rolling_bed
    spec = {"address": temporal.address, "namespace": NAMESPACE, "taskQueue": f"{bed.namespace}-orders"}
    await bed.apply(temporal=spec, ingress=None, image={"ingress": None})
    async with await worker(bed, ""):
        handle = await begin(client, bed, 1)
        await apply(bed, temporal, "b1")
        async with await worker(bed, "b1"):
            assert "" in await deployments(bed)
            await routed(bed, current="b1")
            await gone(bed, "")
    async with await worker(bed, "b1"):
        assert await finish(handle) == "b1"


async def test_limit_is_said_and_leftovers_of_deleted_resources_go(rolling_bed: Any):
    bed = rolling_bed
    async with TemporalDevServer(namespace=NAMESPACE, dynamic_config={**QUICK, "matching.maxDeployments": 1}) as server:
        async with current(bed, server, "b1", "first"):
            await apply(bed, server, "b1", "second")
            condition = await bed.until("WorkerReady", "False", "DeploymentLimitReached", name="second")
            assert "reached maximum deployments in namespace (1)" in condition["message"]
            await bed.run("delete", "process", "first")
            await asyncio.sleep(8)
            names = await deployment_names(await server.connect())
            assert names == {f"{bed.namespace}/first"}, "its worker lives: it may be another cluster's"
        async with await worker(bed, "b1", "second"):
            await routed(bed, name="second", current="b1")
        assert await deployment_names(await server.connect()) == {f"{bed.namespace}/second"}


async def deployment_names(client: Client) -> set[str]:
    answer = await client.workflow_service.list_worker_deployments(ListWorkerDeploymentsRequest(namespace=NAMESPACE))
    return {each.name for each in answer.worker_deployments}
