"""Brings each received event to its end: handled, dropped as a duplicate, failed, rejected, or late."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from ameide_core_proto.process.v1.process_runtime_pb2 import CarryOver, EventCounts, RecordedFailure
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.exceptions import FailureError

from ameide_process.invalid_event import InvalidEventError, InvalidReason
from ameide_process.trace_context import trace_id
from ameide_process.workflow._activity_calls import in_handler
from ameide_process.workflow._applied_events import AppliedEvents, digest
from ameide_process.workflow._cause import cause_of, handled_cause, handling_observer
from ameide_process.workflow._dead_letters import dead_letter, dead_letter_at_once
from ameide_process.workflow._definition import ProcessDefinition
from ameide_process.workflow._emission import Emission
from ameide_process.workflow._errors import ProcessFailedError
from ameide_process.workflow._event_decoding import Event, decode
from ameide_process.workflow._inbox import Inbox
from ameide_process.workflow._metrics import EventMetrics, Outcome
from ameide_process.workflow._pace import Pace
from ameide_process.workflow._process import Process

LATE_EVENTS = 1000
"""Late events that travel in one activity."""

RECORDED_FAILURES = 50
"""Failures kept for the `progress` query, the latest."""

RECORDED_LENGTH = 500
"""Characters kept of a text in a recorded failure: all of them travel in each query and each Continue-As-New."""

LATE_ROUNDS = 5
"""Activities after which the late events that still arrive are handed over at once: under a stream, the next one would
be there each time that the activity is done, and the workflow would never end."""

LATE_BYTES = 1024 * 1024
"""Of late events that travel in one activity; Temporal takes 2 MB."""


class EventPump:
    """The events of one run.

    Attributes:
        inbox: What was received and has not come to its end.
        applied: What was applied; decides what is a duplicate.
        counts: How many events came to which end, in all runs.
        failures: The latest recorded failures, oldest first.
        seq: Events taken from the inbox in all runs.
        handling: Whether an event is on its way to its end.
        rejections: Events rejected in this run.
    """

    emission: Emission
    """Takes the cause of what is emitted; the engine sets it."""

    def __init__(self, definition: ProcessDefinition, process: Process[Any, Any, Any], carried: CarryOver) -> None:
        self._definition = definition
        contract = definition.contract
        self._handlers: dict[str, Callable[[Any, Any], Any]] = {
            # determinism: ignore[computed-attribute] -- the contract names the handlers, and start-up checks them
            case.name: getattr(process, case.handler)
            for case in contract.cases
        }
        self._pace = Pace()
        self._metrics = EventMetrics()
        self._closed = False
        self._arrived = asyncio.Event()
        self.inbox = Inbox(carried.pending)
        self.applied = AppliedEvents(contract.dedupe_window, carried.applied)
        # Copied: a part of a message would keep all of it in memory, the pending events too.
        self.counts = EventCounts()
        self.counts.CopyFrom(carried.counts)
        self.failures = [RecordedFailure.FromString(failure.SerializeToString()) for failure in carried.failures]
        self.seq = carried.seq
        self.handling = False
        self.rejections = 0

    def receive(self, signal_name: str, arguments: Sequence[RawValue]) -> None:
        """Takes one signal; only enqueues."""
        self.inbox.receive(signal_name, arguments)
        self._arrived.set()

    def pack(self, carry_over: CarryOver) -> None:
        """Puts the events into what the next run gets."""
        carry_over.seq = self.seq
        carry_over.applied = self.applied.pack()
        carry_over.pending.extend(self.inbox.pack())
        carry_over.counts.CopyFrom(self.counts)
        carry_over.failures.extend(self.failures)

    async def run(self, may_handle: Callable[[], bool]) -> None:
        """Handles waiting events one at a time, in the order of arrival, for as long as the run lasts.

        Args:
            may_handle: Whether the run wants handlers to be started now.

        Raises:
            ProcessFailedError: A handler said that the workflow fails.
        """
        in_handler.set(True)

        def ready() -> bool:
            return bool(self.inbox) and not self._closed and may_handle()

        while True:
            if not self.inbox:
                # Cheaper than a condition, which the SDK looks at after everything that happens.
                self._arrived.clear()
                await self._arrived.wait()
            elif not ready():
                await workflow.wait_condition(ready)
            elif not self._pace.allows(self.inbox.next_size):
                await self._pace.pause()
            else:
                self.handling = True
                try:
                    await self._handle(self.inbox.take())
                finally:
                    self.handling = False

    def record_refusal(self, message: str) -> None:
        """Records that a stream refused a fact for good; the dead-letter stream has it."""
        self._record(RecordedFailure(reason="fact-refused", message=_cut(message)))

    def close(self) -> None:
        """Lets no further handler start; the one that runs goes on to its end."""
        self._closed = True

    async def dead_letter_late(self) -> None:
        """Hands what was not handled to the dead-letter stream, until nothing is left.

        Draining it into handlers would apply events to a finished process; just returning would lose them.
        """
        message = "the process had finished when the event's turn came"
        rounds = 0
        while self.inbox:
            batch = self.inbox.take_batch(maximum_events=LATE_EVENTS, maximum_bytes=LATE_BYTES)
            late = [payload for payload in batch if not self._is_duplicate(payload)]
            self.counts.duplicates += len(batch) - len(late)
            self.counts.late += len(late)
            if late and rounds >= LATE_ROUNDS and not self.inbox and batch[0].ByteSize() <= LATE_BYTES:
                dead_letter_at_once(late, InvalidReason.LATE, message)
            elif late:
                await dead_letter(late, InvalidReason.LATE, message)
                rounds += 1
            elif self.inbox:
                await self._pace.pause()

    async def _handle(self, payload: Payload) -> None:
        self.seq += 1
        try:
            event = decode(self._definition, payload)
        except InvalidEventError as error:
            # Leaves a mark, so that a later version that can read the event takes the same path on replay.
            # determinism: ignore[patch-id] -- a mark for each rejected event, not for a change of the code
            workflow.patched(self._rejection_mark())
            await self._reject(payload, error)
            return
        # determinism: ignore[patch-id, replay-branch] -- true only where the history of this run has the mark
        if workflow.unsafe.is_replaying() and workflow.patched(self._rejection_mark()):
            await self._reject(
                payload, InvalidEventError(InvalidReason.UNKNOWN_CASE, "unknown to the version that received it")
            )
            return
        if not self.applied.add(digest(event.idempotency_key, event.case)):
            self.counts.duplicates += 1
            self._metrics.ended(Outcome.DUPLICATE)
            return
        cause = cause_of(payload, event.idempotency_key)
        # For what the handler does, and for what `run` does once the handler has changed the state.
        handled_cause.set(cause)
        self.emission.cause = cause
        observe = handling_observer.get()
        if observe is not None:
            observe(cause, event.case)
        await self._call_handler(event)

    async def _call_handler(self, event: Event) -> None:
        try:
            await self._handlers[event.case](event.payload, event.meta)
        # A wait that timed out is no bug either: Temporal counts it among the failures.
        except (FailureError, TimeoutError) as error:
            self.counts.failed += 1
            self._metrics.ended(Outcome.FAILED)
            failure = RecordedFailure(reason="handler-failed", message=_cut(_reason_of(error)))
            failure.payload_case = event.case
            failure.idempotency_key = _cut(event.idempotency_key)
            self._record(failure)
            if isinstance(error, ProcessFailedError):
                raise
            workflow.logger.warning(
                "handler of %s failed: %s", event.case, failure.message, extra=self._logged(event, Outcome.FAILED)
            )
        else:
            self.counts.applied += 1
            self._metrics.ended(Outcome.APPLIED)

    def _logged(self, event: Event, outcome: Outcome) -> dict[str, str]:
        """What log lines say of an event beside workflow and run, which the SDK adds."""
        said = {"event_id": event.idempotency_key, "outcome": outcome.value}
        traced = trace_id(self.emission.cause.traceparent) if self.emission.cause is not None else None
        return said | ({"trace_id": traced} if traced is not None else {})

    async def _reject(self, payload: Payload, error: InvalidEventError) -> None:
        self.rejections += 1
        # Before the stream has it, so that `progress` says what the events behind it wait for.
        self._record(RecordedFailure(reason=error.reason, message=_cut(str(error))))
        await dead_letter([payload], error.reason, str(error))
        self.counts.rejected += 1
        self._metrics.ended(Outcome.REJECTED)

    def _rejection_mark(self) -> str:
        return f"ameide-rejected-{self.seq}"

    def _is_duplicate(self, payload: Payload) -> bool:
        try:
            event = decode(self._definition, payload)
        except InvalidEventError:
            return False
        return digest(event.idempotency_key, event.case) in self.applied

    def _record(self, failure: RecordedFailure) -> None:
        failure.seq = self.seq
        self.failures.append(failure)
        del self.failures[:-RECORDED_FAILURES]


def _reason_of(error: FailureError | TimeoutError) -> str:
    """The message of a failure and of its cause, which for an activity is where the reason stands."""
    if isinstance(error, TimeoutError):
        return str(error) or "timed out"
    return f"{error.message}: {error.cause}" if error.cause is not None else error.message


def _cut(text: str) -> str:
    return text if len(text) <= RECORDED_LENGTH else f"{text[:RECORDED_LENGTH]}…"
