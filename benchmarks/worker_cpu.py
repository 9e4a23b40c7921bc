"""CPU per completed order: the generated worker against a worker written by hand.

The same logic, the same three signals for each order, the same activity, the sandbox on in both. Each worker is a
process of its own, whose CPU alone counts. Both of a pair work at the same time, so that whatever disturbs one disturbs
the other, on a server of their own, since an ageing server slows down. The generated worker also deduplicates, keeps
what it cannot decode, and could continue as new; see `hand_written_order`.
"""

import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import hand_written_order
import order_fulfillment
import psutil
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    ORDER_OUTCOME_FULFILLED,
    CancelOrder,
    OrderFulfillmentResultV1,
    OrderFulfillmentStartV1,
    OrderKey,
    OrderLine,
    OrderPlaced,
    PaymentAuthorized,
    ShipmentCreated,
)
from ameide_core_proto.process.v1.process_runtime_pb2 import DeadLetterRequest, DeadLetterResponse
from ameide_devstack import TemporalDevServer
from ameide_process.contract import EVENT_SIGNAL
from ameide_process.converter import DATA_CONVERTER
from ameide_process.worker import create_worker
from google.protobuf.message import Message
from order_fulfillment.activities_impl import OrderFulfillmentActivitiesImpl
from order_fulfillment_generated.activities import registrations
from order_fulfillment_generated.contract import WORKFLOW_TYPE
from order_fulfillment_generated.parts import parts
from order_fulfillment_generated.testing import Payload, event
from own_process import leave
from rich.console import Console
from rich.table import Table
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

ORDERS = 200
"""Of each worker in each pair."""

WARM_UP = 20
"""Orders before those that count, so that imports and first times are not measured."""

CONCURRENCY = 8
PAIRS = 8

HIGHEST_RATIO = 1.0
"""CPU of the generated worker over that of the other, geometric mean of the pairs."""

POLL_SECONDS = 0.01

SAMPLES = 10
"""Orders whose workflow tasks are counted."""


@dataclass(frozen=True)
class Variant:
    """One way to run orders."""

    workflow_type: str
    signal: Callable[[OrderKey, Payload], tuple[str, Message]]
    """From a payload to the signal's name and argument."""
    worker: Callable[[Client, str], Worker]
    """Makes the worker that polls a task queue."""


def _typed_signal(_: OrderKey, payload: Payload) -> tuple[str, Message]:
    match payload:
        case OrderPlaced():
            return "order_placed", payload
        case PaymentAuthorized():
            return "payment_authorized", payload
        case ShipmentCreated():
            return "shipment_created", payload
        case CancelOrder():
            return "cancel_order", payload


def _event_signal(key: OrderKey, payload: Payload) -> tuple[str, Message]:
    return EVENT_SIGNAL, event(key, payload, str(uuid.uuid4()))


async def _no_dead_letters(request: DeadLetterRequest) -> DeadLetterResponse:
    raise AssertionError(request)


def _generated_worker(client: Client, task_queue: str) -> Worker:
    return create_worker(client, parts(), task_queue=task_queue, dead_letter=_no_dead_letters)


def _hand_written_worker(client: Client, task_queue: str) -> Worker:
    return Worker(
        client,
        task_queue=task_queue,
        workflows=[hand_written_order.HandWrittenOrder],
        activities=registrations(OrderFulfillmentActivitiesImpl()),
    )


VARIANTS = {
    "generated": Variant(WORKFLOW_TYPE, _event_signal, _generated_worker),
    "hand-written": Variant(hand_written_order.WORKFLOW_TYPE, _typed_signal, _hand_written_worker),
}


async def _work(name: str, address: str) -> None:
    """Runs the worker of a variant in this process until its standard input ends."""
    # The sandbox looks for the impl in each folder of the path, for every workflow. An image has few; a workspace has
    # one for each member, in which the script's own comes first and the impl's last.
    sys.path.insert(0, str(Path(order_fulfillment.__file__).parent.parent))
    client = await Client.connect(address, data_converter=DATA_CONVERTER)
    async with VARIANTS[name].worker(client, name):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


def _order_id(name: str, number: int) -> str:
    return f"{name}-{number}"


async def _order(client: Client, name: str, number: int) -> None:
    """Starts an order and brings it to its end, step by step, so that each event is a workflow task of its own."""
    variant = VARIANTS[name]
    order_id = _order_id(name, number)
    key = OrderKey(tenant_id="acme", order_id=order_id)
    lines = [OrderLine(sku=f"sku-{line}", quantity=line) for line in range(1, 4)]
    signal, argument = variant.signal(key, OrderPlaced(order_id=order_id, lines=lines))
    handle: WorkflowHandle[object, OrderFulfillmentResultV1] = await client.start_workflow(
        variant.workflow_type,
        OrderFulfillmentStartV1(start_version=1, key=key),
        id=order_id,
        task_queue=name,
        start_signal=signal,
        start_signal_args=[argument],
        result_type=OrderFulfillmentResultV1,
    )
    for payload in (
        PaymentAuthorized(order_id=order_id, payment_id=f"payment-{number}"),
        ShipmentCreated(order_id=order_id, shipment_id=f"shipment-{number}"),
    ):
        await _settled(client, order_id)
        signal, argument = variant.signal(key, payload)
        await handle.signal(signal, argument)
    result = await handle.result()
    assert result.outcome == ORDER_OUTCOME_FULFILLED, result


async def _settled(client: Client, workflow_id: str) -> None:
    """Waits until the worker has nothing to do for an order, so that both get the same workflow tasks."""
    request = DescribeWorkflowExecutionRequest(namespace=client.namespace)
    request.execution.workflow_id = workflow_id
    while True:
        answer = await client.workflow_service.describe_workflow_execution(request)
        if not answer.HasField("pending_workflow_task") and not answer.pending_activities:
            return
        await asyncio.sleep(POLL_SECONDS)


class WorkerProcess:
    """A worker in a process of its own."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child
        self._process = psutil.Process(child.pid)
        assert child.stdout is not None
        self._log = asyncio.create_task(child.stdout.read())

    @classmethod
    async def start(cls, name: str, address: str, environment: Mapping[str, str]) -> Self:
        """Starts the worker of a variant and returns when it polls."""
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            __file__,
            name,
            address,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
        )
        assert child.stdout is not None
        await child.stdout.readline()
        return cls(child)

    def cpu_ms(self) -> float:
        """What the process has used so far."""
        times = self._process.cpu_times()
        return 1000 * (times.user + times.system)

    async def stop(self) -> None:
        """Ends the process."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        await self._child.wait()
        await self._log


@dataclass(frozen=True)
class Measured:
    """One variant in one pair."""

    cpu_ms: float
    """Of the worker, for each order."""
    tasks: float
    """Workflow tasks of an order; the same for both, or the comparison is not fair."""


async def _pair(names: Sequence[str]) -> dict[str, Measured]:
    """Runs both workers on one fresh server, at the same time and order by order."""
    async with TemporalDevServer() as server, contextlib.AsyncExitStack() as stack:
        # An image has bytecode; without it, the sandbox compiles the impl for every workflow.
        bytecode = stack.enter_context(tempfile.TemporaryDirectory())
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}
        client = await server.connect(data_converter=DATA_CONVERTER)
        workers: dict[str, WorkerProcess] = {}
        for name in names:
            workers[name] = await WorkerProcess.start(name, server.address, environment)
            stack.push_async_callback(workers[name].stop)
        await _orders(client, names, range(WARM_UP))
        before = {name: worker.cpu_ms() for name, worker in workers.items()}
        await _orders(client, names, range(WARM_UP, WARM_UP + ORDERS))
        used = {name: worker.cpu_ms() - before[name] for name, worker in workers.items()}
        return {name: Measured(used[name] / ORDERS, await _tasks(client, name)) for name in names}


async def _orders(client: Client, names: Sequence[str], numbers: Sequence[int]) -> None:
    """Brings orders of all variants to their end, `CONCURRENCY` at a time."""
    waiting = iter([(name, number) for number in numbers for name in names])

    async def one_after_the_other() -> None:
        for name, number in waiting:
            await _order(client, name, number)

    await asyncio.gather(*(one_after_the_other() for _ in range(CONCURRENCY)))


async def _tasks(client: Client, name: str) -> float:
    """Workflow tasks of an order, on average over some."""
    tasks = 0
    for number in range(WARM_UP, WARM_UP + SAMPLES):
        history = await client.get_workflow_handle(_order_id(name, number)).fetch_history()
        tasks += sum(event.HasField("workflow_task_completed_event_attributes") for event in history.events)
    return tasks / SAMPLES


async def main() -> int:
    """Measures, prints, and returns 1 where the ratio misses its aim."""
    pairs: list[dict[str, Measured]] = []
    for number in range(PAIRS):
        names = list(VARIANTS) if number % 2 else list(reversed(VARIANTS))
        pairs.append(await _pair(names))
    ratios = [pair["generated"].cpu_ms / pair["hand-written"].cpu_ms for pair in pairs]
    ratio = statistics.geometric_mean(ratios)
    table = Table("worker", "CPU ms/order", "workflow tasks/order")
    for name in VARIANTS:
        cpu_ms = statistics.median(pair[name].cpu_ms for pair in pairs)
        tasks = statistics.fmean(pair[name].tasks for pair in pairs)
        table.add_row(name, f"{cpu_ms:.2f}", f"{tasks:.2f}")
    table.add_row("generated / hand-written", f"{ratio:.3f}", f"aim <= {HIGHEST_RATIO}")
    table.add_row("lowest and highest pair", f"{min(ratios):.3f} {max(ratios):.3f}", "")
    Console().print(table)
    return 0 if ratio <= HIGHEST_RATIO else 1


if __name__ == "__main__":
    if len(sys.argv) == 3:
        asyncio.new_event_loop().run_until_complete(_work(sys.argv[1], sys.argv[2]))
        leave()
    else:
        sys.exit(asyncio.run(main()))
