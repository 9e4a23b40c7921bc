"""Keys of very different weight: the engine against a loop of raw calls, one for each event, at the same concurrency.

The keys follow Zipf's law, as customers and machines do. The loop does not even keep the order of a key. What is
measured is acceptance; each run has a process and a server of its own, since an ageing server slows down.
"""

import asyncio
import random
import statistics
import sys
import time

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    OrderFulfillmentEvent,
    OrderKey,
    PaymentAuthorized,
)
from ameide_devstack import TemporalDevServer
from ameide_process.converter import DATA_CONVERTER
from engine_in_memory import MemoryTransport, calls_to, engine_over, until_all_committed
from order_fulfillment_generated.testing import event
from own_process import measured_apart, report
from raw_loop import raw_loop
from rich.console import Console
from rich.table import Table
from temporalio.client import Client

EVENTS = 6000
KEYS = 2000
EXPONENT = 1.1
"""Of Zipf's law: the first key gets a sixth of all events."""

CONCURRENCY = 64
PAIRS = 4
LOWEST_RATE = 2.0
"""Rate of the engine over the loop, geometric mean of the pairs."""

VARIANTS = ("engine", "loop")


def _events() -> list[OrderFulfillmentEvent]:
    weights = [1 / rank**EXPONENT for rank in range(1, KEYS + 1)]
    keys = random.Random(1).choices(range(KEYS), weights, k=EVENTS)  # noqa: S311 - the same keys in every run
    return [
        event(OrderKey(tenant_id="acme", order_id=f"o-{key}"), PaymentAuthorized(payment_id=f"p-{n}"), f"event-{n}")
        for n, key in enumerate(keys)
    ]


async def _measure(variant: str, address: str) -> dict[str, float]:
    """Runs one variant in this process and returns what it took."""
    client = await Client.connect(address, data_converter=DATA_CONVERTER)
    events = _events()
    if variant == "engine":
        transport = MemoryTransport([each.SerializeToString() for each in events])
        run = until_all_committed(transport, engine_over(transport, calls_to(client), concurrency=CONCURRENCY))
    else:
        run = raw_loop(client, events, concurrency=CONCURRENCY)()
    wall, cpu = time.perf_counter(), time.process_time()
    await run
    return {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


async def _run(variant: str) -> dict[str, float]:
    """Runs one variant on a server of its own."""
    async with TemporalDevServer() as server:
        return await measured_apart(__file__, variant, server.address)


async def main() -> int:
    """Measures, prints, and returns 1 where the ratio misses its aim."""
    rounds: list[dict[str, dict[str, float]]] = []
    for number in range(PAIRS):
        # Alternated, so that a machine that warms up or slows down favours nobody.
        order = VARIANTS if number % 2 else VARIANTS[::-1]
        rounds.append({variant: await _run(variant) for variant in order})
    table = Table("skewed keys", "events/s", "CPU ms/event")
    for variant in VARIANTS:
        seconds, cpu = (statistics.median(each[variant][figure] for each in rounds) for figure in ("seconds", "cpu"))
        table.add_row(variant, f"{EVENTS / seconds:.0f}", f"{1000 * cpu / EVENTS:.3f}")
    engine, loop = VARIANTS
    ratio = statistics.geometric_mean(each[loop]["seconds"] / each[engine]["seconds"] for each in rounds)
    table.add_row("rate, engine / loop", f"{ratio:.2f}", f"aim >= {LOWEST_RATE:g}")
    Console().print(table)
    return 0 if ratio >= LOWEST_RATE else 1


if __name__ == "__main__":
    if len(sys.argv) == 3:
        report(_measure(sys.argv[1], sys.argv[2]))
    else:
        sys.exit(asyncio.run(main()))
