"""Getting a message into the dead-letter stream, however long that takes."""

import asyncio
import contextlib
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from datetime import UTC, datetime

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from ameide_process.contract import ProcessContract
from ameide_process.ingress._delivery import Delivery
from ameide_process.ingress._message import Partition
from ameide_process.invalid_event import InvalidReason
from ameide_process.outputs import (
    DeadLetterPublisher,
    DeadLetterRecord,
    OutputError,
    OutputTooLargeError,
    SourcePosition,
)

_WAIT = wait_random_exponential(multiplier=0.2, max=5)
_WAIT_TOO_LARGE = 30.0
"""Seconds between two tries of a record that the stream refuses for its size: somebody must raise the limit first."""

_TRIES_A_SECOND = 100
"""Of all that wait together, at most: thousands may, and a try costs about as much as an event."""

DEAD_LETTER_STREAM = "dead-letter stream"
"""First words of why a message waits that the stream does not take."""

_logger = structlog.get_logger(__name__)


class PartitionGoneError(Exception):
    """The message is not ours any more, nor its partition mostly; it comes again, here or elsewhere."""


class DeadLettering:
    """Writes dead letters of one subscription.

    Attributes:
        trouble: Partitions that wait for the dead-letter stream, each with the reason.
    """

    def __init__(
        self,
        publisher: DeadLetterPublisher | None,
        *,
        contract: ProcessContract,
        subscription: str,
        wants: Callable[[Delivery], bool],
        changed: Callable[[Partition], None],
    ) -> None:
        """Prepares dead-lettering.

        Args:
            publisher: The stream; None: nothing is to be published.
            contract: Of the process.
            subscription: Logical name.
            wants: Whether a message is still ours.
            changed: Called when a partition begins or ceases to wait for the stream, or for another reason.
        """
        self._publisher = publisher
        self._process = contract.name
        self._subscription = subscription
        self._wants = wants
        self._changed = changed
        self._waiting: Counter[Partition] = Counter()
        self._interrupted = asyncio.Event()
        self._troubled: defaultdict[Partition, dict[Delivery, str]] = defaultdict(dict)
        """What the stream has refused once or more, in that order, each with the latest reason."""
        self.trouble: dict[Partition, str] = {}

    @property
    def bound(self) -> bool:
        """Whether there is a stream."""
        return self._publisher is not None

    def in_flight(self, partitions: Collection[Partition]) -> bool:
        """Whether a message of these partitions is on its way to the stream."""
        return any(self._waiting[partition] for partition in partitions)

    def interrupt(self) -> None:
        """Ends every pause between two tries, so that what has lost its partition notices."""
        self._interrupted.set()
        self._interrupted = asyncio.Event()

    async def publish(self, delivery: Delivery, reason: InvalidReason, message: str) -> None:
        """Returns once the stream has the message.

        Raises:
            PartitionGoneError: The partition was revoked before that, or the message taken back by its sender.
            OutputTooLargeError: The stream refuses it for its size, and its sender waits, so that it can be refused in
                turn. Of any other source it waits for a higher limit, since it could not be given back.
        """
        publisher = self._publisher
        assert publisher is not None, "ask `bound` before"  # noqa: S101 - narrows the type
        partition = delivery.message.partition
        record = self._record(delivery, reason, message)

        def may_pass(error: BaseException) -> bool:
            final = isinstance(error, OutputTooLargeError) and partition.sender_waits
            return isinstance(error, OutputError) and not final

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            if isinstance(error, OutputTooLargeError):
                return _WAIT_TOO_LARGE * random.uniform(0.5, 1)  # noqa: S311 - jitter
            together = sum(map(len, self._troubled.values()))
            return max(_WAIT(state), together / _TRIES_A_SECOND * random.uniform(0.5, 1))  # noqa: S311 - jitter

        def before_sleep(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            if not delivery.refusal:
                _logger.warning("dead letter waits", partition=str(partition), error=str(error))
            self._note(delivery, f"{DEAD_LETTER_STREAM}: {error}")

        self._waiting[partition] += 1
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception(may_pass), wait=wait, before_sleep=before_sleep, sleep=self._sleep
            ):
                if not self._wants(delivery):
                    raise PartitionGoneError(str(partition))
                with attempt:
                    await publisher.publish(record)
        finally:
            self._waiting[partition] -= 1
            self._note(delivery, "")
        _logger.warning(
            "dead letter",
            subscription=self._subscription,
            partition=str(partition),
            position=delivery.message.position,
            outcome="dead_letter",
            reason=reason.value,
            message=message[:500],
            workflow_id=record.workflow_id,
            event_id=record.event_id,
        )

    def _note(self, delivery: Delivery, reason: str) -> None:
        """Takes note of why the stream refused a message; empty: it waits no longer."""
        partition, delivery.refusal = delivery.message.partition, reason
        troubled = self._troubled[partition]
        if reason:
            troubled[delivery] = reason
        else:
            troubled.pop(delivery, None)
        said = next(iter(troubled.values()), None)
        if said is None:
            del self._troubled[partition]
        if said == self.trouble.get(partition):
            return
        if said is None:
            del self.trouble[partition]
        else:
            self.trouble[partition] = said
        self._changed(partition)

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._interrupted.wait()

    def _record(self, delivery: Delivery, reason: InvalidReason, message: str) -> DeadLetterRecord:
        source = delivery.message
        taken = source.timestamp_ms
        return DeadLetterRecord(
            value=source.value or b"",
            key=source.key,
            headers=source.headers,
            reason=reason.value,
            message=message,
            process=self._process,
            source=SourcePosition(
                subscription=self._subscription,
                source=source.partition.source,
                partition=source.partition.number,
                position=source.position,
                time=None if taken is None else datetime.fromtimestamp(taken / 1000, UTC),
                subject=source.subject,
            ),
            workflow_id=delivery.route.workflow_id if delivery.route else None,
            event_id=delivery.route.idempotency_key if delivery.route else None,
        )
