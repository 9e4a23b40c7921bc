"""What a process emitted and no stream has acknowledged yet.

Each stream has a lane: one activity at a time sends what waits there, in order, and is tried until the stream has it.
So a stream that is away holds up neither another nor the process, which goes on until `FULL_BYTES` wait.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from datetime import timedelta

from ameide_core_proto.process.v1.process_runtime_pb2 import OutgoingFact, SendFactsRequest, SendFactsResponse
from temporalio import workflow
from temporalio.common import RetryPolicy

from ameide_process.workflow._carry_over import binary_argument

SEND_FACTS_ACTIVITY = "ameide.send-facts"
"""Temporal activity type; every worker of a process that emits registers it."""

PROGRESS_STREAM = "progress"
"""Logical output of progress facts."""

START_TO_CLOSE = timedelta(seconds=30)
"""Longest attempt; the stream answers within seconds or is away."""

RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60))
"""Retried for ever: a fact is never given up because its stream is away."""

FACTS_AT_ONCE = 500
"""Facts that travel in one activity."""

BYTES_AT_ONCE = 1024 * 1024
"""Of facts that travel in one activity; Temporal takes 2 MB."""

FULL_BYTES = 256 * 1024
"""Unsent bytes from which on no handler starts: they stay in memory, and travel with each Continue-As-New."""

PROGRESS_DELAY = timedelta(seconds=1)
"""For which progress facts wait for more: one activity costs as much as a step of the process."""


class _Lane:
    """The unsent facts of one stream."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.waiting: deque[OutgoingFact] = deque()
        self.sending: list[OutgoingFact] = []
        self.task: asyncio.Task[None] | None = None

    def take_batch(self) -> list[OutgoingFact]:
        """Moves the oldest facts to `sending`: as many as fit one activity, and at least one."""
        size = 0
        while self.waiting and len(self.sending) < FACTS_AT_ONCE:
            size += self.waiting[0].ByteSize()
            if self.sending and size > BYTES_AT_ONCE:
                break
            self.sending.append(self.waiting.popleft())
        return self.sending


class Outbox:
    """The unsent facts of one run.

    Attributes:
        unsent: How many facts no stream has acknowledged.
        size: Their bytes.
    """

    def __init__(self, carried: Iterable[OutgoingFact], refused: Callable[[str], None]) -> None:
        """Takes over what the last run could not send; `resume` sends it.

        Args:
            carried: Oldest first.
            refused: Takes word of each fact that its stream refused for good.
        """
        self._lanes: dict[str, _Lane] = {}
        self._refused = refused
        self._hurried = False
        self.unsent = 0
        self.size = 0
        for fact in carried:
            # Copied: a part of a message would keep all of it in memory.
            self._append(OutgoingFact.FromString(fact.SerializeToString()))

    @property
    def full(self) -> bool:
        """Whether so much waits that the process should emit no more."""
        return self.size >= FULL_BYTES

    def resume(self) -> None:
        """Sends what was carried over."""
        for lane in self._lanes.values():
            self._wake(lane)

    def add(self, fact: OutgoingFact) -> None:
        """Takes a fact; facts that come together travel together."""
        self._wake(self._append(fact))

    def pack(self) -> list[OutgoingFact]:
        """The unsent facts, those in flight too: oldest first in each stream."""
        return [fact for lane in self._lanes.values() for fact in (*lane.sending, *lane.waiting)]

    async def settle(self, patience: timedelta | None = None) -> None:
        """Returns once the streams have everything, or patience is over.

        Raises:
            ActivityError: The activity failed for good, which it does not by itself.
        """
        self._hurried = True
        try:
            await workflow.wait_condition(lambda: not self.unsent or self._failed() is not None, timeout=patience)
        except TimeoutError:
            return
        finally:
            self._hurried = False
        failure = self._failed()
        if failure is not None:
            raise failure

    def _failed(self) -> BaseException | None:
        for lane in self._lanes.values():
            if lane.task is not None and lane.task.done() and not lane.task.cancelled():
                return lane.task.exception()
        return None

    def _append(self, fact: OutgoingFact) -> _Lane:
        lane = self._lanes.get(fact.stream)
        if lane is None:
            lane = self._lanes[fact.stream] = _Lane(fact.stream)
        lane.waiting.append(fact)
        self.unsent += 1
        self.size += fact.ByteSize()
        return lane

    def _wake(self, lane: _Lane) -> None:
        if lane.task is None:
            lane.task = asyncio.create_task(self._send_all(lane))
            lane.task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _send_all(self, lane: _Lane) -> None:
        while lane.waiting:
            if lane.stream == PROGRESS_STREAM:
                await self._wait_for_more()
            response = await _execute(lane.take_batch())
            self.unsent -= len(lane.sending)
            self.size -= sum(fact.ByteSize() for fact in lane.sending)
            lane.sending.clear()
            for refusal in response.refused:
                self._refused(f"{lane.stream} refused {refusal.type} {refusal.id!r}: {refusal.message}")
        lane.task = None

    async def _wait_for_more(self) -> None:
        try:
            await workflow.wait_condition(lambda: self._hurried, timeout=PROGRESS_DELAY)
        except TimeoutError:
            return


async def _execute(facts: list[OutgoingFact]) -> SendFactsResponse:
    """Binary: base64 in protobuf-JSON would push the largest fact over Temporal's limit."""
    request = SendFactsRequest(facts=facts, process_run_id=workflow.info().first_execution_run_id)
    return await workflow.execute_activity(
        SEND_FACTS_ACTIVITY,
        binary_argument(request),
        result_type=SendFactsResponse,
        start_to_close_timeout=START_TO_CLOSE,
        retry_policy=RETRY,
    )
