"""The ingress engine against a bare loop of the same raw calls, and against the high-level client.

Every event has a key of its own, so every call starts a workflow. The engine gets bytes from a transport in memory and
decodes, validates, routes, orders, sends and commits; the bare loop gets finished requests and only sends them; the
high-level loop gets envelopes. The same payloads, policies and concurrency; each run in a process of its own, on a
server of its own, since an ageing server slows down.

Where the speed of the machine drifts, so does the CPU that the server takes for the same calls. Rates are therefore
compared per second of that CPU too, which tells the engine from the drift, and that CPU is shown: it is to be the same.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from datetime import timedelta

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
from ameide_process.ingress._caller import Caller, CallLimits
from ameide_process.ingress._decoding import Decoder
from ameide_process.ingress._engine import Engine
from ameide_process.ingress._limits import Limits
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._metrics import IngressMetrics
from ameide_process.ingress._progress import Progress
from ameide_process.ingress._subscription_metrics import SubscriptionMetrics
from ameide_process.ingress._transport import PartitionLag, TransportListener
from ameide_process.outputs import DeadLetterPublisher, OutputRecord, OutputUnavailableError
from ameide_process.routing import SignalWithStart, to_payload
from ameide_process.serving import Readiness
from order_fulfillment_generated.contract import CONTRACT
from order_fulfillment_generated.router import ROUTER
from order_fulfillment_generated.testing import event
from prometheus_client import CollectorRegistry
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


class MemoryTransport:
    """Delivers prepared messages, and says when all of them are committed."""

    def __init__(self, values: Sequence[bytes]) -> None:
        self._partition = Partition("memory", 0)
        self._messages = [Message(self._partition, position, value) for position, value in enumerate(values)]
        self._next = 0
        self._deliverable = asyncio.Event()
        self._deliverable.set()
        self._listener: TransportListener | None = None
        self.all_committed = asyncio.Event()

    async def start(self, listener: TransportListener) -> None:
        self._listener = listener
        listener.assigned([self._partition])

    async def poll(self, wait: float) -> Sequence[Message]:
        if self._next >= len(self._messages):
            self._deliverable.clear()
        try:
            async with asyncio.timeout(wait):
                await self._deliverable.wait()
        except TimeoutError:
            return []
        # What aiokafka's getmany returns at most by default in practice: some hundreds.
        batch = self._messages[self._next : self._next + 500]
        self._next += len(batch)
        return batch

    def pause(self, partitions: Mapping[Partition, str]) -> None:
        self._deliverable.clear()

    def resume(self, partitions: Collection[Partition]) -> None:
        self._deliverable.set()

    async def commit(self, progress: Progress) -> None:
        if progress.positions[self._partition] >= len(self._messages):
            self.all_committed.set()

    async def lag(self) -> Sequence[PartitionLag]:
        return []

    async def retention(self) -> timedelta | None:
        return None

    async def stop(self) -> None:
        if self._listener is not None:
            await self._listener.revoked([self._partition])


class NoOutput:
    """A dead-letter stream that nothing may reach."""

    async def publish(self, record: OutputRecord) -> None:
        raise OutputUnavailableError(f"nothing should be dead-lettered here: {record}")

    async def look(self) -> None:
        pass

    async def close(self) -> None:
        pass


def _events() -> list[OrderFulfillmentEvent]:
    lines = [OrderLine(sku=f"sku-{number}", quantity=number) for number in range(1, 4)]
    return [
        event(OrderKey(tenant_id="acme", order_id=f"o-{n}"), OrderPlaced(order_id=f"o-{n}", lines=lines), f"event-{n}")
        for n in range(EVENTS)
    ]


async def _engine(client: Client, events: Sequence[OrderFulfillmentEvent]) -> Callable[[], Awaitable[None]]:
    transport = MemoryTransport([each.SerializeToString() for each in events])
    readiness = Readiness()
    limits = Limits(events_per_key=2048, concurrent_calls=CONCURRENCY)
    timeouts = CallLimits(signal=timedelta(seconds=10), query=timedelta(seconds=10))
    engine = Engine(
        name="bench",
        router=ROUTER,
        decoder=Decoder(ROUTER, "protobuf"),
        transport=transport,
        caller=Caller(client, CONTRACT, task_queue=CONTRACT.default_task_queue, limits=timeouts),
        dead_letters=DeadLetterPublisher(NoOutput()),
        limits=limits,
        metrics=SubscriptionMetrics(IngressMetrics(CollectorRegistry()), "bench"),
        source_check=readiness.add("source"),
        delivery_check=readiness.add("delivery"),
    )

    async def run() -> None:
        # The clock stops at the last acknowledgement; the process ends with the engine still running.
        running = asyncio.create_task(engine.run(asyncio.Event()))
        committed = asyncio.create_task(transport.all_committed.wait())
        await asyncio.wait((running, committed), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()

    return run


async def _bare(client: Client, events: Sequence[OrderFulfillmentEvent]) -> Callable[[], Awaitable[None]]:
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
        await service.signal_with_start_workflow_execution(
            requests[position], retry=False, timeout=timedelta(seconds=10)
        )

    return lambda: _loop(call)


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

    return lambda: _loop(call)


async def _loop(call: Callable[[int], Awaitable[None]]) -> None:
    """Calls for every event, `CONCURRENCY` at a time."""

    async def sender(positions: Iterator[int]) -> None:
        for position in positions:
            await call(position)

    positions = iter(range(EVENTS))
    await asyncio.gather(*(sender(positions) for _ in range(CONCURRENCY)))


VARIANTS = {"engine": _engine, "bare": _bare, "high-level": _high_level}


async def _measure(variant: str, address: str) -> None:
    """Runs one variant in this process and prints what it took, as JSON."""
    client = await Client.connect(address, data_converter=DATA_CONVERTER)
    run = await VARIANTS[variant](client, _events())
    wall, cpu = time.perf_counter(), time.process_time()
    await run()
    print(json.dumps({"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}))


async def _run(variant: str) -> dict[str, float]:
    """Runs one variant on a server of its own."""
    async with TemporalDevServer() as server:
        program = psutil.Process(server.pid)
        before = program.cpu_times()
        child = await asyncio.create_subprocess_exec(
            sys.executable, __file__, variant, server.address, stdout=subprocess.PIPE
        )
        output, _ = await child.communicate()
        if child.returncode != 0:
            raise RuntimeError(f"{variant} failed")
        after = program.cpu_times()
        server_cpu = after.user + after.system - before.user - before.system
        return {**json.loads(output.splitlines()[-1]), "server cpu": server_cpu}


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
        asyncio.new_event_loop().run_until_complete(_measure(sys.argv[1], sys.argv[2]))
        sys.stdout.flush()
        # The SDK's threads can abort the interpreter while it shuts down; all that matters is printed.
        os._exit(0)
    else:
        sys.exit(asyncio.run(main()))
