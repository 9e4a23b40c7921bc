"""How much a key may be sent before its workflow's history must be looked at.

While no worker runs, nothing shortens a history: the server ends a workflow that passes 50 MB, and every signal that it
had acknowledged is gone. So a key is parked long before. What is sent between two looks is counted here; what others
send meanwhile (further subscriptions, members that do not know of each other) only a look can show.
"""

import random
from collections import OrderedDict
from dataclasses import dataclass

from ameide_process.ingress._limits import Limits

SIGNAL_OVERHEAD_BYTES = 500
"""What a signal adds to a history beside its payloads, at most: names, ids, trace context."""

SHARE_OF_ROOM = 4
"""A look allows a quarter of what is left: several members that look at the same time stay below the limit together."""


@dataclass(frozen=True, slots=True)
class History:
    """How long the history of a running workflow is; all zero where none runs."""

    size: int = 0
    """Bytes."""
    events: int = 0
    handled: bool = False
    """No workflow task is pending: workers have handled all that it holds."""


def over_budget(history: History, limits: Limits) -> str:
    """Says why a key with such a history waits, and for what."""
    return (
        f"its workflow has a history of {history.size / 2**20:.1f} MB in {history.events} events, more than the "
        f"{limits.history_bytes / 2**20:g} MB or {limits.history_events} events of its budget (INGRESS_HISTORY_BYTES, "
        "INGRESS_HISTORY_EVENTS); the server ends a workflow at a limit of its own, so nothing more is sent until a "
        "worker has handled what waits there: is a worker running?"
    )


class Account:
    """What a key may still be sent before the next look.

    It begins with little: of a key that we meet (after a start, after long silence) nothing is known, and members that
    start again and again must not fill a history by what each sends at first. Drawn at random, so that the more goes to
    a key the surer it is looked at, and a thousand keys that we meet are not all looked at together.
    """

    __slots__ = ("_bytes", "_limits", "_signals")

    def __init__(self, limits: Limits, source: random.Random) -> None:
        self._limits = limits
        self._bytes = source.uniform(0, limits.unknown_bytes)
        self._signals = source.randint(0, limits.unconfirmed_signals)

    def covers(self, size: int) -> bool:
        """Whether a signal of so many bytes may be sent without a look."""
        return size <= self._bytes and self._signals > 0

    def charge(self, size: int) -> None:
        """Counts a signal that is about to be sent."""
        self._bytes -= size
        self._signals -= 1

    def refund(self, size: int) -> None:
        """Takes a charge back: the server has refused the signal."""
        self._bytes += size
        self._signals += 1

    def confirm(self, history: History) -> bool:
        """Starts anew from what a look has shown.

        Returns:
            Whether the key may be sent something: one signal at least, however large.
        """
        limits = self._limits
        room, events = limits.history_bytes - history.size, limits.history_events - history.events
        if room < 0 or events < 0:
            self._bytes = self._signals = 0
            # It was not told to renew itself yet. What one signal adds is handled as the rest was, or parks the key.
            return history.handled and room > -limits.history_bytes // 2 and events > -limits.history_events // 2
        self._bytes = min(limits.unconfirmed_bytes, max(limits.batch_bytes, room // SHARE_OF_ROOM))
        self._signals = min(limits.unconfirmed_signals, max(1, events // SHARE_OF_ROOM))
        return True


class Accounts:
    """The accounts of keys that have nothing to send just now: a key that rests for a moment is not new afterwards."""

    __slots__ = ("_limits", "_resting", "_source")

    def __init__(self, limits: Limits, source: random.Random) -> None:
        self._limits = limits
        self._source = source
        self._resting: OrderedDict[str, Account] = OrderedDict()

    def take(self, workflow_id: str) -> Account:
        """Removes and returns the account of a key, a new one where none is remembered."""
        account = self._resting.pop(workflow_id, None)
        return Account(self._limits, self._source) if account is None else account

    def rest(self, workflow_id: str, account: Account) -> None:
        """Remembers an account; the one that has rested longest is forgotten where there are too many."""
        self._resting[workflow_id] = account
        if len(self._resting) > self._limits.resting_keys:
            self._resting.popitem(last=False)
