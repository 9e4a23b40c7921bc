import random

from ameide_process.ingress._classification import CallFailure, Verdict
from ameide_process.ingress._service_gate import FAILURES_TO_CLOSE, ServiceGate

AWAY = CallFailure(Verdict.SERVICE, "connection refused")


def gate() -> ServiceGate:
    return ServiceGate(random.Random(1))  # noqa: S311 - the same in every run


def test_one_failure_stops_nobody():
    each = gate()
    each.failed(AWAY, 10.0)
    assert each.is_open(10.0)
    assert not each.away


def test_many_failures_in_a_row_close_it_with_the_reason():
    each = gate()
    for _ in range(FAILURES_TO_CLOSE):
        each.failed(AWAY, 10.0)
    assert each.away
    assert each.reason == "connection refused"
    assert not each.is_open(10.0)


def test_answers_between_failures_keep_it_open():
    each = gate()
    for _ in range(10 * FAILURES_TO_CLOSE):
        each.failed(AWAY, 10.0)
        each.answered(10.0)
    assert not each.away


def test_a_thin_stream_closes_it_by_time():
    each = gate()
    each.failed(AWAY, 10.0)
    each.failed(AWAY, 11.5)
    assert each.away
    assert each.away_since == 10.0


def test_a_closed_one_lets_one_probe_through_and_its_answer_opens_it():
    each = gate()
    for _ in range(FAILURES_TO_CLOSE):
        each.failed(AWAY, 10.0)
    later = each.opens_at
    assert 10.0 < later <= 10.1
    assert each.is_open(later)
    each.began()
    assert not each.is_open(later)
    assert each.answered(later)
    assert each.is_open(later)
    assert not each.away


def test_failed_probes_come_ever_rarer_up_to_five_seconds():
    each = gate()
    now = 10.0
    for _ in range(FAILURES_TO_CLOSE):
        each.failed(AWAY, now)
    pauses: list[float] = []
    for _ in range(12):
        now = each.opens_at
        each.began()
        each.failed(AWAY, now)
        pauses.append(each.opens_at - now)
    assert pauses[0] < 0.3
    assert 2.5 <= pauses[-1] <= 5.0


def test_late_failures_of_calls_in_flight_do_not_lengthen_the_pause():
    each = gate()
    for _ in range(FAILURES_TO_CLOSE):
        each.failed(AWAY, 10.0)
    opens_at = each.opens_at
    for _ in range(50):
        each.failed(AWAY, 10.01)
    assert each.opens_at == opens_at


def test_throttling_pauses_once_for_all_calls_in_flight():
    each = gate()
    each.throttled(10.0)
    opens_at = each.opens_at
    for _ in range(50):
        each.throttled(10.001)
    assert each.opens_at == opens_at
    assert not each.away


def test_throttling_again_and_again_pauses_longer_and_success_forgets_it():
    each = gate()
    now = 10.0
    for _ in range(8):
        each.throttled(now)
        now = each.opens_at
    each.throttled(now)
    assert each.opens_at - now > 0.9
    for _ in range(9):
        now = each.opens_at
        each.answered(now)
    each.throttled(now)
    assert each.opens_at - now <= 0.05


def test_what_was_known_is_forgotten_but_not_the_pause_that_follows_from_it():
    each = gate()
    for _ in range(FAILURES_TO_CLOSE):
        each.failed(AWAY, 10.0)
    opens_at = each.opens_at
    each.forget()
    assert not each.away
    assert not each.is_open(10.0)
    assert each.is_open(opens_at)
    # From the beginning, since nothing was asked in between.
    each.failed(AWAY, 100.0)
    assert not each.away
