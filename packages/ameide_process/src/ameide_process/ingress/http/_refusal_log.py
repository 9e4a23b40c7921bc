"""Writes of refusals what a person can read: who is not let in may come thousands of times a second."""

import asyncio
from typing import Any, Final

import structlog

SECONDS_A_LINE: Final = 1.0
"""Between two lines of one reason."""

_logger = structlog.get_logger(__name__)


class RefusalLog:
    """The log lines of one port, or of one subscription."""

    def __init__(self, **said: str) -> None:
        """Has written nothing yet.

        Args:
            said: What each line says.
        """
        self._log = _logger.bind(**said)
        self._written: dict[str, float] = {}
        """By reason: when there was a line of it."""
        self._unwritten: dict[str, int] = {}

    def refused(self, reason: str, **said: Any) -> None:
        """Writes a line where the last one of this reason is old enough; it tells how many were left out before.

        Args:
            reason: As the client gets to know it.
            said: What else there is to say.
        """
        now = asyncio.get_running_loop().time()
        if now - self._written.get(reason, -SECONDS_A_LINE) < SECONDS_A_LINE:
            self._unwritten[reason] = self._unwritten.get(reason, 0) + 1
            return
        self._written[reason] = now
        left_out = self._unwritten.pop(reason, 0)
        self._log.info("request refused", reason=reason, **said, **({"unlogged_before": left_out} if left_out else {}))
