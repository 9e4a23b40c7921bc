"""The idempotency key of an activity call names the call: never two of them, never one by two names."""

from ameide_process.workflow._activity_calls import idempotency_key
from hypothesis import example, given
from hypothesis import strategies as st

_calls = st.tuples(st.text(), st.text(), st.text(), st.binary(), st.text())


@example(("a", "bc", "", b"", ""), ("ab", "c", "", b"", ""))
@example(("a", "", "b", b"c", ""), ("a", "", "b", b"", "c"))
@given(_calls, _calls)
def test_different_calls_have_different_keys(
    one: tuple[str, str, str, bytes, str], other: tuple[str, str, str, bytes, str]
) -> None:
    assert (idempotency_key(*one) == idempotency_key(*other)) is (one == other)


def test_a_key_never_changes() -> None:
    """A process that is open while workers are rolled must not ask the outside world twice."""
    assert (
        idempotency_key("workflow", "first-run", "Orders.Reserve", b"request", "again")
        == "ca83dfcaccfde6472ac3611bc075e0e0"
    )
