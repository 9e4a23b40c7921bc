"""The planner's promises, whatever happens in whatever order: hypothesis drives it by a fake clock."""

import dataclasses
import itertools
import random
from collections import defaultdict
from collections.abc import Callable

import pytest
from ameide_process.ingress._budget import History
from ameide_process.ingress._classification import CallFailure, Verdict
from ameide_process.ingress._delivery import Delivery
from ameide_process.ingress._ending import ACCEPTED, DUPLICATE, Ending, Outcome
from ameide_process.ingress._lane import Batch
from ameide_process.ingress._limits import Limits
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._planner import Planner
from ameide_process.invalid_event import InvalidReason
from ameide_process.routing import Route
from hypothesis import given, settings
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload

LIMITS = Limits(
    events_per_key=5,
    concurrent_calls=3,
    batch_bytes=100,
    batch_events=4,
    partition_events=12,
    partition_bytes=1_000_000,
    history_bytes=20_000,
    history_events=30,
    unconfirmed_bytes=8_000,
    unconfirmed_signals=8,
    unknown_bytes=2_000,
    resting_keys=10,
)
LONGEST_HISTORY = History(size=LIMITS.history_bytes + 1_000, events=LIMITS.history_events + 1)
"""What a history may grow to: a look allows less than there is room, and one signal in any case."""
KEYS = ("a", "b")
SIZES = (1, 10, 10, 60, 150)
DEAD = Ending(Outcome.DEAD_LETTER, InvalidReason.UNDECODABLE, "no envelope")
RETRIED = (Verdict.SERVICE, Verdict.SERVICE, Verdict.THROTTLED, Verdict.BUSY, Verdict.SIGNAL_LIMIT, Verdict.UNKNOWN)
WAITS = (0.001, 0.05, 0.1, 1.0, 40.0)


def drawn(seed: int) -> random.Random:
    """Randomness that is the same in every run."""
    return random.Random(seed)  # noqa: S311 - see above


class World:
    """A broker with two partitions, a Temporal that fails at will, and a member that comes and goes.

    The broker is acknowledged by position or message by message. Each step takes one number, from which it draws what
    it needs.
    """

    def __init__(self, seed: int, *, acknowledges_each: bool) -> None:
        self.acknowledges_each = acknowledges_each
        ids = itertools.count()
        self.now = 1000.0
        self.planner = Planner(LIMITS, source=drawn(seed), request_ids=lambda: str(next(ids)))
        self.partitions: list[Partition] = []
        self.log: list[list[str]] = [[], []]
        """The broker's records: the key of each."""
        self.position = [0, 0]
        """Where to look for the next record to deliver."""
        self.done: list[set[int]] = [set(), set()]
        """Positions that the broker does not deliver again."""
        self.withdrawn: set[tuple[int, int]] = set()
        self.histories: dict[str, History] = {}
        """Of the workflow of each key, as the server has it; no worker shortens it unless it is asked to."""
        self.looking: list[Batch] = []
        """Batches that wait for a look at the history of their workflow."""
        self.out: list[Batch] = []
        self.suspended: list[Batch] = []
        self.tries: dict[str, list[tuple[int, int]]] = {}
        """By request id, the events that it carried."""
        self.applied: dict[tuple[int, int], int] = defaultdict(int)
        self.ended: set[tuple[int, int]] = set()
        self.rejected: list[Delivery] = []
        self.join()

    def join(self) -> None:
        self.partitions = [Partition("t", number, self.acknowledges_each) for number in (0, 1)]
        self.position = [0, 0]
        self.planner.assign(self.partitions)

    def events(self, batch: Batch) -> list[tuple[int, int]]:
        return [(each.message.partition.number, each.message.position) for each in batch.deliveries]

    def produce(self, draw: int) -> None:
        # A key belongs to one partition, as a partitioner would have it.
        source = drawn(draw)
        number = source.randrange(2)
        self.log[number] += [f"{source.choice(KEYS)}{number}" for _ in range(source.randint(1, 8))]

    def deliver(self, draw: int) -> None:
        source = drawn(draw)
        number = source.randrange(2)
        partition = self.partitions[number]
        self.planner.flow(self.now)
        if partition in self.planner.paused or not self.planner.takes(partition):
            return
        size = source.choice(SIZES)
        for _ in range(source.randint(1, 8)):
            position = self.position[number]
            if position >= len(self.log[number]):
                return
            self.position[number] += 1
            if position in self.done[number]:
                continue
            delivery = Delivery(Message(partition, position, b"x"), self.now)
            if position % 11 == 7:
                self.planner.admit(delivery)
                self.rejected.append(delivery)
                continue
            key = self.log[number][position]
            delivery.route = Route(workflow_id=key, idempotency_key=str(position), case="c")
            delivery.payload = Payload(data=b"x" * size)
            self.planner.admit(delivery)
            self.planner.enqueue(delivery, self.now)

    def dead_letter(self, _: int) -> None:
        if self.rejected:
            delivery = self.rejected.pop(0)
            self.ended.add((delivery.message.partition.number, delivery.message.position))
            self.planner.end(delivery, DEAD)

    def withdraw(self, draw: int) -> None:
        """Who sent a message waits no longer."""
        source = drawn(draw)
        number = source.randrange(2)
        if not self.acknowledges_each or not self.position[number]:
            return
        position = source.randrange(self.position[number])
        message = Message(self.partitions[number], position, b"x")
        # A call of the partition's earlier life carries another delivery of it.
        carried = [
            each.message.position
            for batch in self.out + self.suspended
            for each in batch.deliveries
            if each.message.partition is message.partition
        ]
        if self.planner.withdraw(message, self.now):
            assert position not in carried, "a call carries it"
            assert self.planner.why_waiting(message, self.now) is None
            self.withdrawn.add((number, position))
            self.done[number].add(position)

    def send(self, _: int) -> None:
        batch = self.planner.next_batch(self.now)
        if batch is None:
            return
        key = batch.lane.workflow_id
        events = self.events(batch)
        assert all(other.lane is not batch.lane for other in self.out + self.looking + self.suspended), (
            "one call at a time for a key"
        )
        assert self.tries.setdefault(batch.request_id, events) == events, "a request id names one content"
        assert 0 < len(events) <= LIMITS.batch_events
        size = sum(len(each.payload.data) for each in batch.deliveries if each.payload)
        assert len(events) == 1 or size <= LIMITS.batch_bytes
        assert events == sorted(events)
        number, first = events[0]
        earlier = [at for at, other in enumerate(self.log[number][:first]) if other == key and at % 11 != 7]
        assert all(self.applied[number, at] or (number, at) in self.withdrawn for at in earlier), "order per key"
        (self.out if batch.charged else self.looking).append(batch)

    def look(self, draw: int) -> None:
        if not self.looking:
            return
        batch = self.looking.pop(draw % len(self.looking))
        if not all(self.planner.takes(each.message.partition) for each in batch.deliveries):
            self.planner.unsent(batch, self.now)
        elif self.planner.confirmed(batch, self.histories.get(batch.lane.workflow_id, History())):
            self.out.append(batch)
        else:
            self.planner.failed(batch, CallFailure(Verdict.OVER_BUDGET, "x"), self.now)

    def apply(self, batch: Batch) -> None:
        """The server appends a signal, and a workflow remembers its events."""
        key = batch.lane.workflow_id
        history = self.histories.get(key, History())
        self.histories[key] = History(history.size + batch.history_size, history.events + 1)
        for event in self.events(batch):
            self.applied[event] += 1

    def shorten(self, draw: int) -> None:
        """A worker handles what waits for a key, and its workflow continues as new."""
        if self.histories:
            del self.histories[sorted(self.histories)[draw % len(self.histories)]]

    def accept(self, draw: int) -> None:
        if self.out:
            batch = self.out.pop(draw % len(self.out))
            self.apply(batch)
            self.ended.update(self.events(batch))
            self.planner.accepted(batch, self.now)

    def fail(self, draw: int) -> None:
        if self.out:
            source = drawn(draw)
            batch = self.out.pop(draw % len(self.out))
            verdict = source.choice(RETRIED)
            if verdict is Verdict.SERVICE and source.random() < 0.5:
                # Temporal has it, and its answer is lost.
                self.apply(batch)
            self.planner.failed(batch, CallFailure(verdict, "x"), self.now)

    def refuse_for_size(self, draw: int) -> None:
        batch = self.out[draw % len(self.out)] if self.out else None
        if batch is not None and len(batch.deliveries) > 1:
            self.out.remove(batch)
            self.planner.failed(batch, CallFailure(Verdict.TOO_LARGE, "x"), self.now)

    def find_closed(self, draw: int) -> None:
        if self.out:
            batch = self.out.pop(draw % len(self.out))
            self.planner.suspended(self.now)
            self.suspended.append(batch)

    def resolve(self, draw: int) -> None:
        if not self.suspended:
            return
        batch = self.suspended.pop(0)
        if draw % 2:
            self.planner.unresolved(batch, CallFailure(Verdict.CLOSED, "x"), self.now)
            return
        for delivery in batch.deliveries:
            event = (delivery.message.partition.number, delivery.message.position)
            self.applied[event] += 1
            self.ended.add(event)
            self.planner.end(delivery, DUPLICATE)
        self.planner.settled(batch, self.now)

    def wait(self, draw: int) -> None:
        self.now += WAITS[draw % len(WAITS)]
        self.planner.sweep(self.now)

    def commit(self, draw: int) -> None:
        progress = self.planner.committable()
        if draw % 4 == 1:
            return  # the broker did not take it
        for partition, position in progress.positions.items():
            assert position - 1 not in self.done[partition.number]
            self.done[partition.number].update(range(position))
        for partition, messages in progress.messages.items():
            positions = {each.message.position for each in messages}
            assert len(positions) == len(messages)
            assert not positions & self.done[partition.number], "told twice"
            self.done[partition.number] |= positions
        self.planner.committed(progress, self.now)
        assert not self.planner.committable()

    def rebalance(self, draw: int) -> None:
        self.planner.close(self.partitions, self.now)
        drained = bool(draw % 2)
        while drained and self.planner.in_flight(self.partitions):
            if self.out:
                self.accept(0)
            elif self.looking:
                self.look(0)
            else:
                self.resolve(0)
        self.commit(0)
        self.planner.revoke(self.partitions, self.now)
        self.rejected.clear()
        self.join()

    def check(self) -> None:
        for number in (0, 1):
            for event in {(number, position) for position in self.done[number]} - self.withdrawn:
                assert event in self.ended, "committed, but neither Temporal nor the stream has it"
        assert self.planner.calls == len(self.out) + len(self.looking) <= LIMITS.concurrent_calls
        for history in self.histories.values():
            assert history.size <= LONGEST_HISTORY.size
            assert history.events <= LONGEST_HISTORY.events
        uncommitted: dict[str, int] = defaultdict(int)
        for tracker in self.planner.trackers():
            assert tracker.events >= 0
            assert tracker.size >= 0
            for delivery in tracker.uncommitted():
                if delivery.ending is ACCEPTED and delivery.route:
                    uncommitted[delivery.route.workflow_id] += 1
        assert all(each <= LIMITS.events_per_key for each in uncommitted.values())

    def all_done(self) -> bool:
        return [len(each) for each in self.done] == [len(each) for each in self.log]

    def heal(self) -> None:
        """From here on everything succeeds; then everything is delivered and committed, without another push."""
        while self.suspended:
            self.resolve(0)
        for _ in range(2_000):
            self.histories.clear()
            while self.looking:
                self.look(0)
            while self.out:
                self.accept(0)
            while self.rejected:
                self.dead_letter(0)
            self.commit(0)
            self.planner.sweep(self.now)
            self.deliver(0)
            self.deliver(1)
            self.send(0)
            if not self.out and not self.looking:
                if self.all_done():
                    break
                wakes_at = self.planner.wakes_at()
                self.now = max(self.now, wakes_at) if wakes_at is not None else self.now
        assert self.all_done()
        self.now += 60
        self.planner.sweep(self.now)
        assert not self.planner.remembered_keys, "a key that is done is forgotten"


STEPS = (
    [World.produce, World.deliver] * 4
    + [World.send] * 8
    + [World.look] * 4
    + [World.accept, World.wait] * 4
    + [World.commit] * 2
    + [World.fail, World.refuse_for_size, World.find_closed, World.resolve, World.resolve, World.dead_letter]
    + [World.rebalance, World.withdraw, World.shorten]
)


@settings(max_examples=100)
@given(
    seed=st.integers(0, 1000),
    acknowledges_each=st.booleans(),
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 1_000_000)), min_size=120, max_size=300),
)
def test_nothing_is_lost_and_keys_keep_their_order(
    seed: int, acknowledges_each: bool, steps: list[tuple[Callable[[World, int], None], int]]
):
    world = World(seed, acknowledges_each=acknowledges_each)
    for step, draw in steps:
        step(world, draw)
        world.check()
    world.heal()


@pytest.mark.parametrize(("size", "whole"), [(1, 4), (50, 2)], ids=["events", "bytes"])
def test_the_gap_between_two_signals_is_left_out_where_a_whole_batch_waits(size: int, whole: int):
    planner = Planner(dataclasses.replace(LIMITS, events_per_key=100, unknown_bytes=10**6), source=drawn(0))
    partition, positions = Partition("t", 0), itertools.count()

    def deliver(now: float) -> None:
        delivery = Delivery(Message(partition, next(positions), b"x"), now)
        delivery.route = Route(workflow_id="a", idempotency_key="e", case="c")
        delivery.payload = Payload(data=b"x" * size)
        planner.admit(delivery)
        planner.enqueue(delivery, now)

    def sent(now: float) -> int | None:
        batch = planner.next_batch(now)
        if batch is None:
            return None
        planner.accepted(batch, now)
        return len(batch.deliveries)

    planner.assign([partition])
    deliver(0.0)
    assert sent(0.0) == 1
    for _ in range(whole - 1):
        deliver(0.01)
    assert sent(0.01) is None
    deliver(0.01)
    assert sent(0.01) == whole
    deliver(0.02)
    assert sent(0.02) is None
    assert sent(0.2) == 1


def test_with_temporal_away_and_nothing_left_to_send_messages_flow_so_that_a_call_can_find_it_back():
    planner = Planner(LIMITS, source=drawn(0))
    partition = Partition("t", 0)

    def deliver(partition: Partition) -> None:
        delivery = Delivery(Message(partition, 0, b"x"), 0.0)
        delivery.route = Route(workflow_id="a", idempotency_key="e", case="c")
        delivery.payload = Payload(data=b"x")
        planner.admit(delivery)
        planner.enqueue(delivery, 0.0)

    def call(now: float) -> Batch:
        batch = planner.next_batch(now)
        assert batch is not None
        assert batch.charged or planner.confirmed(batch, History())
        return batch

    planner.assign([partition])
    deliver(partition)
    for now in (0.0, 50.0):
        planner.failed(call(now), CallFailure(Verdict.SERVICE, "away"), now)
    assert list(planner.flow(50.0).pause) == [partition]
    # A rebalance takes away what would be sent next.
    planner.close([partition], 51.0)
    planner.revoke([partition], 51.0)
    back = Partition("t", 0)
    planner.assign([back])
    assert not planner.flow(52.0).pause
    deliver(back)
    planner.accepted(call(100.0), 100.0)
    assert not planner.gate.away


def test_a_parked_key_whose_sender_keeps_its_event_is_remembered_for_a_while_and_tried_as_soon():
    planner = Planner(LIMITS, source=drawn(0))
    partition = Partition("t", 0, acknowledges_each=True, sender_waits=True)
    planner.assign([partition])

    def post(position: int, now: float) -> Message:
        delivery = Delivery(Message(partition, position, b"x"), now)
        delivery.route = Route(workflow_id="a", idempotency_key="e", case="c")
        delivery.payload = Payload(data=b"x")
        planner.admit(delivery)
        planner.enqueue(delivery, now)
        return delivery.message

    def call(now: float) -> Batch | None:
        batch = planner.next_batch(now)
        assert batch is None or batch.charged or planner.confirmed(batch, History())
        return batch

    def fail(now: float) -> None:
        batch = call(now)
        assert batch is not None
        planner.failed(batch, CallFailure(Verdict.UNKNOWN, "new"), now)

    first = post(0, 0.0)
    fail(0.0)
    fail(1.0)
    assert planner.withdraw(first, 1.5)
    planner.sweep(29.0)
    assert planner.why_parked(29.0) == "parked: 'a': new"
    # It comes again, is tried at once, and taken: nothing is parked any more, at that moment.
    post(1, 29.0)
    batch = call(29.0)
    assert batch is not None
    planner.accepted(batch, 29.0)
    planner.committed(planner.committable(), 29.0)
    assert not planner.why_parked(29.0)
    second = post(2, 30.0)
    fail(30.0)
    fail(32.0)
    assert planner.withdraw(second, 33.0)
    planner.sweep(64.0)
    assert not planner.why_parked(64.0)
    assert not planner.remembered_keys
