"""A Process resource becomes running programs: pods are processes, all that they and the operator talk to is real."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    ORDER_OUTCOME_FULFILLED,
    OrderFulfillmentEvent,
    OrderFulfillmentResultV1,
    OrderKey,
    OrderPlaced,
    PaymentAuthorized,
    ShipmentCreated,
)
from ameide_devstack import ApacheKafka, Kubernetes, TemporalDevServer
from ameide_devstack.testing import wait_for, wait_until
from ameide_operator.operator import Operator
from ameide_operator.testing import ProcessKubelet, process_resource
from ameide_process.converter import DATA_CONVERTER
from lightkube import KubeConfig
from order_fulfillment_generated.contract import workflow_id
from order_fulfillment_generated.testing import Payload, event
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

pytestmark = pytest.mark.e2e

KUBECTL = Path(sys.executable).with_name("kubectl")
CRD_FILE = Path(__file__).parents[1] / "services" / "operator" / "crd.yaml"
NAMESPACE = "orders"
TOPIC = "orders-facts"
DEAD_LETTER_TOPIC = "orders.dead-letter"
PATIENCE_S = 180
SECONDS_BETWEEN_ORDERS = 0.5
WORKER = (sys.executable, "-m", "order_fulfillment_generated.worker")
INGRESS = (sys.executable, "-m", "order_fulfillment_generated.ingress")
COMMANDS = {"registry.test/worker:1": WORKER, "registry.test/worker:2": WORKER, "registry.test/ingress:1": INGRESS}
QUICK = {
    "matching.PollerHistoryTTL": "2s",
    "matching.wv.VersionDrainageStatusVisibilityGracePeriod": "2s",
    "matching.wv.VersionDrainageStatusRefreshInterval": "1s",
}


@dataclass
class Site:
    """Everything that a process is deployed on, and an operator that deploys it."""

    cluster: Kubernetes
    temporal: TemporalDevServer
    kafka: ApacheKafka
    client: Client

    async def kubectl(self, *arguments: str, content: str | None = None) -> str:
        command = [KUBECTL, "--kubeconfig", self.cluster.kubeconfig, "--namespace", NAMESPACE, *arguments]
        run = asyncio.to_thread(subprocess.run, command, input=content, capture_output=True, text=True, check=False)
        done = await run
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def apply(self, build: int) -> None:
        """Wants a build of the worker."""
        broker = {"kind": "kafka", "bootstrapServers": [self.kafka.bootstrap_servers]}
        resource = process_resource(
            namespace=NAMESPACE,
            image={"worker": f"registry.test/worker:{build}", "ingress": "registry.test/ingress:1"},
            temporal={"address": self.temporal.address, "namespace": self.temporal.namespace},
            ingress={"subscriptions": [{"name": "orders-facts", "topic": TOPIC, **broker}]},
            outputs=[{"name": "dead-letter", "topic": DEAD_LETTER_TOPIC, **broker}],
            rollout={"buildId": f"b{build}"},
        )
        await self.kubectl("apply", "-f", "-", content=json.dumps(resource))

    async def status(self) -> dict[str, Any]:
        resource = json.loads(await self.kubectl("get", "process", "order-fulfillment", "-o", "json"))
        return resource.get("status", {})

    async def until_ready(self, build: int) -> None:
        """Waits until all is well with a build; otherwise shows what is said of it."""

        async def ready() -> bool:
            status = await self.status()
            conditions = {each["type"]: each for each in status.get("conditions", ())}
            well = conditions.get("Ready", {}).get("reason") == "Available"
            return well and status["rollout"].get("current") == f"b{build}"

        try:
            await wait_until(ready, timeout_s=PATIENCE_S)
        except TimeoutError:
            pytest.fail(json.dumps(await self.status(), indent=1))

    async def deployments(self) -> set[str]:
        """Builds of the worker that have a Deployment."""
        listed = json.loads(await self.kubectl("get", "deployments", "-o", "json"))["items"]
        builds = (each["metadata"].get("annotations", {}).get("ameide.io/build-id") for each in listed)
        return {build for build in builds if build}

    async def publish(self, *events: OrderFulfillmentEvent) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap_servers)
        await producer.start()
        try:
            for each in events:
                key = each.meta.key.order_id.encode()
                await producer.send_and_wait(TOPIC, each.SerializeToString(), key=key)
        finally:
            await producer.stop()

    async def handle(self, of: OrderFulfillmentEvent) -> WorkflowHandle[Any, OrderFulfillmentResultV1]:
        """The workflow of an event, once it is started."""
        handle = self.client.get_workflow_handle(workflow_id(of), result_type=OrderFulfillmentResultV1)

        async def started() -> bool:
            try:
                return bool(await handle.describe())
            except RPCError:
                return False

        await wait_until(started, timeout_s=PATIENCE_S)
        return handle


@pytest.fixture
async def site(tmp_path: Path) -> AsyncGenerator[Site]:
    async with Kubernetes() as cluster, TemporalDevServer(dynamic_config=QUICK) as temporal, ApacheKafka() as kafka:
        await kafka.create_topic(TOPIC, partitions=2)
        await kafka.create_topic(DEAD_LETTER_TOPIC)
        site = Site(cluster, temporal, kafka, await temporal.connect(data_converter=DATA_CONVERTER))
        await site.kubectl("apply", "--server-side", "-f", str(CRD_FILE))
        await site.kubectl("create", "namespace", NAMESPACE)
        explain = [KUBECTL, "--kubeconfig", cluster.kubeconfig, "explain", "processes.ameide.io"]
        await wait_for(lambda: subprocess.run(explain, capture_output=True, check=False).returncode == 0)
        config = KubeConfig.from_file(cluster.kubeconfig).get()
        assert config is not None
        async with ProcessKubelet(config, NAMESPACE, COMMANDS, tmp_path / "pods"):
            operator = asyncio.create_task(Operator(config, namespace=NAMESPACE, monitor_seconds=2).run())
            yield site
            if operator.done():
                operator.result()  # raises what ended it
            operator.cancel()
            with suppress(asyncio.CancelledError):
                await operator


def of(order: str, number: int, payload: Payload) -> OrderFulfillmentEvent:
    return event(OrderKey(tenant_id="acme", order_id=order), payload, f"{order}-{number}")


def story(order: str) -> tuple[OrderFulfillmentEvent, OrderFulfillmentEvent, OrderFulfillmentEvent]:
    """Placed, paid, shipped."""
    return (
        of(order, 1, OrderPlaced(order_id=order)),
        of(order, 2, PaymentAuthorized(order_id=order, payment_id="p")),
        of(order, 3, ShipmentCreated(order_id=order, shipment_id="s")),
    )


async def build_of(handle: WorkflowHandle[Any, Any]) -> str:
    """The build that has a workflow's last task."""
    raw = (await handle.describe()).raw_description.workflow_execution_info
    return raw.versioning_info.deployment_version.build_id


async def test_programs_run_and_a_new_build_rolls_out_under_load(site: Site):
    await site.apply(1)
    await site.until_ready(1)
    status = await site.status()
    assert (status["worker"]["summary"], status["ingress"]["summary"]) == ("1/1", "1/1")
    placed, paid, shipped = story("first")
    await site.publish(placed, paid, shipped)
    first = await site.handle(placed)
    assert (await first.result()).outcome == ORDER_OUTCOME_FULFILLED
    assert await build_of(first) == "b1"

    rolled_out = asyncio.Event()
    stories: list[tuple[OrderFulfillmentEvent, ...]] = []

    async def load() -> None:
        """Orders that are placed before, during and after; every second one ends at once, the others at the end."""
        while not rolled_out.is_set() or len(stories) % 10:
            placed, paid, shipped = story(f"o-{len(stories)}")
            stories.append((placed, paid, shipped))
            await site.publish(*((placed, paid, shipped) if len(stories) % 2 else (placed,)))
            await asyncio.sleep(SECONDS_BETWEEN_ORDERS)
        await site.publish(*(each for _, paid, shipped in stories for each in (paid, shipped)))

    loading = asyncio.create_task(load())
    await (await site.handle(story("o-2")[0])).describe()
    await site.apply(2)
    await site.until_ready(2)
    rolled_out.set()
    await loading
    handles = [await site.handle(placed) for placed, *_ in stories]
    async with asyncio.timeout(PATIENCE_S):
        results = await asyncio.gather(*(handle.result() for handle in handles))
    assert {result.outcome for result in results} == {ORDER_OUTCOME_FULFILLED}
    assert {await build_of(handle) for handle in handles} == {"b1", "b2"}

    async def first_build_is_gone() -> bool:
        return await site.deployments() == {"b2"}

    await wait_until(first_build_is_gone, timeout_s=PATIENCE_S)
