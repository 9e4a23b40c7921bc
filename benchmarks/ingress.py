"""The ingress engine against a bare loop of the same raw calls, and against the high-level client.

Every event has a key of its own, so every call starts a workflow. The engine gets bytes from a transport in memory and
decodes, validates, routes, orders, sends and commits; the bare loop gets finished requests and only sends them; the
high-level loop gets envelopes. The same payloads, policies and concurrency; each run in a process of its own, on a
server of its own, since an ageing server slows down.

Where the speed of the machine drifts, so does the CPU that the server takes for the same calls. Rates are therefore
compared per second of that CPU too, which tells the engine from the drift, and that CPU is shown: it is to be the same.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import psutil
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    OrderFulfillmentEvent,
    OrderKey,
    OrderLine,
    OrderPlaced,
)
from ameide_devstack import TemporalDevServer
from ameide_process.contract import CONFLICT_POLICY, EVENT_SIGNAL
from ameide_process.converter import DATA_CONVERTER
from engine_in_memory import MemoryTransport, calls_to, engine_over, until_all_committed
from order_fulfillment_generated.contract import CONTRACT
from order_fulfillment_generated.router import ROUTER
from order_fulfillment_generated.testing import event
from own_process import measured_apart, report
from raw_loop import at_once, raw_loop
from rich.console import Console
from rich.table import Table
from temporalio.client import Client

EVENTS = 2000
CONCURRENCY = 64
PAIRS = 6

LOWEST_RATE = 0.95
"""Rate of the engine over the bare loop, geometric mean of the pairs."""

HIGHEST_CPU = 1.0
"""CPU per event of the engine over the high-level loop, geometric mean of the pairs."""


def _events() -> list[OrderFulfillmentEvent]:
    lines = [OrderLine(sku=f"sku-{number}", quantity=number) for number in range(1, 4)]
    return [
        event(OrderKey(tenant_id="acme", order_id=f"o-{n}"), OrderPlaced(order_id=f"o-{n}", lines=lines), f"event-{n}")
        for n in range(EVENTS)
    ]


async def _engine(client: Client, events: Sequence[OrderFulfillmentEvent]) -> Callable[[], Awaitable[None]]:
    transport = MemoryTransport([each.SerializeToString() for each in events])
    engine = engine_over(transport, calls_to(client), concurrency=CONCURRENCY)
    return lambda: until_all_committed(transport, engine)


async def _bare(client: Client, events: Sequence[OrderFulfillmentEvent]) -> Callable[[], Awaitable[None]]:
    return raw_loop(client, events, concurrency=CONCURRENCY)


async def _high_level(client: Client, events: Sequence[OrderFulfillmentEvent]) -> Callable[[], Awaitable[None]]:
    async def call(position: int) -> None:
        each = events[position]
        await client.start_workflow(
            CONTRACT.workflow_type,
            ROUTER.start(each),
            id=ROUTER.route(each).workflow_id,
            task_queue=CONTRACT.default_task_queue,
            id_reuse_policy=CONTRACT.reuse_policy,
            id_conflict_policy=CONFLICT_POLICY,
            start_signal=EVENT_SIGNAL,
            start_signal_args=[each],
        )

    return lambda: at_once(CONCURRENCY, len(events), call)


VARIANTS = {"engine": _engine, "bare": _bare, "high-level": _high_level}


async def _measure(variant: str, address: str) -> dict[str, float]:
    """Runs one variant in this process and returns what it took."""
    client = await Client.connect(address, data_converter=DATA_CONVERTER)
    run = await VARIANTS[variant](client, _events())
    wall, cpu = time.perf_counter(), time.process_time()
    await run()
    return {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


async def _run(variant: str) -> dict[str, float]:
    """Runs one variant on a server of its own."""
    async with TemporalDevServer() as server:
        program = psutil.Process(server.pid)
        before = program.cpu_times()
        measured = await measured_apart(__file__, variant, server.address)
        after = program.cpu_times()
        server_cpu = after.user + after.system - before.user - before.system
        return {**measured, "server cpu": server_cpu}


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    return statistics.geometric_mean(left / right for left, right in pairs)


def _per_server_cpu(run: Mapping[str, float]) -> float:
    """Wall time in seconds of server CPU: free of the machine's drift, and equal where the server does equal work."""
    return run["seconds"] / run["server cpu"]


async def main() -> int:
    """Measures, prints, and returns 1 where a ratio misses its aim."""
    rounds: list[dict[str, dict[str, float]]] = []
    for number in range(PAIRS):
        # Alternated, so that a machine that warms up or slows down favours nobody.
        order = list(VARIANTS) if number % 2 else list(reversed(VARIANTS))
        rounds.append({variant: await _run(variant) for variant in order})
    table = Table("", "events/s", "CPU ms/event", "server CPU ms/event")
    for variant in VARIANTS:
        seconds = statistics.median(each[variant]["seconds"] for each in rounds)
        cpu = statistics.median(each[variant]["cpu"] for each in rounds)
        server = statistics.median(each[variant]["server cpu"] for each in rounds)
        table.add_row(variant, f"{EVENTS / seconds:.0f}", f"{1000 * cpu / EVENTS:.3f}", f"{1000 * server / EVENTS:.2f}")
    rate = _ratio([(each["bare"]["seconds"], each["engine"]["seconds"]) for each in rounds])
    cpu = _ratio([(each["engine"]["cpu"], each["high-level"]["cpu"]) for each in rounds])
    steady = _ratio([(_per_server_cpu(each["bare"]), _per_server_cpu(each["engine"])) for each in rounds])
    table.add_row("rate, engine / bare", f"{rate:.3f}", f"aim >= {LOWEST_RATE}")
    table.add_row("the same per second of server CPU", f"{steady:.3f}", f"aim >= {LOWEST_RATE}")
    table.add_row("CPU, engine / high-level", f"{cpu:.3f}", f"aim <= {HIGHEST_CPU}")
    Console().print(table)
    return 0 if max(rate, steady) >= LOWEST_RATE and cpu <= HIGHEST_CPU else 1


if __name__ == "__main__":
    if len(sys.argv) == 3:
        report(_measure(sys.argv[1], sys.argv[2]))
    else:
        sys.exit(asyncio.run(main()))
