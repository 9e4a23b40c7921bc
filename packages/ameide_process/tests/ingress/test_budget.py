"""How much a key may be sent between two looks at its history."""

import random

from ameide_process.ingress._budget import Account, Accounts, History
from ameide_process.ingress._limits import Limits
from hypothesis import given, settings
from hypothesis import strategies as st

MIB = 1024 * 1024
LIMITS = Limits(events_per_key=100)


def seeded(seed: int) -> random.Random:
    """Randomness that is the same in every run."""
    return random.Random(seed)  # noqa: S311 - see above


def test_after_a_look_at_a_short_history_four_megabytes_or_a_thousand_signals_may_go() -> None:
    account = Account(LIMITS, seeded(0))
    assert account.confirm(History(size=MIB, events=100))
    sent = 0
    while account.covers(100_000):
        account.charge(100_000)
        sent += 100_000
    assert 4 * MIB - 100_000 < sent <= 4 * MIB
    assert account.confirm(History(size=MIB, events=100))
    signals = 0
    while account.covers(10):
        account.charge(10)
        signals += 1
    assert signals == 1_000


def test_a_long_history_parks_until_it_is_short_again() -> None:
    account = Account(LIMITS, seeded(0))
    assert not account.confirm(History(size=20 * MIB + 1, events=10))
    assert not account.covers(1)
    assert not account.confirm(History(size=10, events=8_001))
    assert not account.covers(1)
    assert account.confirm(History(size=10, events=10))
    assert account.covers(1)


def test_what_workers_have_handled_may_be_half_as_long_again() -> None:
    account = Account(LIMITS, seeded(0))
    assert account.confirm(History(size=29 * MIB, events=11_999, handled=True))
    assert not account.covers(1), "the next is looked at again"
    assert not account.confirm(History(size=29 * MIB, events=10))
    assert not account.confirm(History(size=30 * MIB + 1, events=10, handled=True))
    assert not account.confirm(History(size=10, events=12_001, handled=True))


@given(
    members=st.integers(1, 8),
    size=st.integers(600, 1_900_000),
    seed=st.integers(0, 1_000),
)
def test_members_that_do_not_know_of_each_other_do_not_end_a_workflow_together(
    members: int, size: int, seed: int
) -> None:
    history, accounts = History(), [Account(LIMITS, seeded(seed + number)) for number in range(members)]
    active = True
    while active:
        active = False
        # The worst: all look at once, and then each sends all that it may.
        looked_at = history
        for account in accounts:
            if account.covers(size) or account.confirm(looked_at):
                active = True
                account.charge(size)
                history = History(history.size + size, history.events + 1)
                while account.covers(size):
                    account.charge(size)
                    history = History(history.size + size, history.events + 1)
    assert history.size < 45 * MIB
    # A run that has taken 10,000 signals refuses further ones, which ends nothing.
    assert history.events < 11_000


@settings(max_examples=20)
@given(
    size=st.sampled_from([600, 5_000, 20_000, 200_000, 1_900_000]),
    signals=st.integers(1, 20),
    seed=st.integers(0, 1_000),
)
def test_a_member_that_starts_again_and_again_does_not_send_without_end(size: int, signals: int, seed: int) -> None:
    source, history = seeded(seed), History()
    for _ in range(1_000):
        # Nobody remembers anything between two starts.
        account = Account(LIMITS, source)
        for _ in range(signals):
            if not (account.covers(size) or account.confirm(history)):
                break
            account.charge(size)
            history = History(history.size + size, history.events + 1)
    assert history.size < 45 * MIB


def test_a_key_that_rests_keeps_its_count_and_the_longest_at_rest_is_forgotten_first() -> None:
    accounts = Accounts(Limits(events_per_key=100, resting_keys=2), seeded(0))
    first, second, third = (accounts.take(key) for key in "abc")
    for key, account in zip("abc", (first, second, third), strict=True):
        accounts.rest(key, account)
    assert accounts.take("b") is second
    assert accounts.take("c") is third
    assert accounts.take("a") is not first
