"""The dedupe window remembers the latest events, oldest out first."""

from ameide_process.workflow._applied_events import DIGEST_SIZE, AppliedEvents, digest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

WINDOW = 5

_events = st.integers(0, 12).map(lambda number: digest(f"event-{number}", "order_placed"))


class AppliedEventsMachine(RuleBasedStateMachine):
    """Compares the window with a plain list, across any number of runs."""

    def __init__(self) -> None:
        super().__init__()
        self.applied = AppliedEvents(WINDOW)
        self.model: list[bytes] = []

    @rule(event=_events)
    def add(self, event: bytes) -> None:
        assert self.applied.add(event) is (event not in self.model)
        if event not in self.model:
            self.model = [*self.model, event][-WINDOW:]

    @rule()
    def continue_as_new(self) -> None:
        self.applied = AppliedEvents(WINDOW, self.applied.pack())

    @invariant()
    def remembers_the_same(self) -> None:
        assert self.applied.pack() == b"".join(self.model)
        assert len(self.applied) == len(self.model)
        assert all(event in self.applied for event in self.model)


TestAppliedEvents = AppliedEventsMachine.TestCase


@given(st.lists(_events, unique=True), st.integers(1, 20))
def test_a_smaller_window_keeps_the_latest(events: list[bytes], window: int) -> None:
    applied = AppliedEvents(window, b"".join(events))
    assert applied.pack() == b"".join(events[-window:])
    assert applied.window == window


@given(st.lists(st.tuples(st.text(), st.from_regex(r"[a-z][a-z0-9_]*", fullmatch=True)), unique=True, max_size=5))
def test_different_events_have_different_digests(identities: list[tuple[str, str]]) -> None:
    digests = {digest(key, case) for key, case in identities}
    assert len(digests) == len(identities)
    assert {len(one) for one in digests} <= {DIGEST_SIZE}


def test_a_digest_never_changes() -> None:
    """Open workflows carry digests: another algorithm would apply everything twice."""
    assert digest("event-1", "order_placed").hex() == "92a776972a45dde0d0c12445ab58d570"
