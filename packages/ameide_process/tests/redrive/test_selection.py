"""Which dead letters are replayed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ameide_process.invalid_event import InvalidReason
from ameide_process.outputs import DeadLetterRecord, OutputRecord, SourcePosition
from ameide_process.redrive._journal import Positions, read_redriven, redriven_record
from ameide_process.redrive._selection import Consent, Filter, Known, Rules, Skip, read_time
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SOURCE = SourcePosition("orders-facts", "orders", 3, 42, NOW - timedelta(hours=1))


def letter(
    reason: str = "undecodable",
    *,
    process: str = "orders",
    source: SourcePosition | None = SOURCE,
    headers: tuple[tuple[str, bytes | None], ...] = (("a", b"1"), ("a", b"2")),
) -> DeadLetterRecord:
    return DeadLetterRecord(
        value=b"\xff",
        reason=reason,
        message="it is wrong",
        process=process,
        key=b"k",
        headers=headers,
        source=source,
        workflow_id="w",
        event_id="e",
        given_up_at=NOW - timedelta(minutes=1),
    )


GOOD = Known(redriven=False, redrives=0, target="orders", fault="")


def skipped(
    dead: DeadLetterRecord, known: Known = GOOD, consent: Consent | None = None, histories: timedelta | None = None
) -> Skip | None:
    return Rules("orders", consent or Consent(), NOW, histories).skip(dead, known)


def test_a_record_of_the_stream_is_read_as_it_was_written():
    written = letter().to_output(NOW)
    read = DeadLetterRecord.from_output(written)
    assert read is not None
    assert read.to_output(NOW) == written
    assert read.source == SOURCE
    assert list(read.headers) == [("a", b"1"), ("a", b"2")]
    assert read.given_up_at == NOW
    assert DeadLetterRecord.from_output(OutputRecord(b"of somebody else")) is None


def test_spoilt_headers_cost_only_what_they_say():
    written = letter().to_output(NOW)
    spoilt = [(name, b"\xff") if name.endswith(("-position", "-time")) else (name, v) for name, v in written.headers]
    read = DeadLetterRecord.from_output(OutputRecord(written.value, written.key, spoilt))
    assert read is not None
    assert (read.reason, read.source, read.given_up_at) == ("undecodable", None, None)


@pytest.mark.parametrize(
    ("dead", "known", "expected"),
    [
        (letter(), GOOD, None),
        (letter(process="others"), GOOD, Skip.OTHER_PROCESS),
        (letter(), Known(redriven=True, redrives=0, target="orders", fault=""), Skip.REDRIVEN),
        (letter("unknown-signal", source=None), GOOD, Skip.NOT_AN_EVENT),
        (letter("refused", source=None), GOOD, Skip.NOT_AN_EVENT),
        (letter(), Known(redriven=False, redrives=0, target=None, fault=""), Skip.NO_TARGET),
        (letter("late"), GOOD, Skip.LATE),
        (letter(), Known(redriven=False, redrives=0, target="orders", fault="missing-key"), Skip.FAILS_AGAIN),
        (letter(), Known(redriven=False, redrives=3, target="orders", fault=""), Skip.REDRIVEN_OFTEN),
    ],
)
def test_what_is_not_safe_is_not_replayed(dead: DeadLetterRecord, known: Known, expected: Skip | None):
    assert skipped(dead, known) is expected


def test_each_consent_lets_its_case_pass():
    redriven = Known(redriven=True, redrives=9, target="orders", fault="missing-key")
    consent = Consent(late=True, expired=True, failing=True, redriven=True, maximum_redrives=10)
    assert skipped(letter("late"), redriven, consent, timedelta(minutes=5)) is None


def test_what_the_namespace_may_have_forgotten_needs_a_word():
    assert skipped(letter(), histories=timedelta(hours=2)) is None
    assert skipped(letter(), histories=timedelta(minutes=30)) is Skip.EXPIRED
    # The worker knows no time of the source; when it gave the event up stands for it.
    assert skipped(letter(source=None), histories=timedelta(minutes=30)) is None
    assert skipped(letter(source=None), histories=timedelta(seconds=30)) is Skip.EXPIRED


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (Filter(), True),
        (Filter(reasons=["late"]), False),
        (Filter(reasons=["late", "undecodable"]), True),
        (Filter(subscriptions=["others"]), False),
        (Filter(source="orders", partition=3, from_position=42, to_position=42), True),
        (Filter(source="orders.v2"), False),
        (Filter(partition=0), False),
        (Filter(from_position=43), False),
        (Filter(to_position=41), False),
        (Filter(since=NOW - timedelta(hours=1), until=NOW), True),
        (Filter(since=NOW), False),
        (Filter(until=NOW - timedelta(hours=1)), False),
        (Filter(workflow_ids=["w"], event_keys=["e"]), True),
        (Filter(workflow_ids=["v"]), False),
        (Filter(event_keys=["f"]), False),
    ],
)
def test_filters(chosen: Filter, expected: bool):
    assert chosen.matches(letter(), workflow_id="w", event_key="e") is expected


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"reasons": ["late", "undecodeable"]}, "'undecodeable'; known are: .*fact-refused, .*undecodable"),
        ({"from_position": 9, "to_position": 3}, "--from-position 9 is above --to-position 3"),
        ({"since": NOW, "until": NOW - timedelta(hours=1)}, "--since 2026-05-01T00:00:00.* is not before --until"),
        ({"since": NOW, "until": NOW}, "is not before"),
    ],
)
def test_what_no_dead_letter_can_be_is_an_error(asked: dict[str, Any], said: str):
    with pytest.raises(ValueError, match=said):
        Filter(**asked)


@pytest.mark.parametrize("reason", [*(each.value for each in InvalidReason), "fact-refused"])
def test_every_reason_may_be_asked_for(reason: str):
    assert Filter(reasons=[reason]).matches(letter(reason), workflow_id="w", event_key="e")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("90m", NOW - timedelta(minutes=90)),
        ("2026-04-30T10:00", datetime(2026, 4, 30, 10, tzinfo=UTC)),
        ("2026-04-30T12:00+02:00", datetime(2026, 4, 30, 10, tzinfo=UTC)),
        ("2026-04-30", datetime(2026, 4, 30, tzinfo=UTC)),
    ],
)
def test_times(text: str, expected: datetime):
    assert read_time(text, NOW) == expected


@pytest.mark.parametrize("text", ["yesterday", "2x", "99999999999w", "2026-13-01"])
def test_what_is_no_time_is_named(text: str):
    with pytest.raises(ValueError, match="is no time; write it as"):
        read_time(text, NOW)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40)), max_size=60))
def test_what_was_redriven_is_known_from_the_stream(places: list[tuple[int, int]]):
    known = Positions()
    half = len(places) // 2
    for some in (places[:half], places[half:]):
        assert read_redriven(redriven_record("orders", "id", some, NOW), known)
    everything = [(partition, position) for partition in range(3) for position in range(41)]
    assert {place for place in everything if place in known} == set(places)


@pytest.mark.parametrize(
    "value", [b"", b"[]", b"{}", b'{"redriven": 7}', b'{"redriven": {"x": [[1, 2]]}}', b'{"redriven": {"0": [[1]]}}']
)
def test_a_spoilt_note_says_nothing(value: bytes):
    known = Positions()
    assert read_redriven(OutputRecord(value, headers=[("dead-letter-redriven", b"id")]), known)
    assert (0, 1) not in known


def test_an_endless_range_costs_nothing():
    known = Positions()
    note = json.dumps({"redriven": {"0": [[0, 10**15]]}}).encode()
    read_redriven(OutputRecord(note, headers=[("dead-letter-redriven", b"id")]), known)
    assert (0, 10**14) in known
