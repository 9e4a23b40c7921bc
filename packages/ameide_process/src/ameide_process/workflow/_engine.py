"""The engine of one run: receives, deduplicates, handles in order, continues as new, completes.

Three coroutines: `run` of the process, the pump that calls handlers one at a time, and `execute`, which watches both
and decides how the run ends.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from ameide_core_proto.process.v1.process_runtime_pb2 import (
    CarryOver,
    DedupeAnswer,
    DedupeQuery,
    ProcessProgress,
    RecordedFailure,
)
from google.protobuf.json_format import Parse
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.exceptions import FailureError

from ameide_process.contract import CONTINUE_AS_NEW_SIGNAL, WorkflowKind
from ameide_process.invalid_event import InvalidEventError, InvalidReason
from ameide_process.workflow import _carry_over
from ameide_process.workflow._activity_calls import in_handler
from ameide_process.workflow._applied_events import AppliedEvents, digest
from ameide_process.workflow._dead_letters import dead_letter
from ameide_process.workflow._definition import ProcessDefinition
from ameide_process.workflow._errors import ProcessFailedError, UnknownStartError
from ameide_process.workflow._event_decoding import Event, decode
from ameide_process.workflow._inbox import Inbox
from ameide_process.workflow._process import Process

EVENTS_PER_TASK = 1000
"""Events handled in one workflow task. 75,000 decoded at once exceed the SDK's two-second deadlock limit, for ever."""

PAUSE_SECONDS = 0.001
"""Timer that ends a workflow task after `EVENTS_PER_TASK` events."""

SIGNALS_PER_RUN = 8000
"""Signals after which a run continues as new; Temporal refuses more than 10,000 in one run
(`history.maximumSignalsPerExecution`)."""

CARRIED_BYTES = 1024 * 1024
"""Waiting bytes that a run may carry into the next; over Temporal's 2 MB the workflow task would fail for ever."""

RECORDED_FAILURES = 50
"""Failures kept for the `progress` query, the latest."""


class Engine:
    """Runs one process inside one workflow run.

    Attributes:
        process: The impl instance.
        parked: How many `until` calls of `run` wait now.
        phase: What the process last said it is doing.
    """

    def __init__(
        self, definition: ProcessDefinition, process: type[Process[Any, Any, Any]], argument: RawValue
    ) -> None:
        self._definition = definition
        self._contract = definition.contract
        carried = _carry_over.unpack(argument.payload)
        self._start_argument = carried.start
        self._start = _decode_start(definition, Payload.FromString(carried.start))
        self._epoch = carried.run_epoch
        self._seq = carried.seq
        self._counts = carried.counts
        self._failures = list(carried.failures)
        self._applied = AppliedEvents(self._contract.dedupe_window, carried.applied)
        self._inbox = Inbox(carried.pending)
        self.parked = 0
        self.phase = carried.phase
        self._asked_to_leave = False
        self._handling = False
        self._closed = False
        self._handled_in_task = 0
        self._task_mark = -1
        self._calls = definition.calls()
        self.process = process()
        self.process.attach(
            state=_carry_over.restore(definition.state_type, carried),
            key=definition.key(self._start),
            activities=self._calls,
            position=self,
        )
        self._handlers: dict[str, Callable[[Any, Any], Any]] = {
            case.name: getattr(self.process, case.handler) for case in self._contract.cases
        }

    # --- what Temporal calls -------------------------------------------------------------------------------------

    def receive(self, signal_name: str, arguments: Sequence[RawValue]) -> None:
        """Takes one signal; only enqueues."""
        if signal_name == CONTINUE_AS_NEW_SIGNAL:
            self._asked_to_leave = True
            return
        self._inbox.receive(signal_name, arguments)

    def progress(self) -> ProcessProgress:
        """Phase, counts and recorded failures."""
        return ProcessProgress(
            process_name=self._contract.name,
            phase=self.phase,
            run_epoch=self._epoch,
            seq=self._seq,
            pending=len(self._inbox),
            counts=self._counts,
            failures=self._failures,
        )

    def dedupe(self, query: DedupeQuery) -> DedupeAnswer:
        """Which of the asked events were applied and are remembered."""
        return DedupeAnswer(
            applied=[digest(event.idempotency_key, event.payload_case) in self._applied for event in query.events],
            remembered=len(self._applied),
            window=self._applied.window,
        )

    async def execute(self) -> Any:
        """Runs the process to its end, or into the next run.

        Raises:
            FailureError: `run` failed, or a handler raised `ProcessFailedError`.
            asyncio.CancelledError: The workflow was cancelled, and `run` did not decide otherwise.
        """
        run = asyncio.create_task(self.process.run(self._start))
        pump = asyncio.create_task(self._pump())
        while not run.done() and not pump.done():
            await self._watch(run, lambda: run.done() or pump.done() or self._may_leave())
            # Looked at again: `run` may have gone on between the condition and here.
            if not run.done() and not pump.done() and self._may_leave():
                workflow.continue_as_new(self._pack())
        self._closed = True
        if pump.done():
            run.cancel()
        else:
            await self._watch(run, lambda: not self._handling)
        failure = _failure_of(pump) or _failure_of(run)
        if isinstance(failure, Exception) and not workflow.is_failure_exception(failure):
            raise failure  # a bug: the workflow task fails and is retried with mended code; nothing is decided yet
        late = asyncio.create_task(self._dead_letter_late())
        await self._watch(run, late.done)
        late.result()
        if failure is not None:
            raise failure
        return run.result()

    async def _watch(self, run: "asyncio.Task[Any]", condition: Callable[[], bool]) -> None:
        """Waits for a condition; a cancellation of the workflow meanwhile is handed to `run`, which may clean up."""
        while True:
            try:
                await workflow.wait_condition(condition)
            except asyncio.CancelledError:
                run.cancel()
            else:
                return

    # --- the pump ------------------------------------------------------------------------------------------------

    async def _pump(self) -> None:
        """Handles waiting events one at a time, in the order of arrival, until the inbox is closed.

        Raises:
            ProcessFailedError: A handler said that the workflow fails.
        """
        in_handler.set(True)
        while True:
            await workflow.wait_condition(self._may_handle)
            while self._may_handle():
                if self._task_is_full():
                    await asyncio.sleep(PAUSE_SECONDS)
                    continue
                self._handling = True
                try:
                    await self._handle(self._inbox.take())
                finally:
                    self._handling = False

    def _may_handle(self) -> bool:
        if self._closed or not self._inbox:
            return False
        if not self._leaving() or self._inbox.size > CARRIED_BYTES:
            return True
        # Leaving: no more handlers, unless `run` waits neither in `until` nor for an activity. It may wait in its own
        # way for what is queued here, and would hold up the run for ever.
        return not self.parked and not self._calls.in_flight

    def _task_is_full(self) -> bool:
        """Whether this workflow task has handled enough; history grows from task to task, so its length marks one."""
        mark = workflow.info().get_current_history_length()
        if mark != self._task_mark:
            self._task_mark = mark
            self._handled_in_task = 0
        self._handled_in_task += 1
        return self._handled_in_task > EVENTS_PER_TASK

    async def _handle(self, payload: Payload) -> None:
        self._seq += 1
        try:
            event = decode(self._definition, payload)
        except InvalidEventError as error:
            # Leaves a mark, so that a later version that can read the event takes the same path on replay.
            workflow.patched(self._rejection_patch())
            await self._reject(payload, error)
            return
        if workflow.unsafe.is_replaying() and workflow.patched(self._rejection_patch()):
            await self._reject(
                payload, InvalidEventError(InvalidReason.UNKNOWN_CASE, "unknown to the version that received it")
            )
            return
        if not self._applied.add(digest(event.idempotency_key, event.case)):
            self._counts.duplicates += 1
            return
        await self._call_handler(event)

    async def _call_handler(self, event: Event) -> None:
        try:
            await self._handlers[event.case](event.payload, event.meta)
        except ProcessFailedError:
            raise
        except FailureError as error:
            self._counts.failed += 1
            self._record(
                RecordedFailure(
                    payload_case=event.case,
                    idempotency_key=event.idempotency_key,
                    reason="handler-failed",
                    message=_reason_of(error),
                )
            )
            workflow.logger.warning("handler %s failed: %s", event.case, error)
        else:
            self._counts.applied += 1

    async def _reject(self, payload: Payload, error: InvalidEventError) -> None:
        self._counts.rejected += 1
        self._record(RecordedFailure(reason=error.reason, message=str(error)))
        await dead_letter([payload], error.reason, str(error))

    def _rejection_patch(self) -> str:
        return f"ameide-rejected-{self._seq}"

    def _record(self, failure: RecordedFailure) -> None:
        failure.seq = self._seq
        self._failures.append(failure)
        del self._failures[:-RECORDED_FAILURES]

    # --- the end of a run ----------------------------------------------------------------------------------------

    def _leaving(self) -> bool:
        """Whether the run should continue as new as soon as it may."""
        return self._contract.kind is WorkflowKind.ENTITY and (
            self._asked_to_leave
            or workflow.info().is_continue_as_new_suggested()
            or self._inbox.signals >= SIGNALS_PER_RUN
        )

    def _may_leave(self) -> bool:
        """Whether nothing is half done (no handler, no activity, `run` in `until`) and what waits can be carried."""
        return (
            not self._handling
            and self.parked > 0
            and not self._calls.in_flight
            and self._inbox.size <= CARRIED_BYTES
            and self._leaving()
        )

    def _pack(self) -> RawValue:
        return _carry_over.binary_argument(
            CarryOver(
                start=self._start_argument,
                state=self.process.state.SerializeToString(deterministic=True),
                run_epoch=self._epoch + 1,
                seq=self._seq,
                applied=self._applied.pack(),
                pending=self._inbox.pack(),
                phase=self.phase,
                failures=self._failures,
                counts=self._counts,
            )
        )

    async def _dead_letter_late(self) -> None:
        """Hands undelivered events to the dead-letter stream, until none is left.

        Draining them into handlers would apply events to a finished process; just returning would lose them.
        """
        while self._inbox:
            batch = self._inbox.take_batch(maximum_events=EVENTS_PER_TASK, maximum_bytes=CARRIED_BYTES)
            self._counts.late += len(batch)
            await dead_letter(batch, InvalidReason.LATE, "the process had finished when the event's turn came")


def _decode_start(definition: ProcessDefinition, payload: Payload) -> Any:
    """Decodes the start argument by its message type.

    Raises:
        UnknownStartError: It is of no start type that this version knows.
    """
    message_type = payload.metadata.get("messageType", b"").decode()
    for start_type in definition.start_types:
        if start_type.DESCRIPTOR.full_name == message_type:
            start = start_type()
            if payload.metadata.get("encoding") == b"binary/protobuf":
                start.ParseFromString(payload.data)
            else:
                Parse(payload.data, start, ignore_unknown_fields=True)
            return start
    known = ", ".join(start_type.DESCRIPTOR.full_name for start_type in definition.start_types)
    raise UnknownStartError(f"start argument is a {message_type or 'payload without message type'!r}; known: {known}")


def _failure_of(task: "asyncio.Task[Any]") -> BaseException | None:
    """What a task failed with, None while it runs and when it returned."""
    if not task.done():
        return None
    return asyncio.CancelledError() if task.cancelled() else task.exception()


def _reason_of(error: FailureError) -> str:
    """The message of a failure and of its cause, which for an activity is where the reason stands."""
    cause = error.cause
    return f"{error.message}: {cause}" if cause is not None else error.message
