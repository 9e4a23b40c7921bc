"""Subscriptions that would take each other's events are an invalid spec, which names both."""

from typing import Any

import pytest
from ameide_operator.models import ProcessSpec
from ameide_operator.testing import process_resource
from pydantic import ValidationError

KAFKA = {"kind": "kafka", "bootstrapServers": ["broker:9092"], "topic": "orders"}
NATS = {"kind": "nats", "nats": {"servers": ["nats:4222"], "stream": "ORDERS", "durable": "orders"}}
HTTP = {"kind": "http", "http": {"path": "/orders"}}


def spec(*subscriptions: dict[str, Any], **more: Any) -> ProcessSpec:
    content = process_resource()["spec"]
    named = [{"name": f"s{number}", **each} for number, each in enumerate(subscriptions)]
    return ProcessSpec.model_validate({**content, "ingress": {"subscriptions": named}, **more})


def of_nats(**source: Any) -> dict[str, Any]:
    return {"kind": "nats", "nats": {"servers": ["nats:4222"], "stream": "ORDERS", **source}}


@pytest.mark.parametrize(
    ("subscriptions", "said"),
    [
        ([{**KAFKA, "consumerGroup": "g"}] * 2, "subscriptions[0] has the same topic and consumerGroup"),
        ([NATS, NATS], "subscriptions[0] has the same stream and durable"),
        ([HTTP, HTTP], "subscriptions[0] has the same path and port"),
        ([HTTP, {"kind": "http", "http": {"path": "/orders", "port": 8090}}], "has the same path and port"),
        ([of_nats(partitions=["a.>", "a.b"])], "subscriptions[0].nats.partitions: a.> and a.b share a subject"),
        (
            [of_nats(subjects=["a.*", "a.b"])],
            "[0].nats.subjects: a.* has the events of a.b too; leave a.b out",
        ),
        (
            [{**HTTP, "tls": {"mode": "TLS"}, "authSecretRef": "web"}, {"kind": "http"}],
            "subscriptions[1].tls: spec.ingress.subscriptions[0] listens on port 8090 too",
        ),
    ],
    ids=["kafka", "nats", "http", "http-default-port", "partitions", "subjects", "http-tls"],
)
def test_what_is_shared_is_named(subscriptions: list[dict[str, Any]], said: str):
    with pytest.raises(ValidationError) as caught:
        spec(*subscriptions)
    (problem,) = caught.value.errors()
    assert said in problem["msg"]


@pytest.mark.parametrize(
    "subscriptions",
    [
        [KAFKA, KAFKA],
        [{**KAFKA, "consumerGroup": "g"}, {**KAFKA, "consumerGroup": "g", "topic": "payments"}],
        [{**KAFKA, "consumerGroup": "g"}, {**KAFKA, "consumerGroup": "g", "bootstrapServers": ["other:9092"]}],
        [HTTP, {"kind": "http", "http": {"path": "/orders", "port": 8091}}],
        [HTTP, {"kind": "http", "http": {"path": "/orders/"}}],
        [{"kind": "http"}, {"kind": "http"}],
        [of_nats(partitions=["a.*", "b.>", "a.b.c"])],
        [of_nats(subjects=["a.*.c", "a.b.*"])],
        [of_nats(), of_nats()],
    ],
    ids=[
        "groups of their own",
        "topics",
        "clusters",
        "ports",
        "paths",
        "paths of their own",
        "subjects of partitions",
        "subjects, none within another",
        "durables of their own",
    ],
)
def test_what_is_not_shared_is_taken(subscriptions: list[dict[str, Any]]):
    assert spec(*subscriptions).ingress


@pytest.mark.parametrize(
    "subscription",
    [
        {"kind": "http", "http": {"path": "//"}},
        {"kind": "http", "http": {"path": "/a//b"}},
        of_nats(subjects=["a.>.b"]),
    ],
    ids=["empty segment", "empty segment within", "> that is not last"],
)
def test_what_can_never_be_is_refused(subscription: dict[str, Any]):
    with pytest.raises(ValidationError, match="pattern"):
        spec(subscription)


DEAD_ON_KAFKA = {"name": "dead-letter", "kind": "kafka", "bootstrapServers": ["Broker:9092"], "topic": "orders"}
DEAD_ON_NATS = {"name": "dead-letter", "kind": "nats", "nats": {"servers": ["nats:4222"], "subject": "a.dead"}}


@pytest.mark.parametrize(
    ("subscription", "output", "said"),
    [
        (KAFKA, DEAD_ON_KAFKA, "spec.outputs[0].topic: spec.ingress.subscriptions[0] reads it"),
        (of_nats(subjects=["a.>"]), DEAD_ON_NATS, "[0].nats.subject: spec.ingress.subscriptions[0] reads"),
        (
            of_nats(partitions=["a.*"]),
            DEAD_ON_NATS,
            "[0].nats.subject: spec.ingress.subscriptions[0] reads",
        ),
    ],
    ids=["kafka", "nats-subjects", "nats-partitions"],
)
def test_dead_letters_that_come_back_are_named(subscription: dict[str, Any], output: dict[str, Any], said: str):
    with pytest.raises(ValidationError) as caught:
        spec(subscription, outputs=[output])
    (problem,) = caught.value.errors()
    assert said in problem["msg"]


@pytest.mark.parametrize(
    ("subscription", "output"),
    [
        ({**KAFKA, "topic": "payments"}, DEAD_ON_KAFKA),
        ({**KAFKA, "bootstrapServers": ["other:9092"]}, DEAD_ON_KAFKA),
        (of_nats(subjects=["b.>"]), DEAD_ON_NATS),
        (of_nats(subjects=["a.>"]), DEAD_ON_KAFKA),
        (HTTP, DEAD_ON_KAFKA),
    ],
    ids=["another-topic", "another-cluster", "another-subject", "another-kind", "http"],
)
def test_dead_letters_that_do_not_come_back_are_taken(subscription: dict[str, Any], output: dict[str, Any]):
    spec(subscription, outputs=[output])


def test_a_port_may_be_shared_with_one_certificate():
    tls = {"tls": {"mode": "TLS"}, "authSecretRef": "web"}
    spec({**HTTP, **tls}, {"kind": "http", **tls})
