"""What becomes of a batch whose call failed."""

import asyncio

import structlog

from ameide_process.ingress._classification import CallFailure, Verdict
from ameide_process.ingress._dead_lettering import PartitionGoneError
from ameide_process.ingress._ending import DUPLICATE
from ameide_process.ingress._endings import Endings
from ameide_process.ingress._lane import Batch
from ameide_process.ingress._planner import Planner
from ameide_process.ingress._temporal_calls import NoAnswerError, TemporalCalls
from ameide_process.invalid_event import InvalidReason

CONCURRENT_QUERIES = 8
"""Questions to closed runs in flight. A worker replays a history for each."""

ALERTING = frozenset({Verdict.RUN_ENDED_BY_SERVER, Verdict.SIGNAL_LIMIT, Verdict.OVER_BUDGET, Verdict.UNKNOWN})
"""Failures of one key that somebody should know of at once."""

_logger = structlog.get_logger(__name__)


class FailedCalls:
    """Repeats, or resolves where repeating cannot help."""

    def __init__(self, planner: Planner, calls: TemporalCalls, endings: Endings) -> None:
        """Prepares it.

        Args:
            planner: Learns what becomes of each batch.
            calls: Ask closed runs.
            endings: Take what is not repeated.
        """
        self._planner = planner
        self._calls = calls
        self._endings = endings
        self._queries = asyncio.Semaphore(CONCURRENT_QUERIES)

    def handle(self, batch: Batch, failure: CallFailure) -> None:
        """Decides about a batch; what takes time goes on in the background."""
        now = asyncio.get_running_loop().time()
        lane = batch.lane
        if failure.verdict is Verdict.CLOSED:
            self._planner.suspended(now)
            self._endings.spawn(self._resolve_late(batch, failure))
        elif failure.verdict is Verdict.TOO_LARGE and len(batch.deliveries) == 1:
            self._planner.suspended(now)
            self._endings.spawn(self._resolve_too_large(batch, failure))
        else:
            first = lane.failure is None or lane.failure.verdict is not failure.verdict
            self._planner.failed(batch, failure, now)
            if first and failure.verdict in ALERTING:
                _logger.error("key parked", workflow_id=lane.workflow_id, reason=failure.reason)

    async def _resolve_late(self, batch: Batch, failure: CallFailure) -> None:
        """The workflow is closed: what it applied is a duplicate, the rest is late."""
        workflow_id = batch.lane.workflow_id
        routes = [each.route for each in batch.deliveries if each.route is not None]
        try:
            async with self._queries:
                if not any(self._planner.takes(each.message.partition) for each in batch.deliveries):
                    raise PartitionGoneError(workflow_id)
                applied = await self._calls.applied(workflow_id, failure.run_id, routes)
            for delivery, was_applied in zip(batch.deliveries, applied, strict=True):
                if was_applied:
                    self._endings.end(delivery, DUPLICATE)
                    continue
                message = f"workflow {workflow_id!r} was closed already (run {failure.run_id}); it had not applied this"
                await self._endings.dead_letter(delivery, InvalidReason.LATE, message)
        except NoAnswerError as error:
            reason = f"closed, and its last run does not say what it applied: {error}; is a worker running?"
            failure = CallFailure(Verdict.CLOSED, reason, failure.run_id)
            self._planner.unresolved(batch, failure, asyncio.get_running_loop().time())
        except PartitionGoneError:
            self._planner.unresolved(batch, failure, asyncio.get_running_loop().time())
        else:
            self._planner.settled(batch, asyncio.get_running_loop().time())

    async def _resolve_too_large(self, batch: Batch, failure: CallFailure) -> None:
        """The server takes less than we thought: a server with a lower limit, or a proxy before it."""
        try:
            for delivery in batch.deliveries:
                message = f"Temporal refuses it for its size: {failure.reason}"
                await self._endings.dead_letter(delivery, InvalidReason.TOO_LARGE, message)
        except PartitionGoneError:
            self._planner.unresolved(batch, failure, asyncio.get_running_loop().time())
        else:
            self._planner.settled(batch, asyncio.get_running_loop().time())
