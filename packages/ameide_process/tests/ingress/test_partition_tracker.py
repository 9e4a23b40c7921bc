import random

from ameide_process.ingress._delivery import Delivery
from ameide_process.ingress._ending import ACCEPTED
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._partition_tracker import MessageTracker, PositionTracker
from hypothesis import given
from hypothesis import strategies as st


@given(
    positions=st.lists(st.integers(0, 1000), min_size=1, unique=True).map(sorted),
    order=st.randoms(use_true_random=False),
    commits=st.sets(st.integers(0, 1000)),
)
def test_the_position_moves_over_an_unbroken_run_only(positions: list[int], order: random.Random, commits: set[int]):
    partition = Partition("t", 0)
    tracker = PositionTracker(partition)
    deliveries = [Delivery(Message(partition, position, b""), 0.0) for position in positions]
    for delivery in deliveries:
        tracker.add(delivery)
    shuffled = list(deliveries)
    order.shuffle(shuffled)
    committed = None
    done = 0
    for step, delivery in enumerate(shuffled):
        delivery.ending = ACCEPTED
        tracker.end(delivery)
        open_positions = [each.message.position for each in deliveries if each.ending is None]
        below = [position for position in positions if not open_positions or position < open_positions[0]]
        expected = below[-1] + 1 if below else None
        assert tracker.committable == (None if expected == committed else expected)
        if step in commits and tracker.committable is not None:
            committed = tracker.committable
            done += len(tracker.committed(committed))
            assert tracker.committable is None
            assert tracker.events == len(deliveries) - done
    if tracker.committable is not None:
        done += len(tracker.committed(tracker.committable))
    assert done == len(deliveries)
    assert (tracker.events, tracker.size) == (0, 0)
    assert tracker.oldest is None


@given(
    positions=st.lists(st.integers(0, 1000), min_size=1, unique=True),
    order=st.randoms(use_true_random=False),
    commits=st.sets(st.integers(0, 1000)),
)
def test_each_message_is_acknowledged_when_it_has_ended(
    positions: list[int], order: random.Random, commits: set[int]
) -> None:
    partition = Partition("s", 0, acknowledges_each=True)
    tracker = MessageTracker(partition)
    deliveries = [Delivery(Message(partition, position, b""), 0.0) for position in positions]
    for delivery in deliveries:
        tracker.add(delivery)
    shuffled = list(deliveries)
    order.shuffle(shuffled)
    told: list[int] = []
    for step, delivery in enumerate(shuffled):
        delivery.ending = ACCEPTED
        tracker.end(delivery)
        still_open = [each for each in deliveries if each.ending is None]
        assert tracker.oldest is (still_open[0] if still_open else None)
        ended = [each.message.position for each in tracker.committable]
        assert ended == [each.message.position for each in shuffled[len(told) : step + 1]]
        if step in commits:
            for position in ended:
                assert [each.message.position for each in tracker.committed(position)] == [position]
                assert not tracker.committed(position)
            told += ended
            assert not tracker.has_committable
        assert tracker.events == len(deliveries) - len(told)
        assert len(tracker.uncommitted()) == tracker.events
