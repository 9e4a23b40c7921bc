"""How a message ends that Temporal does not get, or had already."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine

import structlog

from ameide_process.ingress._dead_lettering import DeadLettering, PartitionGoneError
from ameide_process.ingress._delivery import Delivery
from ameide_process.ingress._ending import Ending, Outcome
from ameide_process.ingress._planner import Planner
from ameide_process.ingress._subscription_metrics import SubscriptionMetrics
from ameide_process.invalid_event import InvalidReason
from ameide_process.outputs import OutputTooLargeError

_logger = structlog.get_logger(__name__)


class Endings:
    """Ends messages, and keeps the tasks of those that take time."""

    def __init__(
        self,
        planner: Planner,
        metrics: SubscriptionMetrics,
        dead_lettering: DeadLettering,
        *,
        progress: Callable[[], None],
    ) -> None:
        """Prepares it.

        Args:
            planner: Learns of every end.
            metrics: Count them.
            dead_lettering: Takes what can never be delivered.
            progress: Called when something that took time has ended.
        """
        self._planner = planner
        self._metrics = metrics
        self._dead_lettering = dead_lettering
        self._progress = progress
        self._tasks: set[asyncio.Task[None]] = set()

    def end(self, delivery: Delivery, ending: Ending) -> None:
        """Says that a message needs nothing more."""
        self._planner.end(delivery, ending)
        self._metrics.ended(ending.outcome)

    async def dead_letter(self, delivery: Delivery, reason: InvalidReason, message: str) -> None:
        """Ends a message once the dead-letter stream has it.

        It is refused, and stays with its producer, where there is no such stream, or where the stream refuses it for
        its size while the producer waits for an answer.

        Raises:
            PartitionGoneError: The partition was revoked before that.
        """
        if not self._dead_lettering.bound:
            self._refuse(delivery, reason, message)
            return
        try:
            await self._dead_lettering.publish(delivery, reason, message)
        except OutputTooLargeError as error:
            self._refuse(delivery, reason, f"{message}; nor does the dead-letter stream take it: {error}")
            return
        self._metrics.dead_letter(reason)
        self.end(delivery, Ending(Outcome.DEAD_LETTER, reason, message))

    def _refuse(self, delivery: Delivery, reason: InvalidReason, message: str) -> None:
        _logger.warning(
            "event refused",
            partition=str(delivery.message.partition),
            reason=reason.value,
            message=message[:500],
            workflow_id=delivery.route.workflow_id if delivery.route else None,
            event_id=delivery.route.idempotency_key if delivery.route else None,
        )
        self.end(delivery, Ending(Outcome.REFUSED, reason, message))

    def reject(self, delivery: Delivery, reason: InvalidReason, message: str) -> None:
        """Ends a message that can never be delivered, in the background where that takes time."""

        async def publish() -> None:
            with contextlib.suppress(PartitionGoneError):
                await self.dead_letter(delivery, reason, message)

        self.spawn(publish())

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Runs something that takes time; it reports progress when it has ended."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def stop(self) -> None:
        """Ends what still runs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._progress()
