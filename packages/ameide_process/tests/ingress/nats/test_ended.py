"""What is known to have ended: never more than one of the two who know, and never less."""

from ameide_process.ingress.nats._delivered import Delivery
from ameide_process.ingress.nats._ended import Ended, Received
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
