"""The order of a replay is that of the source, whatever that of the dead letters was."""

import pytest
from ameide_process.outputs import SourcePosition
from ameide_process.redrive import _order
from ameide_process.redrive._order import Choice, ReplayOrder
from hypothesis import given
from hypothesis import strategies as st

SOURCES = st.one_of(
    st.none(),
    st.builds(
        SourcePosition,
        subscription=st.just("orders"),
        source=st.sampled_from(["a", "b"]),
        partition=st.integers(0, 2),
        position=st.integers(0, 2**63 - 1),
    ),
)


def choice(position: int) -> Choice:
    return Choice(stream=0, partition=0, position=position, size=10, reason="late", target="orders: a")


def ordered(order: ReplayOrder) -> list[Choice]:
    return [each for window in order.windows() for each in window]


@given(sources=st.lists(SOURCES, max_size=30), limit=st.integers(0, 30))
def test_a_source_partition_is_in_order_and_what_has_no_source_comes_last(
    sources: list[SourcePosition | None], limit: int
) -> None:
    order = ReplayOrder()
    for number, source in enumerate(sources):
        order.add(choice(number), source)
    everything = ordered(order)
    assert sorted(each.position for each in everything) == list(range(len(sources)))
    found = [(each.position, sources[each.position]) for each in everything]
    known = [source for _, source in found if source is not None]
    for place in {(each.source, each.partition) for each in known}:
        positions = [each.position for each in known if (each.source, each.partition) == place]
        assert positions == sorted(positions)
    unknown = [number for number, source in found if source is None]
    assert unknown == sorted(unknown)
    assert found[len(known) :] == [(number, None) for number in unknown]
    assert [*order.cut(limit)] == everything[limit:]
    assert ordered(order) == everything[:limit]


def test_a_window_is_no_larger_than_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_order, "WINDOW_BYTES", 25)
    order = ReplayOrder()
    for number in range(5):
        order.add(choice(number), None)
    assert [len(window) for window in order.windows()] == [2, 2, 1]


def test_a_position_that_no_source_has_is_none() -> None:
    order = ReplayOrder()
    for number, position in enumerate([-1, 2**70, 5]):
        order.add(choice(number), SourcePosition("orders", "a", 0, position))
    assert [each.position for each in ordered(order)] == [2, 0, 1]
