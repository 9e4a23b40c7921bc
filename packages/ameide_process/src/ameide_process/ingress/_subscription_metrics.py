"""The metrics of one subscription, with their labels resolved once.

Looking them up for each event would cost more than counting it.
"""

from collections.abc import Sequence

from ameide_process.ingress._classification import Verdict
from ameide_process.ingress._ending import Outcome
from ameide_process.ingress._metrics import IngressMetrics
from ameide_process.ingress._planner import Planner
from ameide_process.ingress._transport import PartitionLag
from ameide_process.invalid_event import InvalidReason

REASONS = tuple(reason for reason in InvalidReason if reason is not InvalidReason.UNKNOWN_SIGNAL)
"""Why the ingress gives a message up; signals are the workflow's."""


class SubscriptionMetrics:
    """Counts for one subscription.

    Attributes:
        call_failures: Failed calls by verdict.
        commits: Commits that the broker took.
        commits_failed: Commits that it did not.
    """

    def __init__(self, metrics: IngressMetrics, subscription: str) -> None:
        """Resolves the labels.

        Args:
            metrics: Of the program.
            subscription: Logical name.
        """
        self._metrics = metrics
        self._subscription = subscription
        self._outcomes = {outcome: metrics.events.labels(subscription, outcome.value) for outcome in Outcome}
        self._accepted = self._outcomes[Outcome.ACCEPTED]
        self._started = metrics.signals.labels(subscription, "signal_with_start")
        self._signalled = metrics.signals.labels(subscription, "signal")
        self._duration = metrics.signal_duration.labels(subscription)
        self._events = metrics.signal_events.labels(subscription)
        self.call_failures = {verdict: metrics.call_failures.labels(subscription, verdict.value) for verdict in Verdict}
        self.commits = metrics.commits.labels(subscription, "committed")
        self.commits_failed = metrics.commits.labels(subscription, "failed")
        self._oldest_age = metrics.oldest_age.labels(subscription)
        self._in_flight = metrics.in_flight.labels(subscription)
        self._in_flight_bytes = metrics.in_flight_bytes.labels(subscription)
        self._parked = metrics.parked_keys.labels(subscription)
        self._paused = metrics.paused_partitions.labels(subscription)
        self._assigned = metrics.assigned_partitions.labels(subscription)
        # There from the beginning: an alert on a rate misses the first of what appears with it.
        self._dead_letters = {reason: metrics.dead_letters.labels(subscription, reason.value) for reason in REASONS}
        self._lag_labels: set[tuple[str, str]] = set()

    def accepted(self, events: int, *, started: bool, seconds: float) -> None:
        """Counts an accepted call."""
        self._accepted.inc(events)
        (self._started if started else self._signalled).inc()
        self._duration.observe(seconds)
        self._events.observe(events)

    def ended(self, outcome: Outcome) -> None:
        """Counts a message that ended otherwise."""
        self._outcomes[outcome].inc()

    def dead_letter(self, reason: InvalidReason) -> None:
        """Counts a dead letter."""
        self._dead_letters[reason].inc()

    def show(self, planner: Planner, now: float) -> None:
        """Sets the gauges that follow from the planner's state."""
        trackers = planner.trackers()
        oldest = [tracker.oldest.received_at for tracker in trackers if tracker.oldest is not None]
        self._oldest_age.set(max(0.0, now - min(oldest)) if oldest else 0.0)
        self._in_flight.set(sum(tracker.events for tracker in trackers))
        self._in_flight_bytes.set(sum(tracker.size for tracker in trackers))
        self._parked.set(len(planner.parked(now)))
        self._paused.set(len(planner.paused))
        self._assigned.set(len(trackers))

    def show_lag(self, lags: Sequence[PartitionLag]) -> None:
        """Sets the lag of each assigned partition, and forgets the others: another member shows theirs."""
        shown = {(lag.partition.source, str(lag.partition.number)) for lag in lags}
        for source, number in self._lag_labels - shown:
            self._metrics.lag.remove(self._subscription, source, number)
        for lag in lags:
            self._metrics.lag.labels(self._subscription, lag.partition.source, str(lag.partition.number)).set(
                lag.messages
            )
        self._lag_labels = shown
