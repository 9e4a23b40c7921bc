"""The inbox keeps the order of arrival and knows its size."""

from ameide_process.contract import EVENT_SIGNAL
from ameide_process.workflow._inbox import SIGNAL_NAME_METADATA, Inbox
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

_payloads = st.binary(max_size=40).map(lambda data: Payload(metadata={"encoding": b"json/protobuf"}, data=data))
_signals = st.lists(st.lists(_payloads, max_size=4), max_size=8)


def _filled(signals: list[list[Payload]]) -> Inbox:
    inbox = Inbox()
    for signal in signals:
        inbox.receive(EVENT_SIGNAL, [RawValue(payload) for payload in signal])
    return inbox


@given(_signals, st.integers(0, 10))
def test_events_leave_in_the_order_of_arrival_in_whichever_run(signals: list[list[Payload]], handled: int) -> None:
    arrived = [payload for signal in signals for payload in signal]
    inbox = _filled(signals)
    assert (inbox.signals, len(inbox)) == (len(signals), len(arrived))
    left = [inbox.take() for _ in range(min(handled, len(arrived)))]
    assert inbox.size == sum(payload.ByteSize() for payload in arrived[len(left) :])
    carried = Inbox(inbox.pack())
    assert (carried.signals, carried.size, len(carried)) == (0, inbox.size, len(inbox))
    left += [carried.take() for _ in range(len(carried))]
    assert left == arrived
    assert (carried.size, bool(carried)) == (0, False)


@given(_signals.filter(any), st.integers(1, 5), st.integers(1, 120))
def test_a_batch_is_as_large_as_both_limits_allow(signals: list[list[Payload]], events: int, size: int) -> None:
    inbox = _filled(signals)
    arrived = [payload for signal in signals for payload in signal]
    batch = inbox.take_batch(maximum_events=events, maximum_bytes=size)
    assert batch == arrived[: len(batch)]
    assert 1 <= len(batch) <= events
    total = sum(payload.ByteSize() for payload in batch)
    assert len(batch) == 1 or total <= size
    rest = arrived[len(batch) :]
    assert not rest or len(batch) == events or total + rest[0].ByteSize() > size
    assert inbox.size == sum(payload.ByteSize() for payload in rest)


def test_a_foreign_signal_is_an_event_that_says_so() -> None:
    inbox = Inbox()
    inbox.receive("pause", [])
    inbox.receive("pause", [RawValue(Payload(data=b"1"))])
    assert [inbox.take().metadata[SIGNAL_NAME_METADATA] for _ in range(2)] == [b"pause", b"pause"]


def test_the_next_size_is_that_of_the_oldest() -> None:
    first, second = Payload(data=b"1" * 10), Payload(data=b"1" * 20)
    inbox = _filled([[first, second]])
    assert inbox.next_size == first.ByteSize()
