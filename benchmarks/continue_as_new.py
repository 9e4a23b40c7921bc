"""One hot workflow that continues as new all the time against the same that never does.

Both get the same events in the same signals, by the same worker in this process; only the server's suggestion to
continue as new comes sooner for one. Each run has a server of its own, since an ageing server slows down.
"""

import asyncio
import statistics
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderKey, PaymentAuthorized
from ameide_core_proto.process.v1.process_runtime_pb2 import DeadLetterRequest, DeadLetterResponse, ProcessProgress
from ameide_devstack import TemporalDevServer
from ameide_process.contract import PROGRESS_QUERY
from ameide_process.converter import DATA_CONVERTER
from ameide_process.routing import SignalWithStart, to_payload
from ameide_process.worker import create_worker
from order_fulfillment_generated.contract import CONTRACT, workflow_id
from order_fulfillment_generated.parts import parts
from order_fulfillment_generated.router import ROUTER
from order_fulfillment_generated.testing import event
from own_process import leave
from rich.console import Console
from rich.table import Table
from temporalio.client import Client
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

SIGNALS = 800
EVENTS_PER_SIGNAL = 10
EVENTS = SIGNALS * EVENTS_PER_SIGNAL
CONCURRENCY = 16
PAIRS = 4
POLL_SECONDS = 0.05

SUGGESTED_AT = {"continues as new": 30, "one run": 50_000}
"""Events of history at which the server suggests to continue as new, by variant."""

KEY = OrderKey(tenant_id="acme", order_id="hot")


@dataclass(frozen=True)
class Measured:
    """One run of a variant."""

    seconds: float
    """From the first signal until all events are applied."""
    runs: int


async def _measure(variant: str) -> Measured:
    settings = {"limit.historyCount.suggestContinueAsNew": SUGGESTED_AT[variant]}
    async with TemporalDevServer(dynamic_config=settings) as server:
        client = await server.connect(data_converter=DATA_CONVERTER)
        worker = create_worker(client, parts(), task_queue=CONTRACT.default_task_queue, dead_letter=_no_dead_letters)
        async with worker:
            started = time.perf_counter()
            await _send(client)
            runs = await _applied(client)
            return Measured(time.perf_counter() - started, runs)


async def _no_dead_letters(request: DeadLetterRequest) -> DeadLetterResponse:
    raise AssertionError(request)


async def _send(client: Client) -> None:
    calls = SignalWithStart(
        CONTRACT, namespace=client.namespace, task_queue=CONTRACT.default_task_queue, identity=client.identity
    )

    async def sender(numbers: Iterator[int]) -> None:
        for number in numbers:
            # An order that was not placed yet: the payment is noted, and no activity is called.
            events = [
                event(KEY, PaymentAuthorized(payment_id=f"p-{number}-{part}"), f"event-{number}-{part}")
                for part in range(EVENTS_PER_SIGNAL)
            ]
            request = calls.request(
                workflow_id(events[0]),
                start=to_payload(ROUTER.start(events[0])),
                events=[to_payload(each) for each in events],
                request_id=str(uuid.uuid4()),
            )
            await client.workflow_service.signal_with_start_workflow_execution(request, retry=True)

    numbers = iter(range(SIGNALS))
    await asyncio.gather(*(sender(numbers) for _ in range(CONCURRENCY)))


async def _applied(client: Client) -> int:
    """Waits until all events are applied; returns the number of runs.

    Raises:
        RuntimeError: An event was lost, doubled, or not applied.
    """
    handle = client.get_workflow_handle(workflow_id(event(KEY, PaymentAuthorized(), "any")))
    while True:
        progress = await handle.query(PROGRESS_QUERY, result_type=ProcessProgress)
        counts = progress.counts
        if counts.duplicates or counts.failed or counts.rejected or counts.late or counts.applied > EVENTS:
            raise RuntimeError(f"not every event was applied once: {counts}")
        if counts.applied == EVENTS:
            return progress.run_epoch + 1
        await asyncio.sleep(POLL_SECONDS)


async def main() -> int:
    """Measures and prints; every event must be applied once in both."""
    # Runs that are refused to end under a stream, and large carry-overs, are what is measured.
    quiet = LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR"))
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=quiet)))
    rounds: list[dict[str, Measured]] = []
    for number in range(PAIRS):
        # Alternated, so that a machine that warms up or slows down favours nobody.
        order = list(SUGGESTED_AT) if number % 2 else list(reversed(SUGGESTED_AT))
        rounds.append({variant: await _measure(variant) for variant in order})
    table = Table("", "events/s", "runs")
    for variant in SUGGESTED_AT:
        seconds = statistics.median(each[variant].seconds for each in rounds)
        runs = statistics.median(each[variant].runs for each in rounds)
        table.add_row(variant, f"{EVENTS / seconds:.0f}", f"{runs:g}")
    often, once = SUGGESTED_AT
    ratio = statistics.geometric_mean(each[once].seconds / each[often].seconds for each in rounds)
    table.add_row("rate, continues as new / one run", f"{ratio:.3f}", "")
    Console().print(table)
    return 0


if __name__ == "__main__":
    leave(asyncio.new_event_loop().run_until_complete(main()))
