"""What `/readyz` says of a port that has as much to do as it may."""

import asyncio
from typing import Final

from ameide_process.serving import Check

QUIET_SECONDS: Final = 10.0
"""So long it is said after the last time: probes come seldom."""


class Saturation:
    """The check of one port."""

    def __init__(self, check: Check) -> None:
        """Says that there is room.

        Args:
            check: Says of the port whether there is room.
        """
        self._check = check
        self._noted: dict[str, tuple[float, bool]] = {}
        """By what is said: until when, and whether the check fails with it."""
        self._timer: asyncio.TimerHandle | None = None
        check.passed()

    def note(self, text: str, *, fails: bool) -> None:
        """Says something for some seconds.

        Args:
            text: What there is too much of, and what to do.
            fails: Whether new callers cannot be served here; otherwise it is a warning.
        """
        loop = asyncio.get_running_loop()
        fresh = text not in self._noted
        self._noted[text] = (loop.time() + QUIET_SECONDS, fails)
        if fresh:
            self._say()
        if self._timer is None:
            self._timer = loop.call_later(QUIET_SECONDS, self._forget)

    def _forget(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._noted = {text: (until, fails) for text, (until, fails) in self._noted.items() if until > now}
        self._timer = None
        if self._noted:
            self._timer = loop.call_at(min(until for until, _ in self._noted.values()), self._forget)
        self._say()

    def _say(self) -> None:
        said = "; ".join(self._noted)
        if any(fails for _, fails in self._noted.values()):
            self._check.failed(said)
        else:
            self._check.passed(said)
