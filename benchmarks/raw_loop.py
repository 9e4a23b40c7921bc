"""The baseline of the ingress benchmarks: finished requests, sent by raw calls, so many at a time."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_process.routing import SignalWithStart, to_payload
from order_fulfillment_generated.contract import CONTRACT
from order_fulfillment_generated.router import ROUTER
from temporalio.client import Client

CALL_TIMEOUT = timedelta(seconds=10)


def raw_loop(
    client: Client, events: Sequence[OrderFulfillmentEvent], *, concurrency: int
) -> Callable[[], Awaitable[None]]:
    """Prepares one call for each event; what it returns sends them. With a concurrency of 1 the order is kept."""
    calls = SignalWithStart(
        CONTRACT, namespace=client.namespace, task_queue=CONTRACT.default_task_queue, identity=client.identity
    )
    requests = [
        calls.request(
            ROUTER.route(each).workflow_id,
            start=to_payload(ROUTER.start(each)),
            events=[to_payload(each)],
            request_id=str(uuid.uuid4()),
        )
        for each in events
    ]
    service = client.workflow_service

    async def call(position: int) -> None:
        await service.signal_with_start_workflow_execution(requests[position], retry=False, timeout=CALL_TIMEOUT)

    return lambda: at_once(concurrency, len(requests), call)


async def at_once(concurrency: int, number: int, call: Callable[[int], Awaitable[None]]) -> None:
    """Calls with every position below a number, so many at a time."""

    async def sender(positions: Iterator[int]) -> None:
        for position in positions:
            await call(position)

    positions = iter(range(number))
    await asyncio.gather(*(sender(positions) for _ in range(concurrency)))
