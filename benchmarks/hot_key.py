"""One hot key, order kept: the engine against a loop that has one raw call in flight, in events that are applied.

Without batching a loop that keeps the order of a key must wait for each answer before the next call. The same worker
applies the events of both in a process of its own, with the same Continue-As-New threshold, the server's own. Each run
has a server of its own, since an ageing server slows down; the loop gets fewer events, since it takes so long for each.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    OrderFulfillmentEvent,
    OrderKey,
    PaymentAuthorized,
)
from ameide_core_proto.process.v1.process_runtime_pb2 import DeadLetterRequest, DeadLetterResponse, ProcessProgress
from ameide_devstack import TemporalDevServer
from ameide_process.contract import PROGRESS_QUERY
from ameide_process.converter import DATA_CONVERTER
from ameide_process.worker import create_worker
from engine_in_memory import MemoryTransport, calls_to, engine_over, until_all_committed
from order_fulfillment_generated.contract import CONTRACT, workflow_id
from order_fulfillment_generated.parts import parts
from order_fulfillment_generated.testing import event
from own_process import leave, measured_apart, report
from raw_loop import raw_loop
from rich.console import Console
from rich.table import Table
from temporalio.client import Client

PAIRS = 4
POLL_SECONDS = 0.02

LOWEST_RATE = 30.0
"""Applied events a second, engine over loop, geometric mean of the pairs."""

KEY = OrderKey(tenant_id="acme", order_id="hot")


class Variant(NamedTuple):
    """One way to deliver."""

    name: str
    events: int


ENGINE = Variant("engine", 30_000)
LOOP = Variant("one call in flight", 600)


def _events(number: int) -> list[OrderFulfillmentEvent]:
    # An order that was not placed yet: the payment is noted, and no activity is called.
    return [event(KEY, PaymentAuthorized(payment_id=f"p-{n}"), f"event-{n}") for n in range(number)]


async def _deliver_by_engine(client: Client, events: Sequence[OrderFulfillmentEvent]) -> None:
    transport = MemoryTransport([each.SerializeToString() for each in events])
    await until_all_committed(transport, engine_over(transport, calls_to(client), concurrency=64))


async def _deliver_by_loop(client: Client, events: Sequence[OrderFulfillmentEvent]) -> None:
    await raw_loop(client, events, concurrency=1)()


DELIVER = {ENGINE.name: _deliver_by_engine, LOOP.name: _deliver_by_loop}


async def _applied(client: Client, expected: int) -> None:
    """Waits until all events are applied.

    Raises:
        RuntimeError: An event was lost, doubled, or not applied.
    """
    handle = client.get_workflow_handle(workflow_id(_events(1)[0]))
    while True:
        counts = (await handle.query(PROGRESS_QUERY, result_type=ProcessProgress)).counts
        if counts.duplicates or counts.failed or counts.rejected or counts.late or counts.applied > expected:
            raise RuntimeError(f"not every event was applied once: {counts}")
        if counts.applied == expected:
            return
        await asyncio.sleep(POLL_SECONDS)


async def _work(address: str) -> None:
    """Runs the worker until its input ends."""

    async def no_dead_letters(request: DeadLetterRequest) -> DeadLetterResponse:
        raise AssertionError(request)

    client = await Client.connect(address, data_converter=DATA_CONVERTER)
    async with create_worker(client, parts(), task_queue=CONTRACT.default_task_queue, dead_letter=no_dead_letters):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


@asynccontextmanager
async def _worker(address: str) -> AsyncGenerator[None]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "worker", address, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    try:
        if await child.stdout.readline() != b"ready\n":
            raise RuntimeError("the worker did not start")
        yield
    finally:
        child.kill()
        await child.wait()


async def _measure(variant: Variant, address: str) -> dict[str, float]:
    """Delivers in this process and returns what it took."""
    client = await Client.connect(address, data_converter=DATA_CONVERTER)
    events = _events(variant.events)
    wall, cpu = time.perf_counter(), time.process_time()
    await DELIVER[variant.name](client, events)
    acknowledged = time.perf_counter() - wall
    cpu = time.process_time() - cpu
    await _applied(client, variant.events)
    return {"seconds": time.perf_counter() - wall, "acknowledged": acknowledged, "cpu": cpu}


async def _run(variant: Variant) -> dict[str, float]:
    """Runs one variant on a server and a worker of its own; returns rates per second, and CPU per event."""
    async with TemporalDevServer() as server, _worker(server.address):
        took = await measured_apart(__file__, variant.name, server.address)
    return {
        "applied": variant.events / took["seconds"],
        "acknowledged": variant.events / took["acknowledged"],
        "cpu": took["cpu"] / variant.events,
    }


async def main() -> int:
    """Measures, prints, and returns 1 where the ratio misses its aim."""
    rounds: list[dict[str, dict[str, float]]] = []
    for number in range(PAIRS):
        # Alternated, so that a machine that warms up or slows down favours nobody.
        order = (ENGINE, LOOP) if number % 2 else (LOOP, ENGINE)
        rounds.append({variant.name: await _run(variant) for variant in order})
    table = Table("one hot key", "applied/s", "acknowledged/s", "CPU ms/event")
    for name in DELIVER:
        applied, acknowledged, cpu = (
            statistics.median(each[name][figure] for each in rounds) for figure in ("applied", "acknowledged", "cpu")
        )
        table.add_row(name, f"{applied:,.0f}", f"{acknowledged:,.0f}", f"{1000 * cpu:.3f}")
    ratio = statistics.geometric_mean(each[ENGINE.name]["applied"] / each[LOOP.name]["applied"] for each in rounds)
    table.add_row("applied, engine / loop", f"{ratio:.1f}", f"aim >= {LOWEST_RATE:g}")
    Console().print(table)
    return 0 if ratio >= LOWEST_RATE else 1


if __name__ == "__main__":
    if len(sys.argv) == 3:
        name, address = sys.argv[1:]
        if name == "worker":
            asyncio.new_event_loop().run_until_complete(_work(address))
            leave()
        report(_measure(ENGINE if name == ENGINE.name else LOOP, address))
    else:
        sys.exit(asyncio.run(main()))
