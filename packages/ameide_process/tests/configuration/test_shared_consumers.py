"""Subscriptions that would take each other's events are refused at start."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ameide_process.configuration import IngressConfiguration, NatsSubscription, StartupError
from bound_ingress import DEAD_LETTER, load_bound

Load = Callable[[dict[str, Any]], IngressConfiguration]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads an ingress with the subscriptions that INGRESS_CONFIG binds."""

    def read(bindings: dict[str, Any]) -> IngressConfiguration:
        return load_bound(tmp_path, bindings, DEAD_LETTER)

    return read


def kafka(**changes: object) -> dict[str, object]:
    return {"kind": "kafka", "bootstrapServers": "a:1,b:1", "topics": ["orders"], "consumerGroup": "g", **changes}


def nats(**changes: object) -> dict[str, object]:
    return {"kind": "nats", "servers": "a:1,b:1", "stream": "S", "durable": "d", **changes}


@pytest.mark.parametrize(
    ("one", "other", "setting", "shared"),
    [
        (kafka(), kafka(), "consumerGroup", "topic orders"),
        (kafka(), kafka(topics="x,orders", bootstrapServers="B:1"), "consumerGroup", "topic orders"),
        (kafka(consumerGroup="p.second"), {**kafka(), "consumerGroup": None}, "consumerGroup", "topic orders"),
        (nats(), nats(), "durable", "stream S"),
        (nats(subjects="a"), nats(subjects="b", servers="b:1"), "durable", "stream S"),
    ],
)
def test_two_subscriptions_that_are_one_reader_are_refused(
    load: Load, one: dict[str, object], other: dict[str, object], setting: str, shared: str
):
    other = {name: value for name, value in other.items() if value is not None}
    with pytest.raises(StartupError) as caught:
        load({"first": one, "second": other})
    (problem,) = caught.value.problems
    assert (problem.name, problem.value) == (f"INGRESS_CONFIG second.{setting}", one[setting])
    assert problem.advice.startswith(f"INGRESS_CONFIG first reads {shared} as {one[setting]} too")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (kafka(), kafka(consumerGroup="h")),
        (kafka(), kafka(topics="returns")),
        (kafka(), kafka(bootstrapServers="c:1")),
        (kafka(consumerGroup="d"), nats()),
        (nats(), nats(durable="e")),
        (nats(), nats(stream="T")),
        (nats(), nats(servers="c:1")),
    ],
)
def test_two_readers_go_beside_each_other(load: Load, one: dict[str, object], other: dict[str, object]):
    assert len(load({"first": one, "second": other}).subscriptions) == 2


@pytest.mark.parametrize("partitions", [["s.>", "s.a"], ["a", "s.*.b", "s.c.*"], ["a", "a"]])
def test_partitions_that_share_a_subject_are_refused(load: Load, partitions: list[str]):
    with pytest.raises(StartupError) as caught:
        load({"first": nats(partitions=partitions)})
    (problem,) = caught.value.problems
    assert problem.name == "INGRESS_CONFIG first.partitions"
    assert f"{partitions[-2]} and {partitions[-1]} do" in problem.advice


def test_partitions_of_their_own_are_taken(load: Load):
    (bound,) = load({"first": nats(partitions="s.0.>, s.1.>, s.2")}).subscriptions
    assert isinstance(bound.settings, NatsSubscription)
    assert bound.settings.partitions == ["s.0.>", "s.1.>", "s.2"]
