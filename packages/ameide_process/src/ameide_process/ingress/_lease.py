"""How long partitions are ours without a word from the broker.

A member that hangs, or is cut off from its broker, is taken for dead after its session timeout, and another goes on
from the committed positions. When it wakes it still has messages, and does not know yet that they are not its own any
more: sent then, they would arrive behind everything that the other has sent since, and past a workflow's dedupe window
they would even be applied twice. So nothing is sent unless the broker has taken us for a member recently enough.
"""

import math

SHARE_BEFORE_RENEWAL = 1 / 3
"""Of the lease; what is left is for a broker that takes its time."""


class Lease:
    """Whether we may send. No clock of its own."""

    def __init__(self, seconds: float | None) -> None:
        """Makes a lease that has run out.

        Args:
            seconds: From a word of the broker until it may give our partitions to others; None where it never does.
        """
        self._seconds = seconds
        self._until = math.inf if seconds is None else -math.inf

    def renew(self, asked_at: float) -> None:
        """Says that the broker has answered as to a member.

        Args:
            asked_at: When it was asked; it may have answered at once, and the answer have waited.
        """
        if self._seconds is not None:
            self._until = max(self._until, asked_at + self._seconds)

    def holds(self, now: float) -> bool:
        """Whether nobody else can have our partitions."""
        return now < self._until

    def due(self, now: float) -> bool:
        """Whether the broker should be asked again."""
        return self._seconds is not None and now >= self._until - self._seconds * (1 - SHARE_BEFORE_RENEWAL)
