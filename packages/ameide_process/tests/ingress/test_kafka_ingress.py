"""The whole ingress program between a real broker and a real Temporal."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import ApacheKafka, CertificateAuthority, EmbeddedKafka, KafkaBroker, TemporalDevServer
from ameide_devstack.testing import wait_until
from ameide_process.converter import DATA_CONVERTER
from ameide_process.ingress.testing import IngressProgram, ingress_program
from ameide_process.routing import Router
from google.protobuf import json_format
from temporalio.client import Client

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Stack:
    """Broker and Temporal, and ingress programs between them."""

    kafka: EmbeddedKafka
    temporal: TemporalDevServer
    client: Client
    producer: AIOKafkaProducer
    router: Router[OrderFulfillmentEvent]
    folder: Path
    free_port: Callable[[], int]

    @contextlib.asynccontextmanager
    async def ingress(
        self,
        topic: str,
        *,
        kafka: KafkaBroker | None = None,
        temporal: TemporalDevServer | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> AsyncGenerator[IngressProgram]:
        """Runs the program as its environment and mounted files tell it."""
        transport = {
            "kind": "kafka",
            "bootstrapServers": (kafka or self.kafka).bootstrap_servers,
            **(settings or {}),
        }
        subscriptions, outputs = self.folder / f"{topic}.ingress.yaml", self.folder / f"{topic}.outputs.yaml"
        source = {"topic": topic, "consumerGroup": topic, **transport}
        subscriptions.write_text(json.dumps({"orders-facts": source}))
        outputs.write_text(json.dumps({"dead-letter": {**transport, "topic": f"{topic}.dead"}}))
        port = self.free_port()
        environ = {
            **(temporal or self.temporal).environment(),
            "INGRESS_CONFIG": str(subscriptions),
            "OUTPUT_CONFIG": str(outputs),
            "PORT_HTTP": str(port),
            "HTTP_HOST": HOST,
        }
        async with ingress_program(self.router, environ) as ingress:
            yield ingress


@pytest.fixture(scope="module")
async def stack(
    kafka: EmbeddedKafka,
    temporal: TemporalDevServer,
    router: Router[OrderFulfillmentEvent],
    tmp_path_factory: pytest.TempPathFactory,
    unused_tcp_port_factory: Callable[[], int],
) -> AsyncGenerator[Stack]:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, max_request_size=10_000_000)
    await producer.start()
    client = await temporal.connect(data_converter=DATA_CONVERTER)
    folder = tmp_path_factory.mktemp("mounted")
    yield Stack(kafka, temporal, client, producer, router, folder, unused_tcp_port_factory)
    await producer.stop()


async def read_all(kafka: KafkaBroker, topic: str, number: int) -> list[ConsumerRecord]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        records: list[ConsumerRecord] = []
        async with asyncio.timeout(20):
            while len(records) < number:
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    records += batch
        # No more than those.
        for batch in (await consumer.getmany(timeout_ms=300)).values():
            records += batch
        return records
    finally:
        await consumer.stop()


def changed(event: OrderFulfillmentEvent, change: Callable[[OrderFulfillmentEvent], object]) -> bytes:
    copy = OrderFulfillmentEvent()
    copy.CopyFrom(event)
    change(copy)
    return copy.SerializeToString()


async def test_every_kind_of_bad_input_is_a_dead_letter_and_all_else_flows(
    stack: Stack,
    order_placed: Callable[..., OrderFulfillmentEvent],
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    received_by: Callable[[Client, str], Awaitable[list[str]]],
) -> None:
    good = order_placed("good")
    odd_keys = ["a/b", "{name}", "100%", "tab\tnul\x00", "ä€😀", "..", " "]
    bad: list[tuple[bytes, list[tuple[str, bytes]], str]] = [
        (b"\xff\xfe\xfd", [], "undecodable"),
        (b"{not json", [("content-type", b"application/json")], "undecodable"),
        (good.SerializeToString(), [("content-type", b"image/png")], "wrong-content-type"),
        (changed(good, lambda e: e.meta.key.ClearField("order_id")), [], "missing-key"),
        (changed(good, lambda e: e.meta.ClearField("key")), [], "missing-key"),
        (changed(good, lambda e: e.meta.ClearField("idempotency_key")), [], "missing-idempotency-key"),
        (changed(good, lambda e: e.ClearField("order_placed")), [], "unknown-case"),
        (changed(good, lambda e: setattr(e.meta, "schema_version", 9)), [], "wrong-schema-version"),
        (changed(good, lambda e: e.meta.ClearField("schema_version")), [], "wrong-schema-version"),
        (changed(good, lambda e: setattr(e.meta.key, "order_id", "k" * 5_000)), [], "key-too-long"),
        (changed(good, lambda e: setattr(e.meta.key, "order_id", "\x01%" * 2_500)), [], "key-too-long"),
        (order_placed("huge", sku="x" * 2_000_000).SerializeToString(), [], "too-large"),
        (order_placed("huger", sku="x" * 5_000_000).SerializeToString(), [], "too-large"),
        (b"", [], "undecodable"),
        (changed(good, lambda e: e.ClearField("meta")), [], "undecodable"),
        (
            good.SerializeToString(),
            [("ce_specversion", b"1.0"), ("ce_id", b"x"), ("ce_type", b"orders.OrderPlaced.v1"), ("ce_source", b"/s")],
            "cloudevent-mismatch",
        ),
    ]
    await stack.kafka.create_topic("bad-input", config={"retention.ms": "-1"})
    await stack.kafka.create_topic("bad-input.dead")
    for number, (value, headers, _) in enumerate(bad):
        await stack.producer.send_and_wait(
            "bad-input", value, key=b"k", headers=[*headers, ("n", str(number).encode())]
        )
        await stack.producer.send_and_wait(
            "bad-input", order_placed("flowing", f"e-{number}").SerializeToString(), key=b"k"
        )
    for key in odd_keys:
        await stack.producer.send_and_wait("bad-input", order_placed(key).SerializeToString())
    await stack.producer.send_and_wait(
        "bad-input",
        json_format.MessageToJson(order_placed("flowing", "as-json")).encode(),
        headers=[("content-type", b"application/json")],
    )
    async with receivers(stack.client), stack.ingress("bad-input") as ingress:
        await wait_until(ingress.is_ready, timeout_s=30)
        dead = await read_all(stack.kafka, "bad-input.dead", len(bad))
        by_number = {dict(record.headers)["n"]: record for record in dead}
        assert len(dead) == len(by_number) == len(bad)
        for number, (value, headers, reason) in enumerate(bad):
            record = by_number[str(number).encode()]
            said = dict(record.headers)
            assert record.value == value
            assert record.key == b"k"
            assert all(header in record.headers for header in headers)
            assert said["dead-letter-reason"].decode() == reason
            assert said["dead-letter-message"]
            if reason == "too-large":
                # Another number than that of the record, which people see first.
                assert b"bytes as protobuf-JSON, as Temporal gets it" in said["dead-letter-message"]
                assert f"({len(value)} bytes as received)".encode() in said["dead-letter-message"]
            assert said["dead-letter-process"] == b"order-fulfillment"
            assert said["dead-letter-source"] == b"bad-input"
            assert said["dead-letter-source-position"] == str(2 * number).encode()
        expected = [*(f"e-{number}" for number in range(len(bad))), "as-json"]

        async def all_flowed() -> bool:
            return await received_by(stack.client, "flowing") == expected

        await wait_until(all_flowed)
        for key in odd_keys:
            workflow_id = stack.router.route(order_placed(key)).workflow_id
            description = await stack.client.get_workflow_handle(workflow_id).describe()
            assert description.id == workflow_id
        # The topic keeps for ever what the namespace forgets after a day, but messages are read as they come.
        assert (await ingress.checks())["source:orders-facts"] == (True, "")
        _, metrics = await ingress.get("/metrics")
        assert 'ameide_ingress_dead_letters_total{reason="too-large",subscription="orders-facts"} 2.0' in metrics
        assert "temporal_request_total" in metrics


async def test_two_members_share_the_work_and_a_leaving_one_loses_nothing(
    stack: Stack,
    order_placed: Callable[..., OrderFulfillmentEvent],
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    received_by: Callable[[Client, str], Awaitable[list[str]]],
) -> None:
    await stack.kafka.create_topic("shared", partitions=4)
    await stack.kafka.create_topic("shared.dead")
    sent: dict[str, list[str]] = {f"shared-{key}": [] for key in range(8)}

    async def produce(number: int) -> None:
        order_id = f"shared-{number % 8}"
        sent[order_id].append(f"e-{number}")
        value = order_placed(order_id, f"e-{number}").SerializeToString()
        await stack.producer.send_and_wait("shared", value, key=order_id.encode())

    async def all_received() -> bool:
        return all(
            [list(dict.fromkeys(await received_by(stack.client, key))) == events for key, events in sent.items()]
        )

    async with receivers(stack.client), stack.ingress("shared") as first:
        await wait_until(first.is_ready, timeout_s=30)
        for number in range(80):
            await produce(number)
        async with stack.ingress("shared") as second:
            await wait_until(second.is_ready, timeout_s=30)
            for number in range(80, 160):
                await produce(number)
            await wait_until(all_received, timeout_s=30)
        for number in range(160, 200):
            await produce(number)
        await wait_until(all_received, timeout_s=30)


async def test_a_broker_that_is_away_is_waited_for(
    stack: Stack, order_placed: Callable[..., OrderFulfillmentEvent]
) -> None:
    async with EmbeddedKafka() as broker:
        await broker.kill()
        async with stack.ingress("patient", kafka=broker) as ingress:

            async def explained() -> bool:
                _, reason = (await ingress.checks()).get("source:orders-facts", (True, ""))
                return f"cannot reach kafka at {broker.bootstrap_servers} for subscription orders-facts" in reason

            await wait_until(explained)
            assert (await ingress.get("/healthz"))[0] == 200
            assert (await ingress.get("/readyz"))[0] == 503
            await broker.start()
            await broker.create_topic("patient.dead")
            producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers)
            await producer.start()
            await producer.send_and_wait("patient", order_placed("patient").SerializeToString())
            await producer.stop()
            await wait_until(ingress.is_ready, timeout_s=40)

            async def delivered() -> bool:
                return 'outcome="accepted",subscription="orders-facts"} 1.0' in (await ingress.get("/metrics"))[1]

            await wait_until(delivered)


@pytest.mark.e2e
async def test_a_topic_that_is_missing_is_named_at_once_and_waited_for(stack: Stack) -> None:
    async def says(ingress: IngressProgram, name: str, reason: str) -> bool:
        ok, said = (await ingress.checks()).get(name, (True, ""))
        return not ok and reason in said

    # The embedded broker makes every topic that somebody asks for.
    async with ApacheKafka() as broker, stack.ingress("unmade", kafka=broker) as ingress:
        await wait_until(lambda: says(ingress, "source:orders-facts", "kafka has no topic unmade,"))
        await wait_until(lambda: says(ingress, "output:dead-letter", "(kafka topic unmade.dead at"))
        assert "the topic does not exist" in (await ingress.checks())["output:dead-letter"][1]
        assert (await ingress.get("/readyz"))[0] == 503
        await broker.create_topic("unmade")
        await broker.create_topic("unmade.dead")
        await wait_until(ingress.is_ready, timeout_s=30)


async def test_one_subscription_reads_several_topics(
    stack: Stack,
    order_placed: Callable[..., OrderFulfillmentEvent],
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    received_by: Callable[[Client, str], Awaitable[list[str]]],
) -> None:
    topics = ["several-a", "several-b", "several-c"]
    for topic in topics:
        await stack.kafka.create_topic(topic, partitions=2)
        for partition in (0, 1):
            value = order_placed(f"{topic}-{partition}", "placed").SerializeToString()
            await stack.producer.send_and_wait(topic, value, partition=partition)
            await stack.producer.send_and_wait(topic, topic.encode(), partition=partition)
    await stack.kafka.create_topic("several.dead")
    async with receivers(stack.client):
        for expected in (["placed"], ["placed", "again"]):
            # The second time from where each of them was committed.
            async with stack.ingress("several", settings={"topic": ",".join(topics)}) as ingress:
                await wait_until(ingress.is_ready, timeout_s=30)

                async def all_received(expected: list[str] = expected) -> bool:
                    names = [f"{topic}-{partition}" for topic in topics for partition in (0, 1)]
                    return all([await received_by(stack.client, name) == expected for name in names])

                await wait_until(all_received, timeout_s=30)
                dead = await read_all(stack.kafka, "several.dead", 6)
                placed = [(each.headers, each.value) for each in dead]
                assert sorted(
                    (dict(headers)["dead-letter-source"], dict(headers)["dead-letter-source-partition"], value)
                    for headers, value in placed
                ) == sorted((topic.encode(), number, topic.encode()) for topic in topics for number in (b"0", b"1"))

                async def all_lags_are_shown(ingress: IngressProgram = ingress) -> bool:
                    _, metrics = await ingress.get("/metrics")
                    lags = [line for line in metrics.splitlines() if line.startswith("ameide_ingress_lag_messages{")]
                    return len(lags) == 6 and all(line.endswith(" 0.0") for line in lags)

                await wait_until(all_lags_are_shown)
            for topic in topics:
                for partition in (0, 1):
                    value = order_placed(f"{topic}-{partition}", "again").SerializeToString()
                    await stack.producer.send_and_wait(topic, value, partition=partition)


@pytest.mark.e2e
async def test_a_missing_topic_does_not_stop_the_others(
    stack: Stack, order_placed: Callable[..., OrderFulfillmentEvent]
) -> None:
    async def accepted(ingress: IngressProgram, number: int) -> bool:
        return f'outcome="accepted",subscription="orders-facts"}} {number}.0' in (await ingress.get("/metrics"))[1]

    async def names_it(ingress: IngressProgram) -> bool:
        ok, said = (await ingress.checks()).get("source:orders-facts", (True, ""))
        return not ok and "kafka has no topic partly-b," in said

    async def shows_lag(ingress: IngressProgram) -> bool:
        return 'partition="0",source="partly-a"' in (await ingress.get("/metrics"))[1]

    # The embedded broker makes every topic that somebody asks for.
    async with ApacheKafka() as broker:
        producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers)
        await producer.start()
        await broker.create_topic("partly.dead")
        await broker.create_topic("partly-a")
        await producer.send_and_wait("partly-a", order_placed("partly-1").SerializeToString())
        async with stack.ingress("partly", kafka=broker, settings={"topic": "partly-a,partly-b"}) as ingress:
            await wait_until(lambda: accepted(ingress, 1), timeout_s=30)
            await wait_until(lambda: names_it(ingress))
            await wait_until(lambda: shows_lag(ingress))
            await broker.create_topic("partly-b")
            await producer.send_and_wait("partly-b", order_placed("partly-2").SerializeToString())
            await wait_until(lambda: accepted(ingress, 2), timeout_s=30)
            await wait_until(ingress.is_ready, timeout_s=30)
            # And so it is with one that goes while it is read.
            await broker.delete_topic("partly-b")
            await wait_until(lambda: names_it(ingress), timeout_s=30)
            await producer.send_and_wait("partly-a", order_placed("partly-3").SerializeToString())
            await wait_until(lambda: accepted(ingress, 3), timeout_s=30)
            await broker.create_topic("partly-b")
            await producer.send_and_wait("partly-b", order_placed("partly-4").SerializeToString())
            await wait_until(lambda: accepted(ingress, 4), timeout_s=30)
            await wait_until(ingress.is_ready, timeout_s=30)
        await producer.stop()


async def test_a_broker_that_dies_is_noticed_soon(stack: Stack) -> None:
    async with EmbeddedKafka() as broker:
        await broker.create_topic("mortal")
        await broker.create_topic("mortal.dead")
        async with stack.ingress("mortal", kafka=broker) as ingress:
            await wait_until(ingress.is_ready, timeout_s=30)
            await broker.kill()

            async def noticed() -> bool:
                checks = await ingress.checks()
                return not checks["source:orders-facts"][0] and not checks["output:dead-letter"][0]

            await wait_until(noticed, timeout_s=10)


async def test_temporal_away_at_the_start_is_waited_for(stack: Stack, tmp_path: Path) -> None:
    server = TemporalDevServer(db_filename=tmp_path / "t.db")
    await stack.kafka.create_topic("early")
    await stack.kafka.create_topic("early.dead")
    try:
        async with stack.ingress("early", temporal=server) as ingress:

            async def explained() -> bool:
                ok, reason = (await ingress.checks()).get("temporal", (True, ""))
                return not ok and f"cannot connect to Temporal at {server.address}: Connection refused" in reason

            await wait_until(explained)
            await server.start()
            await wait_until(ingress.is_ready, timeout_s=30)
            _, contract = await ingress.get("/contract")
            assert json.loads(contract) == {
                "name": "order-fulfillment",
                "workflowType": "OrderReceiver",
                "taskQueue": "order-fulfillment",
                "apiVersion": "1.0",
                "digest": "0" * 64,
            }
    finally:
        await server.close()


async def test_a_stop_while_nothing_is_reachable_is_quick(stack: Stack) -> None:
    server, broker = TemporalDevServer(), EmbeddedKafka()
    try:
        async with (
            asyncio.timeout(5),
            stack.ingress("nowhere", kafka=broker, temporal=server) as it,
        ):
            await wait_until(it.checks)
    finally:
        await server.close()
        await broker.close()


@pytest.mark.e2e
async def test_members_and_broker_that_come_and_go_lose_nothing_and_keep_order(
    stack: Stack,
    order_placed: Callable[..., OrderFulfillmentEvent],
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    received_by: Callable[[Client, str], Awaitable[list[str]]],
) -> None:
    keys = [f"restless-{key}" for key in range(20)]
    sent: dict[str, list[str]] = {key: [] for key in keys}
    async with ApacheKafka() as broker:
        await broker.create_topic("restless", partitions=6)
        await broker.create_topic("restless.dead")
        producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers, linger_ms=5)
        await producer.start()

        async def produce() -> None:
            for number in range(3_000):
                key = keys[number % len(keys)]
                event = order_placed(key, f"e-{number}")
                sent[key].append(f"e-{number}")
                await producer.send("restless", event.SerializeToString(), key=key.encode())
                if number % 20 == 0:
                    await asyncio.sleep(0.05)
            await producer.flush()

        async def all_received() -> bool:
            seen = {key: list(dict.fromkeys(await received_by(stack.client, key))) for key in keys}
            return seen == sent

        async with receivers(stack.client), stack.ingress("restless", kafka=broker) as stays:
            await wait_until(stays.is_ready, timeout_s=30)
            producing = asyncio.create_task(produce())
            async with stack.ingress("restless", kafka=broker) as second:
                await wait_until(second.is_ready, timeout_s=60)
                async with stack.ingress("restless", kafka=broker):
                    await asyncio.sleep(2)
                await broker.kill()
                await asyncio.sleep(1)
                await broker.start()
                await asyncio.sleep(2)
            await producing
            await wait_until(all_received, timeout_s=90)

            async def nothing_is_left() -> bool:
                _, metrics = await stays.get("/metrics")
                lags = [line for line in metrics.splitlines() if line.startswith("ameide_ingress_lag_messages{")]
                return len(lags) == 6 and all(line.endswith(" 0.0") for line in lags)

            await wait_until(nothing_is_left, timeout_s=30)
        await producer.stop()


def plain_login(servers: str, password: Path) -> dict[str, object]:
    sasl = {"mechanism": "PLAIN", "username": "ingress", "passwordFile": str(password)}
    return {"bootstrapServers": servers, "sasl": sasl}


async def says_why(stack: Stack, topic: str, settings: dict[str, object], said: str) -> str:
    """Waits until source and output say so; returns all that is said."""
    async with stack.ingress(topic, settings=settings) as ingress:

        async def named() -> bool:
            checks = await ingress.checks()
            names = ("source:orders-facts", "output:dead-letter")
            return all(said in checks.get(name, (True, ""))[1] for name in names)

        await wait_until(named, timeout_s=20)
        return (await ingress.get("/readyz"))[1]


async def test_a_login_where_none_is_taken_is_named(stack: Stack, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("s3cret")
    said = "it takes no login by sasl.mechanism 'PLAIN'; use one that the broker enables, or leave sasl out"
    assert "s3cret" not in await says_why(stack, "login", plain_login(stack.kafka.bootstrap_servers, password), said)


@pytest.mark.e2e
async def test_a_broker_that_asks_for_tls_and_a_login(
    stack: Stack, tmp_path: Path, order_placed: Callable[..., OrderFulfillmentEvent]
) -> None:
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("s3cret-of-the-ingress\n")
    wrong.write_text("s3cret-of-another")
    async with ApacheKafka(users={"ingress": "s3cret-of-the-ingress"}) as broker:
        foreign = CertificateAuthority(tmp_path / "pki").certificate

        def settings(password: Path, authority: Path) -> dict[str, object]:
            sasl = {"mechanism": "PLAIN", "username": "ingress", "passwordFile": str(password)}
            return {"bootstrapServers": broker.secured_servers, "tls": {"caFile": str(authority)}, "sasl": sasl}

        await broker.create_topic("secured")
        await broker.create_topic("secured.dead")
        refusals: list[tuple[str, dict[str, object]]] = [
            ("it refuses the login of user 'ingress'", settings(wrong, broker.authority.certificate)),
            ("its certificate is not trusted", settings(right, foreign)),
            ("it takes no TLS handshake", {"bootstrapServers": broker.bootstrap_servers, "tls": {}}),
            ("set tls, and sasl", {"bootstrapServers": broker.secured_servers}),
            ("this address takes no login; leave sasl out", plain_login(broker.bootstrap_servers, right)),
        ]
        for said, refused in refusals:
            assert "s3cret" not in await says_why(stack, "secured", refused, said)
        producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers)
        await producer.start()
        await producer.send_and_wait("secured", order_placed("secured").SerializeToString())
        await producer.send_and_wait("secured", b"\xff")
        await producer.stop()
        async with stack.ingress("secured", settings=settings(right, broker.authority.certificate)) as ingress:
            await wait_until(ingress.is_ready, timeout_s=30)
            (dead,) = await read_all(broker, "secured.dead", 1)
            assert dead.value == b"\xff"
        workflow_id = stack.router.route(order_placed("secured")).workflow_id
        assert (await stack.client.get_workflow_handle(workflow_id).describe()).id == workflow_id
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
        await admin.start()
        committed = await admin.list_consumer_group_offsets("secured")
        await admin.close()
        assert committed[TopicPartition("secured", 0)].offset == 2
