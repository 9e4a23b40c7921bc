"""How long to wait after a failure."""

import random
from dataclasses import dataclass

from ameide_process.ingress._classification import Verdict


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with jitter."""

    initial: float
    """Seconds after the first failure."""
    maximum: float
    """Seconds at most."""

    def delay(self, failures: int, source: random.Random) -> float:
        """Returns the seconds to wait after so many failures in a row, shortened at random by up to half."""
        # The exponent is bounded so that years of failures do not overflow it.
        whole = min(self.maximum, self.initial * 2.0 ** min(failures - 1, 32))
        return whole * source.uniform(0.5, 1.0)


BACKOFF = {
    Verdict.SERVICE: Backoff(initial=0.1, maximum=5.0),
    Verdict.THROTTLED: Backoff(initial=0.05, maximum=2.0),
    # A Continue-As-New takes milliseconds; a busy lock somewhat longer.
    Verdict.BUSY: Backoff(initial=0.01, maximum=1.0),
    # Until the workflow continues as new, which its next workflow task does.
    Verdict.SIGNAL_LIMIT: Backoff(initial=0.2, maximum=10.0),
    # Until a worker has handled what waits: one look each time.
    Verdict.OVER_BUDGET: Backoff(initial=1.0, maximum=10.0),
    Verdict.RUN_ENDED_BY_SERVER: Backoff(initial=1.0, maximum=10.0),
    # The closed run did not answer: no worker, mostly.
    Verdict.CLOSED: Backoff(initial=1.0, maximum=30.0),
    # At once: the next call is smaller.
    Verdict.TOO_LARGE: Backoff(initial=0.0, maximum=0.0),
    Verdict.UNKNOWN: Backoff(initial=0.5, maximum=30.0),
}
