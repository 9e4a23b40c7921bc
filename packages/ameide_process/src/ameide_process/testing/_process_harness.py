"""Runs a process as in production (sandbox, converter, registrations), most often on a server that skips time."""

import asyncio
import itertools
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Generic, TypeVar

from ameide_core_proto.process.v1.process_runtime_pb2 import (
    DeadLetterEvent,
    DeadLetterRequest,
    DeadLetterResponse,
    OutgoingFact,
    SendFactsRequest,
    SendFactsResponse,
)
from google.protobuf.message import Message
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from ameide_process.contract import WorkflowKind
from ameide_process.routing import Router, SignalWithStart, to_payload
from ameide_process.testing._activity_recorder import ActivityRecorder
from ameide_process.testing._delivery import deliver
from ameide_process.testing._queues_on_demand import QueuesOnDemand
from ameide_process.testing._time_skipping import running_time
from ameide_process.testing._workflow_under_test import WorkflowUnderTest
from ameide_process.worker import WorkerParts, create_worker

KeyT = TypeVar("KeyT")
PayloadT = TypeVar("PayloadT")
StateT = TypeVar("StateT", bound=Message)
ResultT = TypeVar("ResultT")
FactT = TypeVar("FactT", bound=Message)


@dataclass(frozen=True)
class ProcessParts(Generic[KeyT, PayloadT, StateT, ResultT]):
    """What the harness needs of a process; the generated `testing` module makes it."""

    router: Router[Any]
    worker: WorkerParts
    payload_types: tuple[type[PayloadT], ...]
    """What an event can carry, in the order of the envelope."""
    state_type: type[StateT]
    result_type: type[ResultT] | None
    event: Callable[[KeyT, PayloadT, str], Message]
    """Wraps a payload in the envelope: (workflow key, payload, idempotency key)."""
    sample_key: Callable[[int], KeyT]
    """Makes a workflow key; different numbers are different workflows."""


class ProcessHarness(Generic[KeyT, PayloadT, StateT, ResultT]):
    """A process under test.

    Attributes:
        contract: What the process declares.
        payload_types: What an event can carry, in the order of the envelope.
        event: Wraps a payload in the envelope: (workflow key, payload, idempotency key).
        activities: Records the activity calls, and fails them on demand.
        dead_letters: What the process handed to the dead-letter stream.
        facts: What the process emitted, as it was sent, in order.
        environment: Temporal's test environment.
        workflow_ids: The workflows that were started or signaled, in order, each once.
    """

    def __init__(
        self, parts: ProcessParts[KeyT, PayloadT, StateT, ResultT], environment: WorkflowEnvironment, task_queue: str
    ) -> None:
        self._parts = parts
        self.contract = parts.worker.definition.contract
        self.payload_types = parts.payload_types
        self.event = parts.event
        self._signal_with_start = SignalWithStart(
            parts.worker.definition.contract,
            namespace=environment.client.namespace,
            task_queue=task_queue,
            identity="process-harness",
        )
        self._numbers = itertools.count(1)
        self.environment = environment
        self.activities = ActivityRecorder(parts.worker.activities() if parts.worker.activities else None)
        self.dead_letters: list[DeadLetterEvent] = []
        self.facts: list[OutgoingFact] = []
        self.workflow_ids: list[str] = []

    async def start(
        self, key: KeyT, *payloads: PayloadT, start: Message | None = None
    ) -> WorkflowUnderTest[PayloadT, StateT, ResultT]:
        """Starts the workflow of a key with its first events, or signals it when it is open.

        Args:
            key: The workflow key.
            payloads: Facts and commands, in order; at least one.
            start: The start message, of an older start version for example; by default what the router makes.
        """
        request_key = f"request-{next(self._numbers)}"

        def wrap(payload: PayloadT, idempotency_key: str | None) -> Message:
            return self._parts.event(key, payload, idempotency_key or self._idempotency_key(request_key))

        workflow = await self.send_events(*(wrap(payload, None) for payload in payloads), start=start)
        workflow.wrap = wrap
        return workflow

    async def send_events(
        self, *events: Message, start: Message | None = None
    ) -> WorkflowUnderTest[PayloadT, StateT, ResultT]:
        """Delivers whole envelopes of one workflow in one signal, by the generated router.

        Args:
            events: The envelopes, in order.
            start: As for `start`.

        Raises:
            InvalidEventError: The router refuses the first envelope.
        """
        workflow = self.workflow(self._parts.router.route(events[0]).workflow_id, start=start)
        await workflow.send_events(*events)
        return workflow

    def workflow(
        self, workflow_id: str, *, start: Message | None = None
    ) -> WorkflowUnderTest[PayloadT, StateT, ResultT]:
        """A workflow that its first event starts, under an id of the test's choice.

        The router has one id for each workflow key; here the same events can be delivered to many workflows.
        """
        if workflow_id not in self.workflow_ids:
            self.workflow_ids.append(workflow_id)
        handle = self.environment.client.get_workflow_handle(workflow_id, result_type=self._parts.result_type)
        return WorkflowUnderTest[PayloadT, StateT, ResultT](
            self.environment.client,
            handle,
            deliver=partial(self._deliver, start),
            state_type=self._parts.state_type,
            running_time=partial(running_time, self.environment),
        )

    async def _deliver(self, start: Message | None, workflow_id: str, events: Sequence[Message]) -> None:
        await deliver(
            self.environment.client,
            self._signal_with_start.request(
                workflow_id,
                start=to_payload(start or self._parts.router.start(events[0])),
                events=[to_payload(event) for event in events],
                request_id=str(uuid.uuid4()),
            ),
        )

    async def skip(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Lets time pass: at once where the server can, and really where it cannot."""
        await self.environment.sleep(timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds))

    async def now(self) -> datetime:
        """The server's time, UTC: that of workflows."""
        return (await self.environment.get_current_time()).astimezone(UTC)

    async def skip_to(self, point: datetime) -> None:
        """Lets time pass until a point; returns at once when it has passed.

        Args:
            point: With a time zone.
        """
        remaining = point - await self.now()
        if remaining > timedelta(0):
            await self.environment.sleep(remaining)

    async def record_dead_letters(self, request: DeadLetterRequest) -> DeadLetterResponse:
        """Stands for the dead-letter stream."""
        self.dead_letters.extend(request.events)
        return DeadLetterResponse()

    async def record_facts(self, request: SendFactsRequest) -> SendFactsResponse:
        """Stands for the streams of facts."""
        self.facts.extend(request.facts)
        return SendFactsResponse()

    def emitted(self, message_type: type[FactT]) -> list[FactT]:
        """The facts of a type that the process emitted, in order; one that was sent again counts once.

        Raises:
            AssertionError: The process does not declare that it emits it.
        """
        name = message_type.DESCRIPTOR.full_name
        types = [declared.event_type for declared in self.contract.emits if declared.message_type == name]
        if not types:
            msg = f"{self.contract.name} does not declare that it emits {name}"
            raise AssertionError(msg)
        data = {fact.id: fact.data for fact in self.facts if fact.type in types}
        return [message_type.FromString(each) for each in data.values()]

    def _idempotency_key(self, request_key: str) -> str:
        if self._parts.worker.definition.contract.kind is WorkflowKind.TRANSACTION:
            return request_key
        return f"event-{next(self._numbers)}"


@asynccontextmanager
async def running_process(
    parts: ProcessParts[KeyT, PayloadT, StateT, ResultT], environment: WorkflowEnvironment, *, task_queue: str = ""
) -> AsyncGenerator[ProcessHarness[KeyT, PayloadT, StateT, ResultT]]:
    """Runs a process's worker on an environment while the context is open.

    Args:
        parts: The process; the generated `testing.process_parts()` makes them.
        environment: Of the time-skipping server, or `WorkflowEnvironment.from_client(…)` of a server with real time.
        task_queue: What the worker polls; by default a queue of its own. Queues that activities name are polled too.
    """
    task_queue = task_queue or f"{parts.worker.definition.contract.name}-{uuid.uuid4()}"
    harness = ProcessHarness(parts, environment, task_queue)
    loop = asyncio.get_running_loop()
    others: dict[str, tuple[Worker, asyncio.Task[None]]] = {}

    def worker(queue: str) -> Worker:
        return create_worker(
            environment.client,
            parts.worker,
            task_queue=queue,
            implementation=harness.activities,
            dead_letter=harness.record_dead_letters,
            send_facts=harness.record_facts,
            interceptors=(QueuesOnDemand(partial(loop.call_soon_threadsafe, serve)),),
        )

    def serve(queue: str) -> None:
        if queue not in others:
            other = worker(queue)
            others[queue] = other, asyncio.create_task(other.run())

    async with worker(task_queue):
        try:
            yield harness
        finally:
            for other, running in others.values():
                await other.shutdown()
                await running
