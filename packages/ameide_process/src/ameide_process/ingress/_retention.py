"""Whether messages outlive the histories that tell a late event from a first one.

A message for a closed workflow is late, and known by that workflow's history. Where the namespace has deleted that,
the message starts the workflow anew. A source that keeps messages longer than the namespace keeps histories is the
default of both, and harmless while messages are read as they come: it is said once, in the log. What `/readyz` warns of
is the real thing: messages are read that are older than what the namespace keeps.
"""

import time
from collections.abc import Sequence
from datetime import timedelta

import structlog

from ameide_process.ingress._message import Message

WARNING_SECONDS = 600.0
"""How long the warning stands after the last such message, so that somebody sees it."""

_logger = structlog.get_logger(__name__)


class Retention:
    """What is known of both, for one subscription."""

    def __init__(self, subscription: str) -> None:
        """Knows nothing yet.

        Args:
            subscription: Logical name, for the log.
        """
        self._log = _logger.bind(subscription=subscription)
        self._histories: timedelta | None = None
        self._unjudged: int | None = None
        """Oldest time of a message that was read before the namespace said how long it keeps histories."""
        self._said = ""
        self._old_until = 0.0

    def compare(self, source: timedelta | None, histories: timedelta | None) -> None:
        """Takes what source and namespace say; None where one does not say."""
        self._histories = histories
        if histories is not None and self._unjudged is not None:
            self._judge(self._unjudged, histories)
            self._unjudged = None
        if source is None or histories is None or source <= histories:
            return
        kept = "for ever" if source == timedelta.max else f"for {_days(source)}"
        said = (
            f"the source keeps messages {kept}, the namespace closed workflows for {_days(histories)}: a message that "
            "is read again after that starts its workflow anew"
        )
        if said != self._said:
            self._said = said
            self._log.warning("messages outlive histories", reason=said)

    def saw(self, messages: Sequence[Message]) -> None:
        """Looks at the age of messages that were read."""
        # A message without a time has no age.
        oldest = min((each.timestamp_ms for each in messages if each.timestamp_ms), default=None)
        if oldest is None:
            return
        if self._histories is None:
            self._unjudged = min(oldest, self._unjudged or oldest)
        else:
            self._judge(oldest, self._histories)

    def _judge(self, oldest: int, histories: timedelta) -> None:
        if time.time() - oldest / 1000 > histories.total_seconds():
            self._old_until = time.monotonic() + WARNING_SECONDS

    @property
    def warning(self) -> str:
        """What to look at, as a sentence; empty: nothing."""
        if self._histories is None or time.monotonic() >= self._old_until:
            return ""
        return (
            f"messages older than {_days(self._histories)} are read, which is how long the namespace keeps closed "
            "workflows: one of a workflow that closed before starts it anew; raise the namespace's retention"
        )


def _days(duration: timedelta) -> str:
    days = f"{duration.total_seconds() / 86_400:g}"
    return "1 day" if days == "1" else f"{days} days"
