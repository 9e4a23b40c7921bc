"""Dead letters that the ingress would read again are refused at start."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ameide_process.configuration import IngressConfiguration, StartupError
from bound_ingress import load_bound

Load = Callable[[dict[str, Any], dict[str, Any]], IngressConfiguration]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads an ingress with the subscriptions that INGRESS_CONFIG binds."""

    def read(bindings: dict[str, Any], outputs: dict[str, Any]) -> IngressConfiguration:
        return load_bound(tmp_path, bindings, outputs)

    return read


def from_kafka(**changes: object) -> dict[str, object]:
    return {"kind": "kafka", "bootstrapServers": "a:1,b:1", "topics": ["orders", "returns"], **changes}


def to_kafka(**changes: object) -> dict[str, object]:
    return {"kind": "kafka", "bootstrapServers": ["B:1"], "topic": "returns", **changes}


def from_nats(**changes: object) -> dict[str, object]:
    return {"kind": "nats", "servers": "a:1,b:1", "stream": "S", **changes}


def to_nats(**changes: object) -> dict[str, object]:
    return {"kind": "nats", "servers": "b:1", "subject": "orders.dead", **changes}


@pytest.mark.parametrize(
    ("source", "output", "written", "read"),
    [
        (from_kafka(), to_kafka(), "topic", "topics"),
        (from_kafka(topics=None, topic="returns"), to_kafka(), "topic", "topics"),
        (from_nats(subjects="x, orders.>"), to_nats(), "subject", "subjects"),
        (from_nats(partitions=["orders.a", "*.dead"]), to_nats(), "subject", "partitions"),
    ],
    ids=["topics", "topic", "subjects", "partitions"],
)
def test_an_output_that_is_a_source_is_refused_with_both_settings(
    load: Load, source: dict[str, object], output: dict[str, object], written: str, read: str
):
    source = {name: value for name, value in source.items() if value is not None}
    other = from_kafka(bootstrapServers="c:1", deadLetter="dead-letter.other")
    with pytest.raises(StartupError) as caught:
        load({"mine": source, "other": other}, {"dead-letter": output, "dead-letter.other": to_kafka(topic="dead")})
    (problem,) = caught.value.problems
    assert (problem.name, problem.value) == (f"OUTPUT_CONFIG dead-letter.{written}", output[written])
    assert f"INGRESS_CONFIG mine.{read} " in problem.advice
    assert caught.value.exit_code == 2


def test_dead_letters_of_one_subscription_may_not_come_in_by_another(load: Load):
    bindings = {"mine": from_kafka(topics="orders"), "other": from_kafka(topics="returns", deadLetter="dead-letter.b")}
    with pytest.raises(StartupError) as caught:
        load(bindings, {"dead-letter": to_kafka(), "dead-letter.b": to_kafka(topic="dead")})
    (problem,) = caught.value.problems
    assert problem.name == "OUTPUT_CONFIG dead-letter.topic"
    assert "INGRESS_CONFIG other.topics " in problem.advice


@pytest.mark.parametrize(
    ("source", "output"),
    [
        (from_kafka(), to_kafka(topic="dead")),
        (from_kafka(), to_kafka(bootstrapServers="c:1")),
        (from_kafka(), to_nats(subject="returns")),
        (from_nats(subjects="orders.*.x"), to_nats()),
        (from_nats(subjects="orders.>"), to_nats(servers="c:1")),
        # Which subjects the stream has, the settings do not say.
        (from_nats(), to_nats()),
    ],
)
def test_what_is_not_read_is_no_loop(load: Load, source: dict[str, object], output: dict[str, object]):
    assert load({"mine": source}, {"dead-letter": output}).outputs.keys() == {"dead-letter"}


def test_an_output_that_no_subscription_uses_is_not_looked_at(load: Load):
    outputs = {"dead-letter": to_kafka(topic="dead"), "dead-letter.unused": to_kafka()}
    assert load({"mine": from_kafka()}, outputs).outputs.keys() == outputs.keys()
