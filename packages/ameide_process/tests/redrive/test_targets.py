"""Where dead letters go back to, and as what."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ameide_process.configuration import (
    BoundSubscription,
    HttpSubscription,
    KafkaOutput,
    KafkaSubscription,
    NatsOutput,
    NatsSubscription,
)
from ameide_process.contract import Subscription
from ameide_process.outputs import DeadLetterRecord, SourcePosition
from ameide_process.redrive._fallback import Fallback
from ameide_process.redrive._targets import Target, Targets, redrives, replayed

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SOURCE = SourcePosition("orders-facts", "orders", 3, 42, NOW - timedelta(hours=1))


def letter(
    *,
    source: SourcePosition | None = SOURCE,
    headers: tuple[tuple[str, bytes | None], ...] = (("a", b"1"), ("a", b"2")),
) -> DeadLetterRecord:
    return DeadLetterRecord(
        value=b"\xff",
        reason="undecodable",
        message="it is wrong",
        process="orders",
        key=b"k",
        headers=headers,
        source=source,
        given_up_at=NOW,
    )


def bound(name: str, *topics: str) -> BoundSubscription:
    settings = KafkaSubscription.model_validate(
        {"kind": "kafka", "bootstrapServers": "broker:9092", "topics": list(topics)}
    )
    return BoundSubscription(Subscription(name, "kafka", name), settings, group="g", dead_letter="dead-letter")


BY_HTTP = BoundSubscription(
    Subscription("orders-facts", "http", "x"),
    HttpSubscription.model_validate({"kind": "http", "path": "/x"}),
    group="",
    dead_letter=None,
)


def test_dead_letters_go_back_to_where_they_came_from():
    one = Targets({"orders-facts": bound("orders-facts", "orders")})
    assert one.of(letter()) == Target("orders-facts", "orders")
    output = one.output(Target("orders-facts", "orders"))
    assert isinstance(output, KafkaOutput)
    assert output.topic == "orders"
    # Those of the worker, where there is only one way in.
    assert one.of(letter(source=None)) == Target("orders-facts", "orders")
    renamed = Targets({"orders-facts": bound("orders-facts", "orders.v2")})
    assert renamed.of(letter()) == Target("orders-facts", "orders.v2")


def test_any_topic_may_be_named_where_there_are_several():
    several = {"orders-facts": bound("orders-facts", "a", "b")}
    assert "name one of them with --to-source" in Targets(several).why_none()
    named = Targets(several, fallback=Fallback(source="b"))
    assert named.of(letter(source=None)) == Target("orders-facts", "b")
    # Its own way is better.
    assert named.of(letter(source=SourcePosition("orders-facts", "a", 0, 1))) == Target("orders-facts", "a")


def test_where_a_source_cannot_be_told_there_is_none():
    several = {"orders-facts": bound("orders-facts", "a", "b"), "returns": bound("returns", "returns")}
    assert Targets(several).of(letter()) is None
    assert Targets(several).of(letter(source=None)) is None
    assert Targets(several, fallback=Fallback("returns")).of(letter(source=None)) == Target("returns", "returns")
    assert Targets({"returns": bound("returns", "returns"), "b": bound("b", "b")}).of(letter()) is None
    assert Targets({"orders-facts": BY_HTTP}).of(letter()) is None
    beside = {"orders-facts": BY_HTTP, "returns": bound("returns", "returns")}
    assert Targets(beside).of(letter()) is None
    assert Targets(beside, fallback=Fallback("returns")).of(letter()) == Target("returns", "returns")


def on_nats(**read: Any) -> BoundSubscription:
    settings = NatsSubscription.model_validate({"kind": "nats", "servers": "nats:4222", "stream": "IN", **read})
    return BoundSubscription(Subscription("orders-facts", "nats", "x"), settings, group="g", dead_letter="dead-letter")


def came_on(subject: str, stream: str = "IN") -> DeadLetterRecord:
    return letter(source=SourcePosition("orders-facts", stream, 0, 7, NOW, subject))


@pytest.mark.parametrize(
    "read", [{}, {"subjects": "in.>"}, {"subjects": "in.a.1,in.b.1"}, {"partitions": "in.a.*,in.b.*"}]
)
def test_what_came_on_a_subject_goes_back_on_it(read: dict[str, str]):
    targets = Targets({"orders-facts": on_nats(**read)})
    target = Target("orders-facts", "IN", "in.a.1")
    assert targets.of(came_on("in.a.1")) == target
    output = targets.output(target)
    assert isinstance(output, NatsOutput)
    assert output.subject == "in.a.1"
    assert replayed(came_on("in.a.1"), target, "id").subject == "in.a.1"
    for dead in (letter(source=None), came_on(""), came_on("in.*"), came_on("in a"), came_on("elsewhere", "OTHER")):
        assert targets.of(dead) is None
    assert "of stream IN: name a subject of it with --to-source" in targets.why_none()
    named = Targets({"orders-facts": on_nats(**read)}, fallback=Fallback(source="in.c"))
    assert named.of(letter(source=None)) == Target("orders-facts", "IN", "in.c")
    assert named.of(came_on("in.a.1")) == target


def test_a_stream_that_stores_under_other_subjects_than_it_takes_needs_one_named():
    reads = {"orders-facts": on_nats(subjects="in.>")}
    taken = {"orders-facts": ["raw.>"]}
    assert Targets(reads, taken=taken).of(came_on("in.a")) is None
    assert "of stream IN, which takes raw.>: name a subject" in Targets(reads, taken=taken).why_none()
    assert Targets({"orders-facts": on_nats(subjects="in.a")}, taken=taken).of(came_on("in.a")) is None
    named = Targets(reads, fallback=Fallback(source="raw.a"), taken=taken)
    assert named.of(came_on("in.a")) == Target("orders-facts", "IN", "raw.a", "IN")
    assert not named.doubt()
    assert (
        "'in.b' reaches it only if the server maps it"
        in Targets(reads, fallback=Fallback(source="in.b"), taken=taken).doubt()
    )


def test_no_header_grows_with_each_redrive():
    target = Target("orders-facts", "IN", "in.a", "IN")
    kept = ("Nats-Msg-Id", b"1")
    told = (kept, ("Nats-Expected-Stream", b"IN"), ("%4Eats-Expected-Stream", b"IN"))
    again = replayed(letter(headers=told), target, "id")
    assert (again.subject, again.stream) == ("in.a", "IN")
    assert [name for name, _ in again.headers] == ["Nats-Msg-Id", "redrive-id", "redrive-count"]


def test_one_literal_subject_takes_all():
    targets = Targets({"orders-facts": on_nats(subjects="in.a")})
    for dead in (letter(source=None), came_on(""), came_on("in.before")):
        assert targets.of(dead) == Target("orders-facts", "IN", "in.a")


@pytest.mark.parametrize(
    ("fallback", "said"),
    [
        (Fallback("no-such"), "known are: by-http, on-nats, orders-facts"),
        (Fallback(source="a"), "name its subscription too, with --to"),
        (Fallback("by-http"), "has no stream that could be written to"),
        (Fallback("orders-facts", "c"), "its subscription reads a, b"),
        (Fallback("on-nats", "in.>"), "write one without wildcards"),
    ],
)
def test_a_fallback_that_is_none_is_named(fallback: Fallback, said: str):
    subscriptions = {"orders-facts": bound("orders-facts", "a", "b"), "by-http": BY_HTTP, "on-nats": on_nats()}
    (problem,) = fallback.problems(subscriptions)
    assert said in str(problem)


def test_a_good_fallback_has_no_problems():
    subscriptions = {"orders-facts": bound("orders-facts", "a", "b"), "on-nats": on_nats()}
    for fallback in (Fallback(), Fallback("orders-facts"), Fallback("orders-facts", "b"), Fallback("on-nats", "in.c")):
        assert not list(fallback.problems(subscriptions))


HOME = Target("orders-facts", "a")


def test_only_where_it_came_from_its_partition_means_something():
    at = SourcePosition("orders-facts", "a", 3, 7)
    assert replayed(letter(source=at), HOME, "id").partition == 3
    assert replayed(letter(source=at), Target("orders-facts", "b"), "id").partition is None
    assert replayed(letter(source=at), Target("returns", "a"), "id").partition is None
    assert replayed(letter(source=None), HOME, "id").partition is None


def test_a_replayed_message_is_the_original_and_says_what_it_is():
    first = replayed(letter(), HOME, "id-1")
    assert (first.value, first.key) == (b"\xff", b"k")
    assert list(first.headers) == [("a", b"1"), ("a", b"2"), ("redrive-id", b"id-1"), ("redrive-count", b"1")]
    again = replayed(letter(headers=tuple(first.headers)), HOME, "id-2")
    assert list(again.headers) == [("a", b"1"), ("a", b"2"), ("redrive-id", b"id-2"), ("redrive-count", b"2")]
    assert redrives(again.headers) == 2
    assert redrives([("redrive-count", b"\xb2")]) == 0
