"""TLS and logins of brokers: taken where right, named where wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import ApacheKafka, CertificateAuthority
from ameide_devstack.testing import wait_until
from kafka_stack import Stack, read_all


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
