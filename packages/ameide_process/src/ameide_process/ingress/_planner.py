"""Decides what is sent when, what may be committed, and what pauses. No I/O, no clock, no event loop.

Every method that depends on time takes `now`, so that a test can drive years in a second. The engine executes.
"""

import random
from collections.abc import Callable, Collection, Mapping

from ameide_process.ingress._budget import History
from ameide_process.ingress._classification import CallFailure, Verdict
from ameide_process.ingress._delivery import Delivery
from ameide_process.ingress._ending import ACCEPTED, EndedMessage, Ending
from ameide_process.ingress._lane import REFUSED, Batch, Lane, why_refused
from ameide_process.ingress._lane_schedule import LaneSchedule
from ameide_process.ingress._lease import Lease
from ameide_process.ingress._limits import Limits
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._partition_tracker import MessageTracker, PartitionTracker, PositionTracker, tracker_of
from ameide_process.ingress._pauses import Flow, Pauses, why_parked
from ameide_process.ingress._progress import Progress
from ameide_process.ingress._request_ids import numbered_ids
from ameide_process.ingress._service_gate import ServiceGate


class Planner:
    """The state of one subscription's ingress.

    A message goes one of two ways: `admit`, `enqueue`, `next_batch`, `accepted`; or `admit`, `end`. Either way its
    position becomes committable once those below it are, or at once where its partition acknowledges each message.

    Attributes:
        gate: Whether Temporal takes calls.
        lease: Whether the partitions are still ours.
        calls: Calls in flight.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        source: random.Random | None = None,
        request_ids: Callable[[], str] | None = None,
        lease: Lease | None = None,
    ) -> None:
        """Makes an empty state.

        Args:
            limits: Its bounds.
            source: Randomness for backoff.
            request_ids: Makes ids that are never the same.
            lease: Whether partitions are still ours; None where nobody else can have them.
        """
        source = source or random.Random()  # noqa: S311 - jitter
        self._limits = limits
        self._request_ids = request_ids or numbered_ids()
        self._schedule = LaneSchedule(limits, source)
        self._trackers: dict[Partition, PartitionTracker] = {}
        self._advanced: set[PartitionTracker] = set()
        """Trackers that may have something to commit."""
        self._acknowledges_each = False
        self._closing: set[Partition] = set()
        self._pauses = Pauses(limits)
        self._out: set[Batch] = set()
        """Batches in a call, or whose failure is being dealt with."""
        self.gate = ServiceGate(source)
        self.lease = lease or Lease(None)
        self.calls = 0

    # Partitions

    def assign(self, partitions: Collection[Partition]) -> None:
        """Takes partitions."""
        for partition in partitions:
            self._trackers[partition] = tracker_of(partition)
            self._acknowledges_each = partition.acknowledges_each

    def close(self, partitions: Collection[Partition], now: float) -> None:
        """Sends nothing more of these partitions; what is in flight may end and be committed, until `revoke`."""
        self._closing.update(partitions)
        self._drop_unsent(now)

    def revoke(self, partitions: Collection[Partition], now: float) -> None:
        """Forgets partitions and what is left of their messages.

        Calls in flight may end later; their lanes stay busy until then, so that a key keeps its order even when its
        partition comes back at once.
        """
        for partition in partitions:
            tracker = self._trackers.pop(partition, None)
            if tracker is None:
                continue
            self._advanced.discard(tracker)
            self._closing.discard(partition)
            self._pauses.forget(partition)
            for delivery in tracker.uncommitted():
                if delivery.ending is ACCEPTED and delivery.lane is not None:
                    delivery.lane.uncommitted -= 1
        self._drop_unsent(now)

    def takes(self, partition: Partition) -> bool:
        """Whether messages of a partition are ours to send; those of others come again elsewhere."""
        return partition in self._trackers and partition not in self._closing

    def may_end(self, partition: Partition) -> bool:
        """Whether what is in flight of a partition may end here: it is ours, perhaps being given up."""
        return partition in self._trackers

    def in_flight(self, partitions: Collection[Partition]) -> bool:
        """Whether a call carries messages of these partitions, or its failure is being dealt with."""
        return any(each.message.partition in partitions for batch in self._out for each in batch.deliveries)

    def wants(self, delivery: Delivery) -> bool:
        """Whether a message that has not ended is ours to end: its partition is, and it was not withdrawn."""
        message = delivery.message
        tracker = self._trackers.get(message.partition)
        here = not isinstance(tracker, MessageTracker) or tracker.open_at(message.position) is delivery
        return here and self.takes(message.partition)

    # Messages

    def admit(self, delivery: Delivery) -> None:
        """Takes a delivered message."""
        self._trackers[delivery.message.partition].add(delivery)

    def enqueue(self, delivery: Delivery, now: float) -> Lane:
        """Takes a decoded message for its key.

        Returns:
            Its lane; the caller sets `start` on a new one.
        """
        assert delivery.route is not None, "decode before enqueue"  # noqa: S101 - narrows the type
        lane = self._schedule.lane(delivery.route.workflow_id)
        self._schedule.add(lane, delivery, now)
        return lane

    def waiting(self, workflow_id: str) -> int:
        """How many events wait for a key that no call has carried yet."""
        return self._schedule.waiting(workflow_id)

    def end(self, delivery: Delivery, ending: Ending) -> None:
        """Says that a message needs nothing more: it is no event, or the dead-letter stream has it."""
        delivery.ending = ending
        tracker = self._trackers.get(delivery.message.partition)
        if tracker is not None:
            tracker.end(delivery)
            self._advanced.add(tracker)

    def why_waiting(self, message: Message, now: float) -> str | None:
        """Says why a message has not ended yet, for people.

        Args:
            message: Of a partition that acknowledges each message.
            now: Seconds of the engine's clock.

        Returns:
            The reason; empty: nothing holds it up. None: it has ended, or is not known.
        """
        delivery = self._open(message)
        if delivery is None:
            return None
        lane = delivery.lane
        if lane is not None and lane.failure is not None and lane.parked(now):
            return why_parked(lane, lane.failure)
        return why_refused(delivery) or self.gate.reason or ""

    def withdraw(self, message: Message, now: float) -> bool:
        """Forgets a message whose source waits no longer and sends it again if it must.

        Args:
            message: Of a partition that acknowledges each message.
            now: Seconds of the engine's clock.

        Returns:
            Whether it is forgotten; else it has ended, or is on its way and ends soon.
        """
        delivery = self._open(message)
        tracker = self._trackers.get(message.partition)
        if delivery is None or not isinstance(tracker, MessageTracker):
            return False
        lane = delivery.lane
        if lane is None:
            if delivery.refusal:
                tracker.withdraw(delivery)
            return bool(delivery.refusal)
        if delivery in lane.waiting:
            lane.withdraw(delivery)
        elif lane.retry is not None and not lane.busy:
            lane.keep_in_retry(lambda each: each is not delivery, self._request_ids)
        else:
            return False
        tracker.withdraw(delivery)
        self._schedule.remember(lane, now)
        self._schedule.settle(lane, now)
        return True

    def _open(self, message: Message) -> Delivery | None:
        tracker = self._trackers.get(message.partition)
        return tracker.open_at(message.position) if isinstance(tracker, MessageTracker) else None

    # Calls

    def next_batch(self, now: float) -> Batch | None:
        """Returns what to send now, or None. Its lane is busy until `accepted`, `failed` or `settled`.

        A batch that is charged with nothing needs a look at the workflow's history first; see `confirmed`.
        """
        if self.calls >= self._limits.concurrent_calls or not self.gate.is_open(now) or not self.lease.holds(now):
            return None
        lane = self._schedule.choose(now)
        if lane is None:
            return None
        if lane.retry is None:
            lane.retry = lane.take(self._limits, self._request_ids())
        batch = lane.retry
        batch.sent_at = now
        size = batch.history_size
        if lane.account.covers(size):
            lane.account.charge(size)
            batch.charged = size
        else:
            batch.charged = 0
        lane.busy = True
        self.calls += 1
        self._out.add(batch)
        self.gate.began()
        return batch

    def confirmed(self, batch: Batch, history: History) -> bool:
        """Says how long the history of a batch's workflow is.

        Returns:
            Whether the batch may be sent now.
        """
        if not batch.lane.account.confirm(history):
            return False
        batch.charged = batch.history_size
        batch.lane.account.charge(batch.charged)
        return True

    @property
    def ready(self) -> int:
        """How many batches could be sent now, about."""
        return self._schedule.ready

    def wakes_at(self) -> float | None:
        """When `next_batch` may return something although nothing else happened; None: not by time alone."""
        if self.calls >= self._limits.concurrent_calls or self.gate.probing:
            return None
        scheduled = self._schedule.wakes_at()
        return None if scheduled is None else max(scheduled, self.gate.opens_at)

    def accepted(self, batch: Batch, now: float) -> None:
        """Says that Temporal has a batch."""
        self._end_call(now, answered=True)
        lane, trackers = batch.lane, self._trackers
        for delivery in batch.deliveries:
            delivery.payload = None
            tracker = trackers.get(delivery.message.partition)
            if tracker is not None:
                delivery.ending = ACCEPTED
                lane.uncommitted += 1
                tracker.end(delivery)
                self._advanced.add(tracker)
        self._finish(batch, now)

    def failed(self, batch: Batch, failure: CallFailure, now: float) -> None:
        """Says that a call failed; the batch will be sent again."""
        match failure.verdict:
            case Verdict.SERVICE:
                self._end_call(now, answered=False)
                self.gate.failed(failure, now)
            case Verdict.THROTTLED:
                self._end_call(now, answered=False)
                self.gate.throttled(now)
            case _:
                self._end_call(now, answered=True)
        if batch.charged and failure.verdict in REFUSED:
            batch.lane.account.refund(batch.charged)
        self._repeat(batch, failure, now)

    def unsent(self, batch: Batch, now: float) -> None:
        """Says that a batch was not sent after all, because a partition of its events is being given up."""
        self._end_call(now, answered=True)
        self._free(batch)
        self._schedule.schedule(batch.lane, now)
        self._schedule.settle(batch.lane, now)

    def suspended(self, now: float) -> None:
        """Says that a call has ended with a failure that takes time to deal with.

        The batch's lane stays busy until `settled` or `unresolved`, but the call counts no more.
        """
        self._end_call(now, answered=True)

    def settled(self, batch: Batch, now: float) -> None:
        """Says that every event of a suspended batch has ended; see `end`."""
        self._finish(batch, now)

    def unresolved(self, batch: Batch, failure: CallFailure, now: float) -> None:
        """Says that a suspended batch could not be dealt with; it will be sent again."""
        self._repeat(batch, failure, now)

    # Commits

    def committable(self) -> Progress:
        """Returns what may be committed and is not."""
        positions: dict[Partition, int] = {}
        messages: dict[Partition, list[EndedMessage]] = {}
        for tracker in self._advanced:
            match tracker:
                case PositionTracker():
                    position = tracker.committable
                    if position is not None:
                        positions[tracker.partition] = position
                case MessageTracker():
                    if ended := tracker.committable:
                        messages[tracker.partition] = ended
        return Progress(positions, messages)

    def committed(self, progress: Progress, now: float) -> None:
        """Says that the source remembers progress."""
        ends = [(partition, position) for partition, position in progress.positions.items()]
        ends += [(partition, each.message.position) for partition, some in progress.messages.items() for each in some]
        for partition, position in ends:
            tracker = self._trackers.get(partition)
            if tracker is None:
                continue
            for delivery in tracker.committed(position):
                if delivery.ending is ACCEPTED and delivery.lane is not None:
                    delivery.lane.uncommitted -= 1
                    self._schedule.settle(delivery.lane, now)
            if not tracker.has_committable:
                self._advanced.discard(tracker)

    def standing(self) -> Progress | None:
        """Where one partition stands, whether committed or not; None where no message was delivered."""
        for tracker in self._trackers.values():
            if isinstance(tracker, PositionTracker) and tracker.position is not None:
                return Progress(positions={tracker.partition: tracker.position})
        return None

    @property
    def commit_pressed(self) -> bool:
        """Whether something waits for a commit: a key, a partition, or who sent a message that has ended."""
        return bool(self._schedule.blocked or self._pauses.paused or (self._acknowledges_each and self._advanced))

    def sweep(self, now: float) -> None:
        """Forgets what is done with; to be called every now and then."""
        self._schedule.sweep(now)
        if self.gate.away and not self.calls and not self._schedule.waits:
            # What was to be sent is given up, so no call will tell whether Temporal is back.
            self.gate.forget()

    # Flow

    def hold(self, partition: Partition, reason: str) -> None:
        """Pauses a partition until `release`, whatever else holds."""
        if partition in self._trackers:
            self._pauses.hold(partition, reason)

    def release(self, partition: Partition) -> None:
        """Ends `hold`."""
        self._pauses.release(partition)

    def flow(self, now: float) -> Flow:
        """Compares what should be paused with what is, and takes it as done."""
        return self._pauses.update(self._trackers, self._schedule, self.gate, now)

    @property
    def paused(self) -> Mapping[Partition, str]:
        """Paused partitions, each with the reason."""
        return self._pauses.paused

    # Figures

    def trackers(self) -> Collection[PartitionTracker]:
        """Returns the assigned partitions with their uncommitted messages."""
        return self._trackers.values()

    @property
    def remembered_keys(self) -> int:
        """How many keys have something in flight, or had a moment ago."""
        return len(self._schedule.lanes())

    def parked(self, now: float) -> list[Lane]:
        """Returns the keys that are held up by a failure of their own."""
        return [lane for lane in self._schedule.failing if lane.parked(now)]

    def why_parked(self, now: float) -> str:
        """Says which key has been held up longest, and why; empty: none is."""
        lane = min(self.parked(now), key=lambda lane: (lane.failing_since, lane.workflow_id), default=None)
        return "" if lane is None or lane.failure is None else why_parked(lane, lane.failure)

    # Batches

    def _end_call(self, now: float, *, answered: bool) -> None:
        self.calls -= 1
        if answered and self.gate.answered(now):
            self._schedule.hurry(now)

    def _finish(self, batch: Batch, now: float) -> None:
        lane = batch.lane
        self._out.discard(batch)
        lane.busy = False
        lane.retry = None
        lane.not_before = batch.sent_at + self._limits.batch_gap
        self._schedule.succeeded(lane)
        self._schedule.schedule(lane, now)
        self._schedule.settle(lane, now)

    def _repeat(self, batch: Batch, failure: CallFailure, now: float) -> None:
        lane = batch.lane
        self._schedule.failed(lane, failure, now)
        self._free(batch)
        if failure.verdict is Verdict.TOO_LARGE and lane.retry is not None:
            # Refused for good, so its events may travel otherwise, and under another request id.
            lane.largest_batch = max(1, len(batch.deliveries) // 2)
            lane.give_back(lane.retry.deliveries)
            lane.retry = None
        self._schedule.schedule(lane, now)
        self._schedule.settle(lane, now)

    def _free(self, batch: Batch) -> None:
        """Ends the turn of a batch that goes on waiting, as far as it is still ours."""
        self._out.discard(batch)
        batch.lane.busy = False
        self._trim_retry(batch.lane)

    def _drop_unsent(self, now: float) -> None:
        for lane in self._schedule.lanes():
            self._trim_retry(lane)
        self._schedule.keep_only(self._trackers.keys() - self._closing, now)

    def _trim_retry(self, lane: Lane) -> None:
        """Drops events of partitions that are not ours any more from a batch that waits to be repeated."""
        if not lane.busy:
            lane.keep_in_retry(lambda each: self.takes(each.message.partition), self._request_ids)
