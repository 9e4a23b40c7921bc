"""What workflows count, on the SDK's meter: it counts nothing on replay, and its page is part of the worker's."""

from enum import Enum

from temporalio import workflow
from temporalio.common import MetricCounter, MetricMeter


class Outcome(Enum):
    """The end of an event in its workflow; the fields of `EventCounts`."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    """Applied before, and dropped."""
    FAILED = "failed"
    """Its handler raised a permanent error."""
    REJECTED = "rejected"
    """It does not decode, or has no case that this version knows; in the dead-letter stream."""
    LATE = "late"
    """The process had finished; in the dead-letter stream."""


EVENTS = "ameide_process_events"
_EVENTS_HELP = "Events by their end in their workflow."


def announce_events(meter: MetricMeter, *, namespace: str, task_queue: str, workflow_type: str) -> None:
    """Makes the counters of a worker's workflows appear at zero, before the first event comes to its end.

    An alert on a rate misses the first of what appears with it.

    Args:
        meter: Of the worker's runtime.
        namespace: As the SDK labels workflows' metrics.
        task_queue: Likewise.
        workflow_type: Likewise.
    """
    labels = {"namespace": namespace, "task_queue": task_queue, "workflow_type": workflow_type}
    counter = meter.create_counter(EVENTS, _EVENTS_HELP)
    for outcome in Outcome:
        counter.add(0, {**labels, "outcome": outcome.value})


class EventMetrics:
    """Counts the events of one run by their end."""

    def __init__(self) -> None:
        self._counters: dict[Outcome, MetricCounter] = {}

    def ended(self, outcome: Outcome, number: int = 1) -> None:
        """Counts events that came to their end."""
        if not number:
            return
        counter = self._counters.get(outcome)
        if counter is None:
            # One for each outcome: its attribute is resolved once and not with every event.
            counter = self._counters[outcome] = (
                workflow.metric_meter()
                .with_additional_attributes({"outcome": outcome.value})
                .create_counter(EVENTS, _EVENTS_HELP)
            )
        counter.add(number)
