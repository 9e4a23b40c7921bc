"""Subscriptions that would take each other's events are an invalid spec, which names both."""

from typing import Any

import pytest
from ameide_operator.models import ProcessSpec
from ameide_operator.testing import process_resource
from pydantic import ValidationError

KAFKA = {"kind": "kafka", "bootstrapServers": ["broker:9092"], "topic": "orders"}
NATS = {"kind": "nats", "nats": {"servers": ["nats:4222"], "stream": "ORDERS", "durable": "orders"}}
HTTP = {"kind": "http", "http": {"path": "/orders"}}


def spec(*subscriptions: dict[str, Any]) -> ProcessSpec:
    content = process_resource()["spec"]
    named = [{"name": f"s{number}", **each} for number, each in enumerate(subscriptions)]
    return ProcessSpec.model_validate({**content, "ingress": {"subscriptions": named}})


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
    ],
    ids=["kafka", "nats", "http", "http-default-port", "partitions", "subjects"],
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
