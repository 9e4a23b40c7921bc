"""Settings of Kafka: what they may say, and how what is wrong is named."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ameide_process.configuration import KafkaSubscription, StartupError, load_ingress_configuration
from startup_problems import problems_of
from two_subscriptions import CONTRACT, KAFKA, OUTPUTS, SUBSCRIPTIONS


def loaded_with_instance_id(environ: dict[str, str], value: str, **variables: str) -> KafkaSubscription:
    changed = {**SUBSCRIPTIONS, "orders-facts": {**SUBSCRIPTIONS["orders-facts"], "groupInstanceId": value}}
    Path(environ["INGRESS_CONFIG"]).write_text(json.dumps(changed))
    bound, _ = load_ingress_configuration(CONTRACT, {**environ, **variables}).subscriptions
    assert isinstance(bound.settings, KafkaSubscription)
    return bound.settings


def test_a_static_member_is_named_by_its_environment(environ: Callable[..., dict[str, str]]):
    settings = loaded_with_instance_id(environ(), "ingress-${HOSTNAME}", HOSTNAME="orders-0")
    assert settings.group_instance_id == "ingress-orders-0"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("${NOWHERE}", "variable NOWHERE is not set"),
        ("${", "write variables as ${NAME}"),
        ("${HOSTNAME}/1", "is no id for Kafka"),
        ("..", "is no id for Kafka"),
        ("${HOSTNAME}" * 50, "is no id for Kafka"),
    ],
)
def test_an_id_that_kafka_does_not_take_is_refused(environ: Callable[..., dict[str, str]], value: str, said: str):
    with pytest.raises(StartupError) as refused:
        loaded_with_instance_id(environ(), value, HOSTNAME="orders-0")
    assert "INGRESS_CONFIG orders-facts.groupInstanceId" in str(refused.value)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("change", "place", "value", "advice"),
    [
        ({"tls": "yes"}, "tls", "is a string", "write a mapping of settings"),
        ({"topics": {"a": 1}}, "topics", "is a mapping", "write a list, or one string with commas"),
        ({"consumerGroup": 7}, "consumerGroup", "is a number", "write a string, in quotes where it looks like"),
        ({"sessionTimeoutSeconds": "long"}, "sessionTimeoutSeconds", "is a string", "valid number"),
        ({"sessionTimeoutSeconds": 0}, "sessionTimeoutSeconds", "is wrong", "greater than or equal to 1"),
        ({"format": "xml"}, "format", "is wrong", "'protobuf' or 'json'"),
        ({"bootstrapServers": "b"}, "bootstrapServers", "is wrong", "write host:port, without scheme"),
        ({"bootstrapServers": "b:1,b:0"}, "bootstrapServers", "is wrong", "the port from 1 to 65535"),
        ({"bootstrapServers": "b:70000"}, "bootstrapServers", "is wrong", "the port from 1 to 65535"),
        ({"bootstrapServers": "b:" + "1" * 5000}, "bootstrapServers", "is wrong", "the port from 1 to 65535"),
        ({"topic": "t"}, "", "is wrong", "set topic or topics, not both"),
        ({"topics": "a, b, a"}, "topics", "is wrong", "name each topic once"),
        ({"kind": "pulsar"}, "", "is wrong", "set kind to the transport, one of: kafka"),
    ],
)
def test_a_wrong_setting_is_named_by_place_and_type(
    environ: Callable[..., dict[str, str]], change: dict[str, object], place: str, value: str, advice: str
):
    binding = {**KAFKA, "topics": ["t"], **change}
    subscriptions = {**SUBSCRIPTIONS, "orders-facts": binding}
    (problem,) = problems_of(load_ingress_configuration, CONTRACT, environ(subscriptions))
    assert problem.name == f"INGRESS_CONFIG orders-facts.{place}".rstrip(".")
    assert problem.value == value
    assert advice in problem.advice


NO_TOPICS = ["", " ", "a b/c", ".", "..", "ümlaut", "a\n", "a" * 250]


@pytest.mark.parametrize("topic", NO_TOPICS)
def test_a_topic_that_kafka_cannot_have_is_refused(environ: Callable[..., dict[str, str]], topic: str):
    wrong = environ(
        subscriptions={**SUBSCRIPTIONS, "orders-facts": {**KAFKA, "topics": ["a", topic]}},
        outputs={**OUTPUTS, "dead-letter": {**KAFKA, "topic": topic}, "orders.events": {**KAFKA, "topic": topic}},
    )
    problems = problems_of(load_ingress_configuration, CONTRACT, wrong)
    assert {problem.name for problem in problems} == {
        "INGRESS_CONFIG orders-facts.topics.1",
        "OUTPUT_CONFIG dead-letter.topic",
        "OUTPUT_CONFIG orders.events.topic",
    }
    assert all("1 to 249 letters, digits, dots, underscores and dashes" in problem.advice for problem in problems)


@pytest.mark.parametrize("topic", ["a", "...", ".a", "..a", "A_b-c.9", "a" * 249])
def test_a_topic_that_kafka_can_have_is_taken(environ: Callable[..., dict[str, str]], topic: str):
    subscriptions = {**SUBSCRIPTIONS, "orders-facts": {**KAFKA, "topic": topic}}
    bound, _ = load_ingress_configuration(CONTRACT, environ(subscriptions)).subscriptions
    assert isinstance(bound.settings, KafkaSubscription)
    assert bound.settings.topics == [topic]
