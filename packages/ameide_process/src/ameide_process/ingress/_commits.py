"""Tells the source what is done, and by that learns whether the partitions are still ours."""

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from ameide_process.ingress._planner import Planner
from ameide_process.ingress._subscription_metrics import SubscriptionMetrics
from ameide_process.ingress._transport import Transport, TransportError

COMMIT_INTERVAL = 0.25
"""Seconds between two commits, at most, while there is something to commit."""

COMMIT_PAUSE = 0.05
"""Seconds between two commits, at least. A commit is due at once when a key or a partition waits for it, or when
nothing is in flight any more: what is committed does not come again after a crash."""


class Commits:
    """The commits of one subscription, one at a time.

    Attributes:
        wanted: Set when one is due at once.
    """

    def __init__(
        self, planner: Planner, transport: Transport, metrics: SubscriptionMetrics, *, subscription: str
    ) -> None:
        """Prepares them.

        Args:
            planner: Knows what has ended.
            transport: Takes acknowledgements.
            metrics: Counts.
            subscription: Logical name.
        """
        self._planner = planner
        self._transport = transport
        self._metrics = metrics
        self._committing = asyncio.Lock()
        self._log = structlog.get_logger(__name__).bind(subscription=subscription)
        self.wanted = asyncio.Event()

    async def run(self, committed: Callable[[], None]) -> None:
        """Commits again and again.

        Args:
            committed: Called after each round.
        """
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(COMMIT_INTERVAL):
                    await self.wanted.wait()
            self.wanted.clear()
            awaited = await self.commit()
            await self._renew_lease()
            committed()
            await asyncio.sleep(0 if awaited else COMMIT_PAUSE)

    async def commit(self) -> bool:
        """Acknowledges what has ended.

        Returns:
            Whether senders of single messages wait for it, and so should not wait for the next one either.
        """
        async with self._committing:
            progress = self._planner.committable()
            if not progress:
                return False
            asked_at = asyncio.get_running_loop().time()
            try:
                await self._transport.commit(progress)
            except TransportError as error:
                # Normal around a rebalance, and harmless: the messages come again, and workflows know them.
                self._metrics.commits_failed.inc()
                self._log.info("commit failed", error=str(error))
                return False
            self._metrics.commits.inc()
            self._planner.committed(progress, asyncio.get_running_loop().time())
            if progress.positions:
                self._planner.lease.renew(asked_at)
            return not progress.positions

    async def _renew_lease(self) -> None:
        """Asks the broker whether we are a member, by telling it once more where one partition stands."""
        asked_at = asyncio.get_running_loop().time()
        if not self._planner.lease.due(asked_at):
            return
        async with self._committing:
            # Within the lock: a position from before another commit would move it back.
            standing = self._planner.standing()
            if standing is None:
                return
            try:
                await self._transport.commit(standing)
            except TransportError as error:
                self._log.info("commit failed", error=str(error))
                return
        self._planner.lease.renew(asked_at)
