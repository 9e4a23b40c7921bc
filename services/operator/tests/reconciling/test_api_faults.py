"""Faults of the API server that it cannot be brought to by itself: the operator lives through each and catches up."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import structlog
from aiohttp import web
from ameide_devstack.testing import wait_for, wait_until
from ameide_operator.kubernetes import Cluster
from ameide_operator.operator import Operator
from ameide_operator.testing import ApiProxy, is_list, is_watch, is_write
from lightkube import SingleConfig

pytestmark = pytest.mark.e2e

SECRET = "temporal-key"  # noqa: S105 # a name
USES_SECRET = {"apiKeySecretRef": {"name": SECRET, "key": "token"}, "tls": {"mode": "TLS"}}
WATCHES = 8
"""Kinds that are watched: resources, five of children, pods, Secrets."""


@pytest.fixture
async def proxy(operator_config: SingleConfig) -> AsyncGenerator[ApiProxy]:
    async with ApiProxy(operator_config) as proxy:
        yield proxy


@pytest.fixture
async def faulty_bed(bed_alone: Any, proxy: ApiProxy, running: Any) -> AsyncGenerator[Any]:
    """A namespace whose operator reaches the API server through the proxy, and has deployed a process."""
    async with running(Operator(proxy.config, namespace=bed_alone.namespace, monitor_seconds=1, watch_seconds=5)):
        await bed_alone.apply()
        await bed_alone.until("WorkloadReady", "True")
        await wait_for(lambda: proxy.watches >= WATCHES)
        yield bed_alone


async def change_all(bed: Any) -> None:
    """Changes what is seen by a watch each: a resource, a child that goes, a child that is altered."""
    await bed.apply(image={"worker": "registry.test/order-worker:2"}, temporal=USES_SECRET)
    await bed.run("delete", "deployment", "orders-ingress", "--wait=false")
    await bed.run("patch", "configmap", "orders-ingress", "--type=merge", "-p", '{"data":{"ingress.yaml":"x"}}')


async def catches_up(bed: Any, generation: int = 2) -> None:
    """Expects all those changes to be dealt with, and one of a Secret and one of a pod beside."""
    await bed.until("SecretsReady", "False", "SecretMissing")
    await bed.run("create", "secret", "generic", SECRET, "--from-literal=token=t")
    await bed.until("SecretsReady", "True")

    async def is_as_it_should_be() -> bool:
        worker = await bed.get("deployment", "orders-worker")
        ingress = await bed.get("deployment", "orders-ingress")
        config = await bed.get("configmap", "orders-ingress")
        return (
            worker["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":2")
            and "deletionTimestamp" not in ingress.get("metadata", {"deletionTimestamp": ""})
            and "orders-facts" in config["data"]["ingress.yaml"]
        )

    await wait_until(is_as_it_should_be, timeout_s=60)
    await bed.until("WorkloadReady", "True")
    status = (await bed.get("process", "orders"))["status"]
    assert {each["observedGeneration"] for each in status["conditions"]} == {generation}
    assert (status["worker"]["summary"], status["ingress"]["summary"]) == ("1/1", "1/1")


async def test_watches_that_break(faulty_bed: Any, proxy: ApiProxy):
    for _ in range(5):
        assert proxy.break_watches()
        await asyncio.sleep(0.3)
    await change_all(faulty_bed)
    await catches_up(faulty_bed)


@pytest.mark.parametrize(("code", "reason"), [(410, "Expired"), (500, "InternalError")])
async def test_error_in_the_stream_of_watches(faulty_bed: Any, proxy: ApiProxy, code: int, reason: str):
    await wait_for(lambda: proxy.watches >= WATCHES)  # each begins anew now and then
    assert proxy.end_watches(code, reason) >= WATCHES
    await change_all(faulty_bed)
    await catches_up(faulty_bed)


async def test_watches_that_fall_silent(faulty_bed: Any, proxy: ApiProxy):
    with proxy.silent():
        await change_all(faulty_bed)
    await catches_up(faulty_bed)


async def test_deletion_in_a_gap_that_the_server_has_forgotten(faulty_bed: Any, proxy: ApiProxy):
    await faulty_bed.apply("billing")
    await faulty_bed.until("WorkloadReady", "True", name="billing")
    await wait_for(lambda: proxy.watches >= WATCHES)
    with proxy.answering(503, is_watch), proxy.answering(503, is_list):
        assert proxy.end_watches(410, "Expired") >= WATCHES
        await change_all(faulty_bed)
        await faulty_bed.run("delete", "process", "billing")
        await asyncio.sleep(1)
    await catches_up(faulty_bed)
    # One of the name is another: nothing of the first is taken for its own.
    await faulty_bed.apply("billing", image={"worker": "registry.test/billing:7"})
    await faulty_bed.until("WorkloadReady", "True", name="billing")


@pytest.mark.parametrize(("status", "headers"), [(503, {}), (500, {}), (429, {"Retry-After": "2"}), (403, {})], ids=str)
async def test_server_that_refuses_everything_for_a_while(
    faulty_bed: Any, proxy: ApiProxy, status: int, headers: dict[str, str]
):
    with proxy.answering(status, headers=headers) as fault:
        proxy.break_watches()
        await change_all(faulty_bed)
        await asyncio.sleep(6)
    assert fault.met > WATCHES
    await catches_up(faulty_bed)


async def test_an_overloaded_server_is_left_alone_for_as_long_as_it_asks(faulty_bed: Any, proxy: ApiProxy):
    """By itself the operator would try again after half a second, one, two, and so on."""
    with proxy.answering(429, is_write, headers={"Retry-After": "6"}) as fault:
        await faulty_bed.apply(image={"worker": "registry.test/order-worker:2"})
        await wait_for(lambda: fault.met)
        await asyncio.sleep(5)
        assert fault.met == 1
        await wait_for(lambda: fault.met == 2)
    await change_all(faulty_bed)
    await catches_up(faulty_bed, generation=3)


async def test_conflict_on_apply(faulty_bed: Any, proxy: ApiProxy):
    with proxy.answering(409, is_write, times=6) as fault:
        await change_all(faulty_bed)
        await wait_for(lambda: fault.met == 6, timeout_s=60)
    await catches_up(faulty_bed)


async def test_lists_that_take_longer_than_other_requests_may(bed_alone: Any, proxy: ApiProxy, running: Any):
    def slow(request: web.BaseRequest) -> bool:
        return is_list(request) and request.path.endswith(("/processes", "/secrets"))

    with proxy.delaying(12, slow) as fault:
        async with running(Operator(proxy.config, namespace=bed_alone.namespace, monitor_seconds=1)):
            await bed_alone.apply()
            await bed_alone.until("WorkloadReady", "True")
    assert fault.met >= 3


async def test_refusals_at_the_start(bed_alone: Any, proxy: ApiProxy, running: Any):
    with proxy.answering(503) as fault:
        async with running(Operator(proxy.config, namespace=bed_alone.namespace, monitor_seconds=1)):
            await bed_alone.apply()
            await wait_for(lambda: fault.met)
            fault.status = 0
            await bed_alone.until("WorkloadReady", "True")


async def test_rights_that_come_late_and_go_and_come_back(bed_alone: Any, operator_config: SingleConfig, running: Any):
    bed = bed_alone
    await bed.run("delete", "rolebinding", "ameide-operator")
    grant = ("create", "rolebinding", "ameide-operator", "--role=ameide-operator")
    grant += (f"--serviceaccount={bed.namespace}:ameide-operator",)
    async with running(Operator(operator_config, namespace=bed.namespace, monitor_seconds=1, watch_seconds=5)):
        await bed.apply()
        await asyncio.sleep(2)
        await bed.run(*grant)
        await bed.until("WorkloadReady", "True")
        await bed.run("delete", "rolebinding", "ameide-operator")
        await change_all(bed)
        await asyncio.sleep(8)
        await bed.run(*grant)
        await catches_up(bed)


async def test_watch_of_resources_that_shows_nothing_is_started_again(bed_alone: Any, proxy: ApiProxy, running: Any):
    """As by an API server of several that has not heard of the CRD yet; kopf asks once, after us."""
    asked = 0

    def second(request: web.BaseRequest) -> bool:
        nonlocal asked
        asked += request.path == "/apis/ameide.io/v1alpha1"
        return request.path == "/apis/ameide.io/v1alpha1" and asked == 2

    await bed_alone.apply()
    operator = Operator(proxy.config, namespace=bed_alone.namespace, monitor_seconds=1, resync_seconds=4)
    with proxy.answering(404, second) as fault:
        async with running(operator):
            await bed_alone.until("WorkloadReady", "True")
    assert fault.met == 1
    assert asked >= 4


async def test_resource_that_goes_while_all_is_listed_leaves_the_watch_alone(
    bed_alone: Any, proxy: ApiProxy, running: Any
):
    await bed_alone.apply()
    operator = Operator(proxy.config, namespace=bed_alone.namespace, monitor_seconds=1, resync_seconds=4)
    with structlog.testing.capture_logs() as logged:
        async with running(operator):
            await bed_alone.until("WorkloadReady", "True")
            with proxy.delaying(3, lambda request: is_list(request) and request.path.endswith("/pods")) as fault:
                await wait_for(lambda: fault.met)
                await bed_alone.run("delete", "process", "orders")
                await wait_for(lambda: fault.met >= 3, timeout_s=40)
    assert [each for each in logged if "watch of resources" in each["event"]] == []


async def test_quiet_watch_goes_on_from_where_the_server_is(bed_alone: Any, proxy: ApiProxy):
    """What it has seen last would be forgotten by the server sooner or later."""
    versions: list[str] = []

    def note(request: web.BaseRequest) -> bool:
        if is_watch(request):
            versions.append(request.query["resourceVersion"])
        return False

    with proxy.answering(500, note):
        async with Cluster(proxy.config, namespace=bed_alone.namespace, watch_seconds=4) as cluster:
            version = await cluster.list_all("ConfigMap", lambda _: None, labels={"no": "such"})
            changes = cluster.watch("ConfigMap", version, labels={"no": "such"}, metadata_only=True)
            waiting = asyncio.ensure_future(anext(changes))
            await wait_for(lambda: versions)
            await bed_alone.run("create", "configmap", "another")
            await wait_for(lambda: len(versions) == 2, timeout_s=20)
            assert not waiting.done(), "a bookmark is no change"
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
    assert int(versions[1]) > int(versions[0])
