"""What a client is told, by what became of its events."""

import json
from collections.abc import Sequence

import pytest
from ameide_process.ingress._ending import ACCEPTED, DUPLICATE, Ending, Outcome
from ameide_process.ingress.http._answers import STATUS_BY_REASON, answer
from ameide_process.ingress.http._refusal import RefusalError
from ameide_process.invalid_event import InvalidReason
from hypothesis import given
from hypothesis import strategies as st

LATER = RefusalError(503, "parked", "later", retry_after=2.5)
DEAD = Ending(Outcome.DEAD_LETTER, InvalidReason.LATE, "was closed")

ends = st.one_of(
    st.sampled_from([ACCEPTED, DUPLICATE, DEAD, LATER]),
    st.sampled_from(list(InvalidReason)).map(lambda reason: Ending(Outcome.REFUSED, reason, "why")),
)


def test_every_reason_has_a_status_that_asks_for_no_repetition():
    assert STATUS_BY_REASON.keys() == set(InvalidReason)
    assert all(400 <= status < 500 and status not in {408, 425, 429} for status in STATUS_BY_REASON.values())


@given(st.lists(ends, min_size=1), st.booleans())
def test_202_is_said_of_all_or_of_none(some: Sequence[Ending | RefusalError], batch: bool):
    some = some if batch else some[:1]
    response = answer(some, batch=batch)
    taken = [isinstance(end, Ending) and end.outcome is not Outcome.REFUSED for end in some]
    assert (response.status == 202) == all(taken)
    # Only what may be taken when it comes again is asked for again.
    assert ("Retry-After" in response.headers) == (LATER in some)
    assert (response.status in {429, 503}) == (LATER in some)
    if batch and not all(taken):
        told = json.loads(response.text or "")["events"]
        assert [each["index"] for each in told] == list(range(len(some)))
        assert [each["status"] == 202 for each in told] == taken


@pytest.mark.parametrize("batch", [True, False])
def test_what_the_dead_letter_stream_has_is_said(batch: bool):
    response = answer([DEAD], batch=batch)
    assert response.status == 202
    assert json.loads(response.text or "") == {
        "events": [{"index": 0, "reason": "dead-lettered", "detail": "was closed"}]
    }
