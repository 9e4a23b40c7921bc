"""Which partitions deliver nothing for a while, and why."""

from collections.abc import Mapping
from dataclasses import dataclass

from ameide_process.ingress._classification import CallFailure
from ameide_process.ingress._lane import Lane, why_refused
from ameide_process.ingress._lane_schedule import LaneSchedule
from ameide_process.ingress._limits import Limits
from ameide_process.ingress._message import Partition
from ameide_process.ingress._partition_tracker import PartitionTracker
from ameide_process.ingress._service_gate import ServiceGate

PARKED = "parked"
"""First word of why a partition pauses that is full behind a parked key."""

BOUND_REACHED = "as many uncommitted messages as it may have"


@dataclass(frozen=True, slots=True)
class Flow:
    """What changes about delivery."""

    pause: dict[Partition, str]
    """Each with the reason."""
    resume: tuple[Partition, ...]


class Pauses:
    """The paused partitions of one subscription.

    Attributes:
        paused: Each with the reason.
    """

    def __init__(self, limits: Limits) -> None:
        """Pauses nothing yet.

        Args:
            limits: Say when a partition is full.
        """
        self._limits = limits
        self._held: dict[Partition, str] = {}
        self.paused: dict[Partition, str] = {}

    def hold(self, partition: Partition, reason: str) -> None:
        """Pauses a partition until `release`, whatever else holds."""
        self._held[partition] = reason

    def release(self, partition: Partition) -> None:
        """Ends `hold`."""
        self._held.pop(partition, None)

    def forget(self, partition: Partition) -> None:
        """Says that a partition is ours no more."""
        self._held.pop(partition, None)
        self.paused.pop(partition, None)

    def update(
        self,
        trackers: Mapping[Partition, PartitionTracker],
        schedule: LaneSchedule,
        gate: ServiceGate,
        now: float,
    ) -> Flow:
        """Compares what should be paused with what is, and takes it as done."""
        wanted = self._wanted(trackers, schedule, gate, now)
        pause = {partition: reason for partition, reason in wanted.items() if partition not in self.paused}
        resume = tuple(partition for partition in self.paused if partition not in wanted)
        self.paused = wanted
        return Flow(pause, resume)

    def _wanted(
        self,
        trackers: Mapping[Partition, PartitionTracker],
        schedule: LaneSchedule,
        gate: ServiceGate,
        now: float,
    ) -> dict[Partition, str]:
        # With nothing to send there is no call that could find Temporal back, so something must come.
        if gate.reason is not None and schedule.waits:
            return dict.fromkeys(trackers, gate.reason)
        wanted: dict[Partition, str] = {}
        most_events, most_bytes = self._limits.share(len(trackers))
        for partition, tracker in trackers.items():
            # Resuming at half the bound keeps a partition from pausing and resuming with every message.
            share = 0.5 if partition in self.paused else 1.0
            if tracker.events >= most_events * share or tracker.size >= most_bytes * share:
                wanted[partition] = _why_full(tracker, now)
        for lane in schedule.blocked:
            if lane.waiting:
                wanted.setdefault(lane.waiting[0].message.partition, f"{lane.workflow_id!r} waits for a commit")
        wanted.update(self._held)
        return wanted


def why_parked(lane: Lane, failure: CallFailure) -> str:
    """Says which key a failure of its own holds up, and which failure."""
    return f"{PARKED}: {lane.workflow_id!r}: {failure.reason}"


def _why_full(tracker: PartitionTracker, now: float) -> str:
    oldest = tracker.oldest
    if oldest is None:
        return BOUND_REACHED
    lane = oldest.lane
    if lane is not None and lane.failure is not None and lane.parked(now):
        return why_parked(lane, lane.failure)
    return why_refused(oldest) or BOUND_REACHED
