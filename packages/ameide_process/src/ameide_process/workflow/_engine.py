"""The engine of one run: starts and watches its coroutines, continues as new, completes.

Three coroutines: `run` of the process, the pump that calls handlers one at a time, and `execute`, which watches both
and decides how the run ends.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any

from ameide_core_proto.process.v1.process_facts_pb2 import (
    Awaiting,
    Blocked,
    PhaseEntered,
    RunCancelled,
    RunCompleted,
    RunFailed,
)
from ameide_core_proto.process.v1.process_runtime_pb2 import CarryOver, DedupeAnswer, DedupeQuery, ProcessProgress
from google.protobuf.message import Message
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.exceptions import is_cancelled_exception

from ameide_process.contract import CONTINUE_AS_NEW_SIGNAL, WorkflowKind
from ameide_process.workflow import _carry_over
from ameide_process.workflow._activations import next_activation
from ameide_process.workflow._applied_events import DIGEST_SIZE, digest
from ameide_process.workflow._definition import ProcessDefinition
from ameide_process.workflow._emission import Emission
from ameide_process.workflow._event_pump import EventPump
from ameide_process.workflow._outbox import Outbox
from ameide_process.workflow._process import Process
from ameide_process.workflow._start_decoding import decode_start

SIGNALS_PER_RUN = 8000
"""Signals after which a run continues as new; Temporal refuses more than 10,000 in one run
(`history.maximumSignalsPerExecution`)."""

REJECTIONS_PER_RUN = 50
"""Rejected events after which a run continues as new. Each leaves a mark, which Temporal lists in the search attribute
TemporalChangeVersion; after some 90 that is full, and a mark of the process itself would be missing there."""

OVERDUE_EVENTS = 8192
"""History length, twice Temporal's suggestion, from which on no handler starts beside a `run` that is busy."""

CARRIED_BYTES = 1024 * 1024
"""Waiting bytes that a run may carry into the next."""

ARGUMENT_BYTES = 1_900_000
"""Of all that is carried; over Temporal's 2 MB the workflow task would fail for ever."""

UNSENT_BYTES = 512 * 1024
"""Of unsent facts that a run may carry into the next; a run with more waits for their streams."""

REASON_LENGTH = 500
"""Characters of the reason of a failure that a progress fact tells."""

LEAVING_PATIENCE = timedelta(seconds=10)
"""For which a run that continues as new waits for the streams of its unsent facts. After that it takes them along: what
was in flight is sent again, under the same id."""


class Engine:
    """Runs one process inside one workflow run.

    Attributes:
        process: The impl instance.
        parked: How many `until` calls of `run` wait now.
        phase: What the process last said it is doing.
        ending: Whether a handler has failed the process; `run` is cancelled and waits for nothing any more.
    """

    def __init__(
        self, definition: ProcessDefinition, process: type[Process[Any, Any, Any]], argument: RawValue
    ) -> None:
        self._contract = definition.contract
        self._info = workflow.info()
        carried = _carry_over.unpack(argument.payload)
        self._start = decode_start(definition, Payload.FromString(carried.start))
        self._calls = definition.calls()
        self.process = process()
        self.process.attach(
            state=definition.state_type.FromString(carried.state),
            key=definition.key(self._start),
            activities=self._calls,
            position=self,
        )
        self._pump = EventPump(definition, self.process, carried)
        self._outbox = Outbox(carried.unsent, self._pump.record_refusal)
        self._emission = self._pump.emission = Emission(self._contract, self._outbox, carried)
        self._frame = _carry_over.remainder(carried)
        self._asked_to_leave = False
        self.parked = 0
        self.phase = self._told_phase = carried.phase
        self._resuming = carried.run_epoch > 0
        self.ending = False

    # --- what Temporal calls -------------------------------------------------------------------------------------

    def receive(self, signal_name: str, arguments: Sequence[RawValue]) -> None:
        """Takes one signal; only enqueues."""
        if signal_name == CONTINUE_AS_NEW_SIGNAL:
            self._asked_to_leave = True
            return
        self._pump.receive(signal_name, arguments)

    def progress(self) -> ProcessProgress:
        """Phase, counts and recorded failures."""
        return ProcessProgress(
            process_name=self._contract.name,
            phase=self.phase,
            run_epoch=self._frame.run_epoch,
            seq=self._pump.seq,
            pending=len(self._pump.inbox),
            counts=self._pump.counts,
            failures=self._pump.failures,
            unsent_facts=self._outbox.unsent,
        )

    def dedupe(self, query: DedupeQuery) -> DedupeAnswer:
        """Which of the asked events were applied and are remembered."""
        applied = self._pump.applied
        return DedupeAnswer(
            applied=[digest(event.idempotency_key, event.payload_case) in applied for event in query.events],
            remembered=len(applied),
            window=applied.window,
        )

    async def execute(self) -> Any:
        """Runs the process to its end, or into the next run.

        Raises:
            FailureError: `run` failed, or a handler raised `ProcessFailedError`.
            asyncio.CancelledError: The workflow was cancelled, and `run` did not decide otherwise.
        """
        self._emission.begin()
        self._outbox.resume()
        run = _spawn(self.process.run(self._start))
        pump = _spawn(self._pump.run(self._may_handle))

        def over() -> bool:
            return run.done() or pump.done()

        while not over():
            await _watch(run, lambda: over() or self._may_leave())
            if not over() and self._may_leave():
                await self._leave(run)
        self._pump.close()
        _raise_bug(run, pump)
        if pump.done():
            self.ending = True
            run.cancel()
        await _watch(run, lambda: run.done() and not self._pump.handling)
        _raise_bug(run, pump)
        self._tell_end(run, pump)
        await self._settle(run)
        if self._pump.inbox:
            late = _spawn(self._pump.dead_letter_late())
            await _watch(run, late.done)
            late.result()
        if pump.done():
            pump.result()
        return run.result()

    # --- what the process says ----------------------------------------------------------------------------------

    def park(self) -> None:
        """Says that an `until` begins to wait."""
        self.parked += 1
        self._resumed()

    def unpark(self) -> None:
        """Says that it does not wait any more."""
        self.parked -= 1

    def enter(self, phase: str) -> None:
        """Takes what the process is doing now."""
        self.phase = phase
        if not self._resuming:
            self._tell_phase()

    def awaiting(self, kind: str, ref: str) -> None:
        """Tells what the process waits for."""
        self._resumed()
        self._emission.tell(Awaiting(kind=kind, ref=ref))

    def blocked(self, reason: str) -> None:
        """Tells what keeps the process from going on."""
        self._resumed()
        self._emission.tell(Blocked(reason=reason))

    def emit(self, fact: Message) -> None:
        """Emits a fact of the process."""
        self._emission.emit(fact)

    def _resumed(self) -> None:
        """After Continue-As-New, `run` passes through its phases again; they are told from where it comes to rest."""
        if self._resuming:
            self._resuming = False
            self._tell_phase()

    def _tell_phase(self) -> None:
        if self.phase != self._told_phase:
            self._told_phase = self.phase
            self._emission.tell(PhaseEntered(phase_key=self.phase))

    def _tell_end(self, run: "asyncio.Task[Any]", pump: "asyncio.Task[Any]") -> None:
        self._resumed()
        if pump.done():
            self._emission.tell(RunFailed(reason=_reason(pump.exception())))
        elif run.cancelled() or is_cancelled_exception(run.exception() or Exception()):
            self._emission.tell(RunCancelled())
        elif run.exception() is not None:
            self._emission.tell(RunFailed(reason=_reason(run.exception())))
        else:
            self._emission.tell(RunCompleted())

    async def _settle(self, run: "asyncio.Task[Any]", patience: timedelta | None = None) -> None:
        """Waits until the streams have all facts."""
        if self._outbox.unsent:
            settled = _spawn(self._outbox.settle(patience))
            await _watch(run, settled.done)
            settled.result()

    # --- continue as new -----------------------------------------------------------------------------------------

    def leaves(self) -> bool:
        """Whether the run continues as new now, if only `run` waits in `until`."""
        return self._wants_to_leave() and not self._pump.handling and not self._calls.in_flight and self._fits()

    def _may_leave(self) -> bool:
        return self.parked > 0 and self.leaves()

    def _wants_to_leave(self) -> bool:
        """Whether the run should continue as new as soon as it may."""
        return self._contract.kind is WorkflowKind.ENTITY and (
            self._asked_to_leave
            or self._info.is_continue_as_new_suggested()
            or self._pump.inbox.signals >= SIGNALS_PER_RUN
            or self._pump.rejections >= REJECTIONS_PER_RUN
        )

    def _fits(self) -> bool:
        """Whether what waits can be carried."""
        waiting, unsent = self._pump.inbox.size, self._outbox.size
        if unsent > UNSENT_BYTES:
            return False
        if waiting == 0 or waiting > CARRIED_BYTES:
            return waiting == 0
        return (
            waiting + unsent + self.process.state.ByteSize() + len(self._pump.applied) * DIGEST_SIZE <= ARGUMENT_BYTES
        )

    def _may_handle(self) -> bool:
        """Whether the pump may start a handler."""
        if self._outbox.full:
            return False
        if not self._wants_to_leave():
            return True
        if self.parked:
            return not self._fits()
        # `run` is busy, and holds up the run. If it waits in its own way, that may be for an event. While it waits for
        # an activity, which may be retried for days, events are handled beside it as ever, until history is overdue.
        overdue = self._info.get_current_history_length() >= OVERDUE_EVENTS
        return not (self._calls.in_flight and overdue) or not self._fits()

    async def _leave(self, run: "asyncio.Task[Any]") -> None:
        """Continues as new, unless something came up.

        Raises:
            ContinueAsNewError: The run is left.
        """
        # In a later activation: in the one of a signal, the SDK would leave before it looks at a cancellation which
        # that one brought too, and the next run would not know of it.
        cancellations = run.cancelling()
        await self._settle(run, LEAVING_PATIENCE)
        later = _spawn(next_activation())
        await _watch(run, later.done)
        # A cancellation that came together with the end of that activity has not reached `run` yet.
        if not run.done() and run.cancelling() == cancellations and self._may_leave():
            workflow.continue_as_new(self._packed())

    def _packed(self) -> RawValue:
        carry_over = CarryOver()
        carry_over.CopyFrom(self._frame)
        carry_over.run_epoch += 1
        carry_over.phase = self.phase
        carry_over.state = self.process.state.SerializeToString(deterministic=True)
        self._pump.pack(carry_over)
        self._emission.pack(carry_over)
        return _carry_over.binary_argument(carry_over)


def _reason(error: BaseException | None) -> str:
    text = str(error) or type(error).__name__
    return text if len(text) <= REASON_LENGTH else f"{text[:REASON_LENGTH]}…"


def _spawn(coroutine: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
    """Starts a task whose failure is not logged as forgotten when the workflow is evicted from the cache."""
    task = asyncio.create_task(coroutine)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


async def _watch(run: "asyncio.Task[Any]", condition: Callable[[], bool]) -> None:
    """Waits for a condition; a cancellation of the workflow meanwhile is handed to `run`, which may clean up."""
    while not condition():
        try:
            await workflow.wait_condition(condition)
        # determinism: ignore[swallowed-cancellation] -- it is handed to `run`, and the workflow ends when `run` does
        except asyncio.CancelledError:
            # Once: what cleans up after a handler that failed the process is not cancelled too.
            if not run.cancelling():
                run.cancel()


def _raise_bug(*tasks: "asyncio.Task[Any]") -> None:
    """Raises what a task failed with when it is no failure of the workflow but a bug.

    At once, and in the workflow task in which it happened: that one is then retried with mended code, and nothing that
    mended code would do otherwise has been recorded meanwhile.
    """
    for task in tasks:
        if task.done() and not task.cancelled():
            error = task.exception()
            if isinstance(error, Exception) and not workflow.is_failure_exception(error):
                raise error
