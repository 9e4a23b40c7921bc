"""What is known to have ended: never more than one of the two who know, and never less."""

from ameide_process.ingress.nats._delivered import Delivery
from ameide_process.ingress.nats._ended import Ended, Known, Received
from hypothesis import given
from hypothesis import strategies as st

POSITIONS = range(1, 14)


@st.composite
def ended(draw: st.DrawFn) -> Ended:
    reached = draw(st.integers(0, 12))
    return Ended(reached, draw(st.frozensets(st.integers(1, reached))) if reached else frozenset())


@given(ended(), ended())
def test_two_who_know_something_know_both(one: Ended, other: Ended) -> None:
    both = one | other
    assert [each in both for each in POSITIONS] == [each in one or each in other for each in POSITIONS]
    assert both.first_missing == min(each for each in range(1, 15) if each not in both)


@given(ended(), st.integers(0, 12))
def test_a_part_ends_where_it_is_cut(whole: Ended, last: int) -> None:
    part = whole.up_to(last)
    assert [each in part for each in POSITIONS] == [each in whole and each <= last for each in POSITIONS]


def test_nothing_is_said_of_what_came_after_a_delivery_that_did_not() -> None:
    received = Received()
    for number, position in [(7, 10), (8, 3), (9, 11), (11, 13), (12, 14)]:
        received.saw(Delivery(times=1, position=position, number=number, time_ms=0))
    assert received.reached == 11
    assert not received.unbroken


STREAM = {"created": "monday", "state": {"last_seq": 120}}
WANTED = {"deliver_policy": "all"}


def info(created: str, config: dict[str, object], floor: int = 0) -> dict[str, object]:
    return {"created": created, "config": config, "ack_floor": {"stream_seq": floor}}


def test_what_is_known_stands_where_a_member_that_knew_nothing_made_the_consumer() -> None:
    known = Known()
    first = Known.first_beginning(WANTED, STREAM)
    assert not known.see(info("noon", first), STREAM)
    known.learn(Ended(100, frozenset({7})))
    made_anew = info("evening", Known.first_beginning(WANTED, STREAM))
    assert known.goes_on(made_anew)
    assert not known.see(made_anew, STREAM)
    assert known.ended == Ended(100, frozenset({7}))


def test_what_is_known_is_void_where_somebody_made_the_consumer_by_a_copy_of_its_configuration() -> None:
    known = Known()
    first = Known.first_beginning(WANTED, STREAM)
    known.see(info("noon", first), STREAM)
    known.learn(Ended(100))
    copied = info("evening", first)
    assert not known.goes_on(copied)
    assert known.see(copied, STREAM)
    assert known.ended == Ended(0)


def test_a_first_beginning_at_the_end_is_behind_what_was_there_when_it_was_looked_for() -> None:
    latest = Known.first_beginning({"deliver_policy": "new"}, STREAM)
    assert (latest["deliver_policy"], latest["opt_start_seq"]) == ("by_start_sequence", 121)
    assert "opt_start_seq" not in Known.first_beginning(WANTED, STREAM)
