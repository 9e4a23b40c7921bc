"""Where workflow tests play: workers that come and go, events in any encoding, histories, and a replay of them all."""

import itertools
import uuid
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final, TypeAlias

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    CancelOrder,
    OrderFulfillmentEvent,
    OrderFulfillmentStartV1,
    OrderKey,
    OrderPlaced,
    PaymentAuthorized,
    RefundPaymentResponse,
    ReleaseStockResponse,
    ReserveStockResponse,
    ShipmentCreated,
)
from ameide_core_proto.process.v1.process_runtime_pb2 import (
    DeadLetterEvent,
    DeadLetterRequest,
    DeadLetterResponse,
    OutgoingFact,
    SendFactsRequest,
    SendFactsResponse,
)
from ameide_process.configuration import WorkerVersion
from ameide_process.routing import SignalWithStart, to_payload
from ameide_process.testing import ActivityRecorder, WorkflowUnderTest, deliver, replay, run_histories
from ameide_process.worker import WorkerParts, create_worker
from google.protobuf.json_format import Parse
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker
from workflow_samples.workflow import CONTRACT, Result, State

SampleWorkflow: TypeAlias = WorkflowUnderTest[Message, State, Result]

START: Final = to_payload(OrderFulfillmentStartV1(start_version=1, key=OrderKey(tenant_id="t", order_id="o-1")))
"""Start argument of the sample workflows."""


def payment(name: str) -> PaymentAuthorized:
    """An event that the ledger notes."""
    return PaymentAuthorized(payment_id=name)


def padded(name: str, size: int) -> PaymentAuthorized:
    """The same, with so many bytes more that nobody notes."""
    return PaymentAuthorized(payment_id=name, order_id="." * size)


def shipment(name: str) -> ShipmentCreated:
    """An event whose handler calls an activity."""
    return ShipmentCreated(shipment_id=name)


def instruction(text: str) -> OrderPlaced:
    """An event whose handler does what the text says."""
    return OrderPlaced(order_id=text)


def end(reason: str = "") -> CancelOrder:
    """The event that ends a sample process."""
    return CancelOrder(reason=reason)


def envelope(payload: Message, key: str) -> OrderFulfillmentEvent:
    """Wraps a payload, whose idempotency key is `key`."""
    event = OrderFulfillmentEvent()
    event.meta.idempotency_key = key
    event.meta.schema_version = 1
    match payload:
        case OrderPlaced():
            event.order_placed.CopyFrom(payload)
        case PaymentAuthorized():
            event.payment_authorized.CopyFrom(payload)
        case ShipmentCreated():
            event.shipment_created.CopyFrom(payload)
        case CancelOrder():
            event.cancel_order.CopyFrom(payload)
        case _:
            raise AssertionError(payload)
    return event


def keys(events: Iterable[Message]) -> list[str]:
    """The idempotency keys of envelopes."""
    return [event.meta.idempotency_key for event in events if isinstance(event, OrderFulfillmentEvent)]


class Outside:
    """The outside world of the sample processes: every activity succeeds at once."""

    async def reserve(self, request: Any, *, idempotency_key: str) -> Any:
        return ReserveStockResponse()

    async def release(self, request: Any, *, idempotency_key: str) -> Any:
        return ReleaseStockResponse()

    async def refund(self, request: Any, *, idempotency_key: str) -> Any:
        return RefundPaymentResponse()

    async def dead_letter(self, request: Any, *, idempotency_key: str) -> Any:
        return DeadLetterResponse()

    async def send_facts(self, request: Any, *, idempotency_key: str) -> Any:
        return SendFactsResponse()


class Stage:
    """Workflows of one test, on a task queue of their own.

    Attributes:
        client: Connection to the server.
        task_queue: What the workers of this stage poll.
        activities: Records the activities, fails and holds them on demand.
        dead_letters: What the dead-letter activity was given.
        facts: What the streams took, in order.
    """

    def __init__(self, client: Client, *, task_timeout: timedelta = timedelta(seconds=3)) -> None:
        self.client = client
        self._task_timeout = task_timeout
        self.task_queue = f"stage-{uuid.uuid4()}"
        self.activities = ActivityRecorder(Outside())
        self.dead_letters: list[DeadLetterEvent] = []
        self.facts: list[OutgoingFact] = []
        self._numbers = itertools.count(1)
        self._workflow_ids: list[str] = []
        self._latest: WorkerParts | None = None
        self._signal_with_start = SignalWithStart(
            CONTRACT, namespace=client.namespace, task_queue=self.task_queue, identity="stage"
        )

    @asynccontextmanager
    async def worker(
        self, parts: WorkerParts, *, version: WorkerVersion | None = None, tells_progress: bool = False
    ) -> AsyncGenerator[Worker]:
        """Runs a worker of a process while the context is open; nothing of it is cached for the next."""
        self._latest = parts
        worker = create_worker(
            self.client,
            parts,
            task_queue=self.task_queue,
            implementation=self.activities,
            dead_letter=self.take_dead_letters,
            send_facts=self.take_facts,
            tells_progress=tells_progress,
            version=version,
        )
        async with worker:
            yield worker

    async def take_dead_letters(self, request: DeadLetterRequest) -> DeadLetterResponse:
        """Stands for the dead-letter stream; held and failed as the activity `dead_letter`."""
        await self.activities.dead_letter(request, idempotency_key="")
        self.dead_letters.extend(request.events)
        return DeadLetterResponse()

    async def take_facts(self, request: SendFactsRequest) -> SendFactsResponse:
        """Stands for the streams of facts; held, failed and answered for as the activity `send_facts`."""
        response = await self.activities.send_facts(request, idempotency_key="")
        self.facts.extend(request.facts)
        return response

    def late(self) -> list[str]:
        """Idempotency keys of the late events, which must be as they were sent, in order and once.

        The activity itself runs at least once, so a letter may have come twice.
        """
        letters: dict[str, None] = {}
        for letter in self.dead_letters:
            assert letter.reason == "late"
            event = Parse(Payload.FromString(letter.payload).data, OrderFulfillmentEvent())
            letters[event.meta.idempotency_key] = None
        return list(letters)

    # --- workflows -----------------------------------------------------------------------------------------------

    def workflow(self) -> SampleWorkflow:
        """A workflow that does not exist yet; the first event starts it."""
        workflow_id = f"sample-{uuid.uuid4()}"
        self._workflow_ids.append(workflow_id)
        workflow = SampleWorkflow(
            self.client,
            self.client.get_workflow_handle(workflow_id, result_type=Result),
            deliver=self._deliver,
            state_type=State,
        )
        workflow.wrap = lambda payload, key: envelope(payload, key or f"event-{next(self._numbers)}")
        return workflow

    async def deliver(self, workflow_id: str, events: Sequence[Payload], *, start: Payload = START) -> None:
        """Delivers raw payloads in one signal, starting the workflow where it is not open."""
        request = self._signal_with_start.request(workflow_id, start=start, events=events, request_id=str(uuid.uuid4()))
        # Temporal's 10 s pass where a task goes to a worker that is just stopping, or fails again.
        request.workflow_task_timeout.FromTimedelta(self._task_timeout)
        await deliver(self.client, request)

    async def _deliver(self, workflow_id: str, events: Sequence[Message]) -> None:
        await self.deliver(workflow_id, [to_payload(event) for event in events])

    async def close(self) -> None:
        """Terminates what is open and replays every run of every workflow; the second time does nothing.

        Raises:
            Exception: A history does not replay.
        """
        workflow_ids, self._workflow_ids = self._workflow_ids, []
        for workflow_id in workflow_ids:
            handle = self.client.get_workflow_handle(workflow_id)
            try:
                description = await handle.describe()
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                continue  # the test never started it
            if description.status is WorkflowExecutionStatus.RUNNING:
                await handle.terminate()
            assert self._latest is not None
            await replay(self._latest, await run_histories(self.client, workflow_id))
