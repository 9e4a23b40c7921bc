"""One workflow under test: send it events, ask it, await its result."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import timedelta
from typing import Generic, TypeVar

from ameide_core_proto.process.v1.process_runtime_pb2 import (
    DedupeAnswer,
    DedupeQuery,
    EventCounts,
    EventIdentity,
    ProcessProgress,
)
from google.protobuf.message import Message
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay

from ameide_process.contract import CONTINUE_AS_NEW_SIGNAL, DEDUPE_QUERY, PROGRESS_QUERY, STATE_QUERY
from ameide_process.testing._replay import run_histories

POLL_SECONDS = 0.02

PATIENCE_SECONDS = 60.0
"""Of real time, that a test waits for its process; a process that never gets there fails the test by name."""

QUERY_TIMEOUT = timedelta(seconds=10)
"""For one try. The time-skipping server never answers a query that meets the end of a run, and a process that gets many
events continues as new on its own; the next try meets the run after it (measured)."""

_NO_ANSWER = frozenset({RPCStatusCode.CANCELLED, RPCStatusCode.DEADLINE_EXCEEDED})
"""What the SDK makes of a deadline that passed; the first is its own, the second the server's."""

_TASK_BEGINS = (EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,)
_TASK_ENDS = (
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
)
_ACTIVITY_BEGINS = (EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,)
_ACTIVITY_ENDS = (
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED,
)

PayloadT_contra = TypeVar("PayloadT_contra", contravariant=True)
StateT_co = TypeVar("StateT_co", bound=Message, covariant=True)
ResultT_co = TypeVar("ResultT_co", covariant=True)
AnswerT = TypeVar("AnswerT", bound=Message)


class WorkflowUnderTest(Generic[PayloadT_contra, StateT_co, ResultT_co]):
    """A workflow that the harness started.

    Attributes:
        handle: Temporal's handle, of whichever run is the latest.
        sent: All envelopes sent so far, in order.
    """

    wrap: Callable[[PayloadT_contra, str | None], Message]
    """Wraps a payload in the envelope of this workflow's key; set by `ProcessHarness.start`."""

    def __init__(
        self,
        client: Client,
        handle: WorkflowHandle[object, ResultT_co],
        *,
        deliver: Callable[[str, Sequence[Message]], Awaitable[None]],
        state_type: type[StateT_co],
        running_time: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> None:
        self._client = client
        self.handle = handle
        self.sent: list[Message] = []
        self._deliver = deliver
        self._state_type = state_type
        self._running_time = running_time

    async def send(self, *payloads: PayloadT_contra, idempotency_key: str | None = None) -> None:
        """Delivers payloads in one signal, each in its envelope.

        Args:
            payloads: The facts and commands, in order.
            idempotency_key: Key of them all; by default each event of an ENTITY has its own, and all events of a
                TRANSACTION have the request's.
        """
        await self.send_events(*(self.wrap(payload, idempotency_key) for payload in payloads))

    async def send_events(self, *events: Message) -> None:
        """Delivers whole envelopes in one signal."""
        self.sent.extend(events)
        await self._deliver(self.handle.id, events)

    async def redeliver(self) -> None:
        """Delivers everything sent so far once more, in the same order."""
        await self._deliver(self.handle.id, self.sent)

    async def handled(self, events: int) -> EventCounts:
        """Waits until so many events were applied, dropped, failed, rejected or late; returns the counts.

        Raises:
            TimeoutError: It took longer than `PATIENCE_SECONDS`.
        """

        def done(progress: ProcessProgress) -> bool:
            counts = progress.counts
            return counts.applied + counts.duplicates + counts.failed + counts.rejected + counts.late >= events

        return (await self._progressed(done)).counts

    async def settled(self, events: int) -> bool:
        """Waits until so many events were handled and nothing goes on until time passes or something arrives.

        An activity that failed and waits for its next attempt is such a thing too.

        Returns:
            Whether the workflow is open.

        Raises:
            TimeoutError: It took longer than `PATIENCE_SECONDS`.
        """
        await self.handled(events)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                waiting = await self._waiting_activities()
                # Asked last: what was quiet before and is open now has nothing left to do.
                description = await self.handle.describe()
                if description.status is not WorkflowExecutionStatus.RUNNING:
                    return False
                failed = description.raw_description.pending_activities
                if waiting == len(failed) and all(activity.HasField("last_failure") for activity in failed):
                    return True
                await asyncio.sleep(POLL_SECONDS)

    async def _waiting_activities(self) -> int | None:
        """Activities without result; None while a workflow task waits.

        By history: the time-skipping server does not tell of workflow tasks otherwise.
        """
        tasks = activities = 0
        async for event in self.handle.fetch_history_events():
            tasks += (event.event_type in _TASK_BEGINS) - (event.event_type in _TASK_ENDS)
            activities += (event.event_type in _ACTIVITY_BEGINS) - (event.event_type in _ACTIVITY_ENDS)
        return None if tasks else activities

    async def reached(self, phase: str) -> None:
        """Waits until the process says that it is in a phase.

        Raises:
            TimeoutError: It took longer than `PATIENCE_SECONDS`.
        """
        await self._progressed(lambda progress: progress.phase == phase)

    async def continued(self, times: int = 1) -> None:
        """Waits until the workflow has continued as new so many times.

        Raises:
            TimeoutError: It took longer than `PATIENCE_SECONDS`.
        """
        run_id: str | None = None
        runs = 0
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while runs <= times:
                    latest = (await self.handle.describe()).run_id
                    if latest != run_id:
                        run_id, runs = latest, len(await run_histories(self._client, self.handle.id))
                    else:
                        await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            msg = f"the process had {runs} runs after {PATIENCE_SECONDS:g} s; `run` must wait in `until`"
            raise TimeoutError(msg) from None

    async def continue_as_new(self) -> None:
        """Asks the workflow to continue as new at its next safe point (ENTITY only).

        Await `continued` before the next query: the time-skipping server never answers one that meets the end of a
        run, so that it is asked again seconds later, and lets no time pass meanwhile.
        """
        await self.handle.signal(CONTINUE_AS_NEW_SIGNAL)

    async def cancel(self) -> None:
        """Cancels the workflow, as an operator would."""
        await self.handle.cancel()

    async def state(self) -> StateT_co:
        """The state message."""
        return await self._ask(STATE_QUERY, result_type=self._state_type)

    async def progress(self) -> ProcessProgress:
        """Phase, counts and recorded failures."""
        return await self._ask(PROGRESS_QUERY, result_type=ProcessProgress)

    async def applied(self, idempotency_key: str, payload_case: str) -> bool:
        """Whether an event was applied and is remembered."""
        query = DedupeQuery(events=[EventIdentity(idempotency_key=idempotency_key, payload_case=payload_case)])
        answer = await self._ask(DEDUPE_QUERY, query, result_type=DedupeAnswer)
        return answer.applied[0]

    async def result(self) -> ResultT_co:
        """Awaits the result; the time-skipping server lets time run meanwhile.

        Raises:
            WorkflowFailureError: The workflow failed or was cancelled.
            TimeoutError: It took longer than `PATIENCE_SECONDS`.
        """
        async with asyncio.timeout(PATIENCE_SECONDS), self._running_time():
            return await self.handle.result()

    async def _ask(self, query: str, *arguments: Message, result_type: type[AnswerT]) -> AnswerT:
        """Asks the latest run.

        Raises:
            RPCError: There is no answer within `PATIENCE_SECONDS`, or no such workflow.
            WorkflowQueryFailedError: The query failed.
        """
        answer: AnswerT = await AsyncRetrying(
            retry=retry_if_exception(_without_answer), stop=stop_after_delay(PATIENCE_SECONDS), reraise=True
        )(self.handle.query, query, args=arguments, result_type=result_type, rpc_timeout=QUERY_TIMEOUT)
        return answer

    async def _progressed(self, done: Callable[[ProcessProgress], bool]) -> ProcessProgress:
        progress: ProcessProgress | None = None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    progress = await self.progress()
                    if done(progress):
                        return progress
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            msg = f"the process did not get there within {PATIENCE_SECONDS:g} s; it says {progress}"
            raise TimeoutError(msg) from None


def _without_answer(error: BaseException) -> bool:
    return isinstance(error, RPCError) and error.status in _NO_ANSWER
