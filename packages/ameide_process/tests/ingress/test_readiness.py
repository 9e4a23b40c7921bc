"""What `/readyz` of an ingress says when something it needs is away: that it is not ready, why, and what to do."""

import contextlib
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import TopicAlreadyExistsError
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import EmbeddedKafka, TemporalDevServer
from ameide_devstack.testing import wait_until
from ameide_process.configuration import StartupError
from ameide_process.ingress._engine import NO_PARTITION
from ameide_process.ingress.testing import IngressProgram, ingress_program
from ameide_process.routing import Router
from temporalio.client import Client, WorkflowExecutionStatus

OrderRouter = Router[OrderFulfillmentEvent]
Run = Callable[..., AbstractAsyncContextManager[IngressProgram]]


@pytest.fixture
def run(
    router: OrderRouter,
    kafka: EmbeddedKafka,
    temporal: TemporalDevServer,
    tmp_path: Path,
    unused_tcp_port_factory: Callable[[], int],
) -> Run:
    """Runs an ingress program; what a test takes away from it is the test's own."""

    def make(
        topic: str,
        *,
        source: EmbeddedKafka = kafka,
        dead_letters: EmbeddedKafka = kafka,
        server: TemporalDevServer = temporal,
        settings: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> AbstractAsyncContextManager[IngressProgram]:
        subscriptions, outputs = tmp_path / f"{topic}.ingress.json", tmp_path / f"{topic}.outputs.json"
        subscription = {
            "kind": "kafka",
            "bootstrapServers": source.bootstrap_servers,
            "topic": topic,
            "consumerGroup": topic,
            "sessionTimeoutSeconds": 1,
            **(settings or {}),
        }
        subscriptions.write_text(json.dumps({"orders-facts": subscription}))
        dead = {"kind": "kafka", "bootstrapServers": dead_letters.bootstrap_servers, "topic": f"{topic}.dead"}
        outputs.write_text(json.dumps({"dead-letter": dead}))
        environment = {
            **server.environment(),
            "INGRESS_CONFIG": str(subscriptions),
            "OUTPUT_CONFIG": str(outputs),
            "HTTP_HOST": "127.0.0.1",
            "PORT_HTTP": str(unused_tcp_port_factory()),
            **(environ or {}),
        }
        return ingress_program(router, environment)

    return make


@dataclass(frozen=True)
class Reason:
    """Waits for a check to fail with a reason, and sees that this is what `/readyz` answers."""

    ingress: IngressProgram

    async def says(self, check: str, *texts: str, timeout_s: float = 30.0) -> None:
        async def said() -> bool:
            ok, reason = (await self.ingress.checks()).get(check, (True, ""))
            return not ok and all(text in reason for text in texts)

        await wait_until(said, timeout_s=timeout_s)
        assert (await self.ingress.get("/readyz"))[0] == 503
        # Up all the same: a restart would not help.
        assert (await self.ingress.get("/healthz"))[0] == 200
        assert f'ameide_readiness_check{{check="{check}"}} 0.0' in (await self.ingress.get("/metrics"))[1]


async def send(kafka: EmbeddedKafka, topic: str, *values: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    await producer.start()
    for value in values:
        await producer.send_and_wait(topic, value)
    await producer.stop()


async def test_temporal_away(run: Run, tmp_path: Path, order_placed: Callable[..., OrderFulfillmentEvent]) -> None:
    async with (
        EmbeddedKafka() as kafka,
        TemporalDevServer(db_filename=tmp_path / "temporal.db") as server,
    ):
        for topic in ("temporal-away", "temporal-away.dead"):
            await kafka.create_topic(topic)
        async with run("temporal-away", source=kafka, dead_letters=kafka, server=server) as ingress:
            await wait_until(ingress.is_ready, timeout_s=30)
            await server.kill()
            await Reason(ingress).says("temporal", f"Temporal at {server.address} does not answer")
            await send(kafka, "temporal-away", order_placed("temporal-away").SerializeToString())
            await Reason(ingress).says("delivery:orders-facts", "Temporal takes no events", "none are lost")
            await server.start()
            await wait_until(ingress.is_ready, timeout_s=40)


async def test_broker_away(run: Run) -> None:
    async with EmbeddedKafka() as kafka:
        for topic in ("broker-away", "broker-away.dead"):
            await kafka.create_topic(topic)
        async with run("broker-away", source=kafka, dead_letters=kafka) as ingress:
            await wait_until(ingress.is_ready, timeout_s=30)
            await kafka.kill()
            await Reason(ingress).says(
                "source:orders-facts", f"cannot reach kafka at {kafka.bootstrap_servers}", "check bootstrapServers"
            )


async def test_no_assignment(run: Run, kafka: EmbeddedKafka) -> None:
    for topic in ("unassigned", "unassigned.dead"):
        await kafka.create_topic(topic)
    # The embedded broker lets a member in after half its session timeout.
    settings = {"sessionTimeoutSeconds": 10}
    async with run("unassigned", settings=settings) as ingress:
        await Reason(ingress).says("source:orders-facts", "kafka group unassigned has not given us partitions yet")
        await wait_until(ingress.is_ready, timeout_s=30)


async def test_a_member_beyond_the_partitions_is_a_spare_and_says_so(run: Run, kafka: EmbeddedKafka) -> None:
    for topic in ("spare", "spare.dead"):
        await kafka.create_topic(topic)
    async with (
        run("spare") as one,
        run("spare") as other,
    ):

        async def one_is_spare() -> bool:
            checks = [(await each.checks()).get("source:orders-facts", (False, "")) for each in (one, other)]
            return sorted(checks) == [
                (True, ""),
                (True, NO_PARTITION),
            ]

        await wait_until(one_is_spare, timeout_s=40)
        # Unready it would hold up every rollout.
        assert await one.is_ready()
        assert await other.is_ready()


async def test_the_oldest_unacknowledged_message_is_too_old(
    run: Run,
    kafka: EmbeddedKafka,
    client: Client,
    cancel_order: Callable[[str], OrderFulfillmentEvent],
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
) -> None:
    for topic in ("too-old", "too-old.dead"):
        await kafka.create_topic(topic)
    async with run("too-old", environ={"INGRESS_OLDEST_UNACKNOWLEDGED_SECONDS": "1.5"}) as ingress:
        workflow_id = "proc/order-fulfillment/t/too-old"
        async with receivers(client):
            await send(kafka, "too-old", cancel_order("too-old").SerializeToString())
            await wait_until(ingress.is_ready, timeout_s=30)

            async def closed() -> bool:
                if 'outcome="accepted",subscription="orders-facts"} 1.0' not in (await ingress.get("/metrics"))[1]:
                    return False
                description = await client.get_workflow_handle(workflow_id).describe()
                return description.status is WorkflowExecutionStatus.COMPLETED

            await wait_until(closed, timeout_s=30)
        # Without a worker the closed run cannot say whether it has this.
        late = cancel_order("too-old")
        late.meta.idempotency_key = "another"
        await send(kafka, "too-old", late.SerializeToString())
        await Reason(ingress).says(
            "delivery:orders-facts",
            f"too-old/0: the oldest message, at 1, of workflow '{workflow_id}' is unacknowledged for ",
            "(1.5 s are allowed): closed, and its last run does not say what it applied",
            "is a worker running?",
            timeout_s=40,
        )
        async with receivers(client):
            await wait_until(ingress.is_ready, timeout_s=40)


async def test_dead_letter_down(run: Run, kafka: EmbeddedKafka) -> None:
    await kafka.create_topic("no-dead")
    async with EmbeddedKafka() as down:
        await down.create_topic("no-dead.dead")
        async with run("no-dead", dead_letters=down) as ingress:
            await wait_until(ingress.is_ready, timeout_s=30)
            await down.kill()
            where = f"output dead-letter (kafka topic no-dead.dead at {down.bootstrap_servers})"
            await Reason(ingress).says("output:dead-letter", where)
            await send(kafka, "no-dead", b"\xff")
            await Reason(ingress).says("delivery:orders-facts", "no-dead/0: dead-letter stream: ", where, timeout_s=60)
            await down.start()
            # This broker makes topics that are asked for, and forgets them as it ends: the ingress may have been first.
            with contextlib.suppress(TopicAlreadyExistsError):
                await down.create_topic("no-dead.dead")
            await wait_until(ingress.is_ready, timeout_s=60)


@pytest.mark.parametrize("text", ["soon", "0", "-1", "inf", "nan"])
async def test_a_threshold_that_is_none_is_a_startup_error(run: Run, text: str) -> None:
    with pytest.raises(StartupError, match=r"INGRESS_OLDEST_UNACKNOWLEDGED_SECONDS .*number of seconds above 0"):
        async with run("never", environ={"INGRESS_OLDEST_UNACKNOWLEDGED_SECONDS": text}):
            pass
