"""Whether Temporal as a whole takes calls: a circuit breaker that also slows down when asked to."""

import random

from ameide_process.ingress._backoff import BACKOFF
from ameide_process.ingress._classification import CallFailure, Verdict

FAILURES_TO_CLOSE = 8
"""Service failures in a row, without an answer between them, after which Temporal counts as away. Less would let one
unavailable shard stop everybody."""

SECONDS_TO_CLOSE = 1.0
"""The same in time, for streams too thin to fail so often."""


class ServiceGate:
    """Lets calls through while Temporal takes them, one at a time while it does not.

    Attributes:
        reason: Why Temporal counts as away; None while it does not.
        away_since: Since when.
        opens_at: When the next call may begin; in the past where only the answer to a probe opens the gate.
    """

    __slots__ = ("_failures", "_first_failure_at", "_holds", "_probing", "_source", "away_since", "opens_at", "reason")

    def __init__(self, source: random.Random) -> None:
        """Makes an open gate.

        Args:
            source: Randomness for the backoff.
        """
        self.reason: str | None = None
        self.away_since = 0.0
        self.opens_at = 0.0
        self._source = source
        self._failures = 0
        self._first_failure_at = 0.0
        self._holds = 0
        """Times in a row that calls were held back."""
        self._probing = False

    @property
    def away(self) -> bool:
        """Whether Temporal counts as away."""
        return self.reason is not None

    @property
    def probing(self) -> bool:
        """Whether a call is on its way to find out; no other may begin."""
        return self._probing

    def is_open(self, now: float) -> bool:
        """Whether a call may begin now."""
        return now >= self.opens_at and not self._probing

    def began(self) -> None:
        """Says that a call begins."""
        if self.reason is not None:
            self._probing = True

    def answered(self, now: float) -> bool:
        """Says that Temporal answered a call, whatever it said of the key.

        Returns:
            Whether that ends a time of failures, so that calls which wait for it should wait no longer.
        """
        recovered = self._failures > 0
        if recovered:
            self.reason = None
            self._failures = 0
            self._probing = False
            self.opens_at = now
            self._holds = 0
        elif self._holds and now >= self.opens_at:
            # An answer after the pause that Temporal asked for. One to a call from before it says nothing.
            self._holds -= 1
        return recovered

    def forget(self) -> None:
        """Says that there is nothing to call Temporal with: that it was away is no knowledge of now."""
        self.reason = None
        self._failures = 0
        self._holds = 0

    def throttled(self, now: float) -> None:
        """Says that Temporal asked for fewer calls."""
        if now >= self.opens_at:
            # All calls in flight fail together; they are one reason to pause, not one each.
            self._hold(Verdict.THROTTLED, now)
        self._probing = False

    def failed(self, failure: CallFailure, now: float) -> None:
        """Says that a call failed for a reason that is nobody's own."""
        if self._failures == 0:
            self._first_failure_at = now
        self._failures += 1
        if self.reason is not None:
            self.reason = failure.reason
            if self._probing:
                self._probing = False
                self._hold(Verdict.SERVICE, now)
        elif self._failures >= FAILURES_TO_CLOSE or now - self._first_failure_at >= SECONDS_TO_CLOSE:
            self.reason = failure.reason
            self.away_since = self._first_failure_at
            self._holds = 0
            self._hold(Verdict.SERVICE, now)

    def _hold(self, verdict: Verdict, now: float) -> None:
        self._holds += 1
        self.opens_at = now + BACKOFF[verdict].delay(self._holds, self._source)
