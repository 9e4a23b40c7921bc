"""What can be seen from outside: workflows, counts, dead letters and metrics."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentResultV1, OrderOutcome
from ameide_core_proto.process.v1.process_runtime_pb2 import ProcessProgress
from ameide_devstack import Program
from ameide_process.contract import PROGRESS_QUERY
from orders_table import MAXIMUM_ROWS
from prometheus_client.parser import text_string_to_metric_families
from sample_events import Order, Summary
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.service import RPCError, RPCStatusCode

CONCURRENCY = 16
"""Questions to Temporal at a time."""

EVENTS_METRIC = "ameide_ingress_events"
DUPLICATE_OUTCOME = "duplicate"

ANSWER_TIMEOUT = timedelta(seconds=3)
"""A workflow that has not said its phase by then is shown as one that does not answer."""

QUIET_MILLISECONDS = 500
"""Without a record, past the end that the broker names: the embedded one names the first record of its last batch."""

NO_WORKFLOW = "no workflow yet"
NO_ANSWER = "no answer"

T = TypeVar("T")


@dataclass(frozen=True)
class Observation:
    """How far the orders are."""

    phases: dict[str, str]
    """Phase by workflow id, of the orders that the table shows."""
    closed: int
    """Workflows that have ended."""


async def observe_phases(orders: Sequence[Order], client: Client) -> Observation:
    """Asks the workflows of the shown orders for their phase, and Temporal how many have ended."""
    shown = orders[:MAXIMUM_ROWS]
    phases = await _gather([_phase(order, client) for order in shown])
    closed = 0
    async for workflow in client.list_workflows("WorkflowType != ''"):
        closed += workflow.status is not WorkflowExecutionStatus.RUNNING
    return Observation({order.workflow_id: phase for order, phase in zip(shown, phases, strict=True) if phase}, closed)


async def observe_open(orders: Sequence[Order], client: Client) -> list[tuple[Order, str]]:
    """Returns the orders that have not ended, each with the state that it is in."""
    states = await _gather([_open_state(order, client) for order in orders])
    return [(order, state) for order, state in zip(orders, states, strict=True) if state is not None]


async def observe_summary(
    orders: Sequence[Order], client: Client, bootstrap_servers: str, dead_letter_topic: str, ingress: Program
) -> Summary:
    """Collects results and counts of the workflows, the dead letters, and what the ingress counted."""
    outcomes = await _gather([_outcome(order, client) for order in orders])
    progress = await _gather([_progress(order, client) for order in orders])
    delivered, duplicates = _ingress_counts((await ingress.get("/metrics"))[1])
    return Summary(
        delivered=delivered,
        duplicates=duplicates + sum(each.counts.duplicates for each in progress),
        dead_letters=await _dead_letters(bootstrap_servers, dead_letter_topic),
        outcomes=dict(Counter(outcomes)),
    )


async def _phase(order: Order, client: Client) -> str | None:
    try:
        return (await _progress(order, client)).phase
    except (WorkflowQueryFailedError, WorkflowQueryRejectedError):
        return NO_ANSWER
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        if error.status in {
            RPCStatusCode.CANCELLED,
            RPCStatusCode.DEADLINE_EXCEEDED,
            RPCStatusCode.FAILED_PRECONDITION,
        }:
            return NO_ANSWER
        raise


async def _open_state(order: Order, client: Client) -> str | None:
    """Returns the state of an order that has not ended, None for one that has."""
    try:
        description = await client.get_workflow_handle(order.workflow_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return NO_WORKFLOW
        raise
    if description.status is not WorkflowExecutionStatus.RUNNING:
        return None
    return await _phase(order, client)


async def _progress(order: Order, client: Client) -> ProcessProgress:
    handle = client.get_workflow_handle(order.workflow_id)
    return await handle.query(PROGRESS_QUERY, result_type=ProcessProgress, rpc_timeout=ANSWER_TIMEOUT)


async def _outcome(order: Order, client: Client) -> str:
    """Returns the name of the outcome; of a workflow without a result, why it has none."""
    handle = client.get_workflow_handle(order.workflow_id, result_type=OrderFulfillmentResultV1)
    try:
        return OrderOutcome.Name((await handle.result()).outcome)
    except WorkflowFailureError as error:
        return f"without result: {error.cause}"


def _ingress_counts(page: str) -> tuple[int, int]:
    """Acknowledged messages, and those of them that were known as duplicates."""
    acknowledged = duplicates = 0.0
    for family in text_string_to_metric_families(page):
        if family.name == EVENTS_METRIC:
            for sample in family.samples:
                if sample.name.endswith("_total"):
                    acknowledged += sample.value
                    duplicates += sample.value if sample.labels.get("outcome") == DUPLICATE_OUTCOME else 0
    return int(acknowledged), int(duplicates)


async def _dead_letters(bootstrap_servers: str, topic: str) -> dict[str, int]:
    """Counts the dead letters by reason."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        await consumer.seek_to_beginning(partition)
        reasons: Counter[str] = Counter()
        while True:
            found = await consumer.getmany(partition, timeout_ms=QUIET_MILLISECONDS)
            for record in found.get(partition, ()):
                reason: Any = dict(record.headers)["dead-letter-reason"]
                reasons[reason.decode()] += 1
            if not found and await consumer.position(partition) >= end:
                return dict(reasons)
    finally:
        await consumer.stop()


async def _gather(questions: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    limit = asyncio.Semaphore(CONCURRENCY)

    async def limited(question: Coroutine[Any, Any, T]) -> T:
        async with limit:
            return await question

    return list(await asyncio.gather(*(limited(question) for question in questions)))
