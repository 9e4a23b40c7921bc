"""Whether messages go on to Temporal: what `/readyz` says of a subscription's delivery."""

from collections.abc import Mapping

from ameide_process.ingress._lane import why_refused
from ameide_process.ingress._limits import Limits
from ameide_process.ingress._message import Partition
from ameide_process.ingress._pauses import PARKED
from ameide_process.ingress._planner import Planner
from ameide_process.serving import Check


def check_delivery(
    check: Check, planner: Planner, limits: Limits, *, dead_letters_wait: Mapping[Partition, str], now: float
) -> None:
    """Brings a check up to date.

    Args:
        check: Of the subscription's delivery.
        planner: Knows what waits.
        limits: Say for how long something may.
        dead_letters_wait: Partitions with dead letters that the stream does not take, each with the reason.
        now: Seconds of the engine's clock.
    """
    if planner.gate.reason is not None:
        check.failed(f"Temporal takes no events: {planner.gate.reason}; they wait in the source, none are lost")
        return
    troubles = [f"{partition}: {reason}" for partition, reason in planner.paused.items() if reason.startswith(PARKED)]
    troubles += [
        f"{partition}: {reason}" for partition, reason in dead_letters_wait.items() if planner.may_end(partition)
    ]
    troubles += _too_old(planner, limits, now)
    if troubles:
        check.failed("; ".join(sorted(troubles)))
    else:
        # The others flow, so this is ready; that one does not is said all the same.
        check.passed(planner.why_parked(now))


def _too_old(planner: Planner, limits: Limits, now: float) -> list[str]:
    """What waits for too long, of each partition, and why as far as that is known."""
    found: list[str] = []
    for tracker in planner.trackers():
        oldest = tracker.oldest
        if oldest is None or now - oldest.received_at <= limits.unacknowledged_seconds:
            continue
        lane = oldest.lane
        why = (
            lane.failure.reason
            if lane is not None and lane.failure is not None
            else why_refused(oldest) or "no answer yet"
        )
        whose = f"of workflow {lane.workflow_id!r} " if lane is not None else ""
        found.append(
            f"{tracker.partition}: the oldest message, at {oldest.message.position}, {whose}is unacknowledged for "
            f"{now - oldest.received_at:.0f} s ({limits.unacknowledged_seconds:g} s are allowed): {why}"
        )
    return found
