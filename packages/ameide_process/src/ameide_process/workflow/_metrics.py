"""What workflows count, on the SDK's meter: it counts nothing on replay, and its page is part of the worker's."""

from enum import Enum

from temporalio import workflow
from temporalio.common import MetricCounter


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
                .create_counter("ameide_process_events", "Events by their end in their workflow.")
            )
        counter.add(number)
