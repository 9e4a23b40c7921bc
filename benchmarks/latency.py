"""What the engine adds to the time of a call at low load, when each event comes to a key that was idle.

Events come one by one. From the moment in which the transport has one until Temporal has accepted it, beside the same
call made directly, in turn on one server.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from datetime import timedelta

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    OrderFulfillmentEvent,
    OrderKey,
    PaymentAuthorized,
)
from ameide_devstack import TemporalDevServer
from ameide_process.converter import DATA_CONVERTER
from ameide_process.ingress._budget import History
from ameide_process.ingress._lane import Batch
from ameide_process.ingress._temporal_calls import TemporalCalls
from ameide_process.routing import Route
from engine_in_memory import MemoryTransport, calls_to, engine_over
from order_fulfillment_generated.testing import event
from own_process import leave
from raw_loop import raw_loop
from rich.console import Console
from rich.table import Table
from temporalio.api.workflowservice.v1 import SignalWithStartWorkflowExecutionResponse

EVENTS = 400
KEYS = 20
GAP = 0.01
"""Seconds between an event's acceptance and the next event; with `KEYS` keys in turn each is idle for 0.2 s or more."""

HIGHEST_ADDED = 0.010
"""Seconds, median; of this machine, so that it is shown and no gate."""


class TimedCalls:
    """Says when a batch has been taken."""

    def __init__(self, calls: TemporalCalls) -> None:
        self._calls = calls
        self.accepted = asyncio.Event()

    async def deliver(self, batch: Batch) -> SignalWithStartWorkflowExecutionResponse:
        """Sends a batch."""
        response = await self._calls.deliver(batch)
        self.accepted.set()
        return response

    async def history(self, workflow_id: str) -> History:
        """Asks how long a workflow's history is."""
        return await self._calls.history(workflow_id)

    async def applied(self, workflow_id: str, run_id: str, routes: Sequence[Route]) -> Sequence[bool]:
        """Asks a closed run which events it had applied."""
        return await self._calls.applied(workflow_id, run_id, routes)

    async def history_retention(self) -> timedelta | None:
        """Asks how long the namespace keeps closed workflows."""
        return await self._calls.history_retention()


class Feed(MemoryTransport):
    """Delivers a message as soon as it is put in."""

    def __init__(self) -> None:
        self._growing: list[bytes] = []
        super().__init__(self._growing)

    def put(self, value: bytes) -> None:
        """Puts a message in."""
        self._growing.append(value)
        self.resume([])


def _events(prefix: str) -> list[OrderFulfillmentEvent]:
    return [
        event(
            OrderKey(tenant_id="acme", order_id=f"{prefix}-{n % KEYS}"),
            PaymentAuthorized(payment_id=f"p-{n}"),
            f"event-{n}",
        )
        for n in range(EVENTS)
    ]


def _percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return cuts[49], cuts[98]


async def main() -> int:
    """Measures and prints."""
    async with TemporalDevServer() as server:
        client = await server.connect(data_converter=DATA_CONVERTER)
        feed, calls = Feed(), TimedCalls(calls_to(client))
        running = asyncio.create_task(engine_over(feed, calls, concurrency=64).run(asyncio.Event()))
        through, bare = list[float](), list[float]()
        for ours, direct in zip(_events("engine"), _events("bare"), strict=True):
            value, call = ours.SerializeToString(), raw_loop(client, [direct], concurrency=1)
            calls.accepted.clear()
            began = time.perf_counter()
            feed.put(value)
            await calls.accepted.wait()
            through.append(time.perf_counter() - began)
            await asyncio.sleep(GAP)
            began = time.perf_counter()
            await call()
            bare.append(time.perf_counter() - began)
            await asyncio.sleep(GAP)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    table = Table("one event at a time", "p50 ms", "p99 ms")
    (ours_50, ours_99), (bare_50, bare_99) = _percentiles(through), _percentiles(bare)
    table.add_row("through the engine", f"{1000 * ours_50:.2f}", f"{1000 * ours_99:.2f}")
    table.add_row("bare call", f"{1000 * bare_50:.2f}", f"{1000 * bare_99:.2f}")
    table.add_row(f"added (p50, aim < {1000 * HIGHEST_ADDED:g})", f"{1000 * (ours_50 - bare_50):.2f}", "")
    Console().print(table)
    return 0


if __name__ == "__main__":
    leave(asyncio.new_event_loop().run_until_complete(main()))
