"""The whole ingress engine in a world that a seed decides on: source, Temporal, dead letters, and time.

The engine runs as in production, on an event loop whose clock jumps to the next thing to do. Everything else is made
here: a source that revokes and redelivers, a Temporal that fails in every way there is and applies late what it said
nothing of, a dead-letter stream that goes and comes, and crashes that forget all but what is committed. After a while
faults cease, and everything must come to its end by itself.
"""

import asyncio
import contextlib
import logging
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_process.ingress._budget import History
from ameide_process.ingress._decoding import Decoder
from ameide_process.ingress._engine import Engine
from ameide_process.ingress._lane import Batch
from ameide_process.ingress._limits import Limits
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._metrics import IngressMetrics
from ameide_process.ingress._progress import Progress
from ameide_process.ingress._subscription_metrics import SubscriptionMetrics
from ameide_process.ingress._temporal_calls import NoAnswerError
from ameide_process.ingress._transport import PartitionLag, TransportError, TransportListener
from ameide_process.outputs import DeadLetterPublisher, OutputRecord, OutputUnavailableError
from ameide_process.routing import Route, Router
from ameide_process.serving import Readiness
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message as ProtoMessage
from prometheus_client import CollectorRegistry
from temporalio.api.common.v1 import GrpcStatus
from temporalio.api.enums.v1 import ResourceExhaustedCause
from temporalio.api.errordetails.v1 import ResourceExhaustedFailure, WorkflowExecutionAlreadyStartedFailure
from temporalio.api.workflowservice.v1 import SignalWithStartWorkflowExecutionResponse
from temporalio.service import RPCError, RPCStatusCode

PARTITIONS = 3
KEYS = 6
RECORDS = 120
FAULTY_SECONDS = 90.0
HEALING_SECONDS = 600.0
"""Within these everything has come to its end once faults cease."""

LIMITS = Limits(
    events_per_key=8,
    concurrent_calls=5,
    batch_events=5,
    batch_bytes=2_000,
    partition_events=12,
    drain_seconds=4.0,
    history_bytes=40_000,
    history_events=40,
    unconfirmed_bytes=8_000,
    unconfirmed_signals=10,
    unknown_bytes=1_500,
)
LARGEST_HISTORY_BYTES = 60_000
"""The limit, and what members that were killed may have sent before they looked."""


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock does not wait: it jumps to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self._simulated = 1_000.0
        selector: Any = vars(self)["_selector"]
        real = selector.select

        def select(timeout: float | None = None) -> Any:
            if timeout is None:
                raise AssertionError("nothing will ever happen again")
            self._simulated += max(0.0, timeout)
            return real(0)

        selector.select = select

    def time(self) -> float:
        return self._simulated


def rpc_error(status: RPCStatusCode, message: str, detail: ProtoMessage | None = None) -> RPCError:
    """An error as the server words it."""
    packed: list[AnyMessage] = []
    if detail is not None:
        packed.append(AnyMessage())
        packed[-1].Pack(detail)
    return RPCError(message, status, GrpcStatus(code=status.value, message=message, details=packed).SerializeToString())


@dataclass
class Workflow:
    """One workflow at the server."""

    applied: list[str] = field(default_factory=list[str])
    """Idempotency keys in the order in which it met each first."""
    requests: set[str] = field(default_factory=set[str])
    history: History = field(default_factory=History)
    closed: bool = False


@dataclass
class World:
    """What outlives a crash of the engine."""

    seed: int
    router: Router[OrderFulfillmentEvent]
    event: Callable[..., OrderFulfillmentEvent]
    close: Callable[[str], OrderFulfillmentEvent]

    def __post_init__(self) -> None:
        self.source = random.Random(self.seed)  # noqa: S311 - the same in every run
        self.faulty = True
        self.workers = True
        self.away = False
        """Whether Temporal answers nobody."""
        self.stream = True
        """Whether the dead-letter stream takes records."""
        self.logs: list[list[tuple[str, str, bytes]]] = [[] for _ in range(PARTITIONS)]
        """Key, idempotency key and bytes of each record; both empty for poison."""
        self.committed = [0] * PARTITIONS
        self.workflows: defaultdict[str, Workflow] = defaultdict(Workflow)
        self.dead: set[bytes] = set()
        self.late: set[asyncio.Task[None]] = set()
        """Calls that the server applies although nobody waits for them."""
        for number in range(RECORDS):
            partition = self.source.randrange(PARTITIONS)
            key = f"{partition}-{self.source.randrange(KEYS)}"
            draw = self.source.random()
            if draw < 0.04:
                self.logs[partition].append(("", "", b"\xff" + str(number).encode()))
            elif draw < 0.06:
                self.logs[partition].append((key, f"cancel-{key}", self.close(key).SerializeToString()))
            else:
                name = f"e-{number}"
                size = self.source.choice([1, 1, 1, 300, 900, 3_000])
                value = self.event(key, name, sku="x" * size).SerializeToString()
                self.logs[partition].append((key, name, value))

    async def pause(self, longest: float) -> None:
        """Lets some time pass, mostly little."""
        await asyncio.sleep(longest * self.source.random() ** 3)

    def ended(self, partition: int, position: int) -> bool:
        """Whether a record is where it belongs."""
        key, name, value = self.logs[partition][position]
        return value in self.dead or (bool(key) and name in self.workflow(key).applied)

    def workflow(self, key: str) -> Workflow:
        """The workflow of an order."""
        return self.workflows[f"proc/order-fulfillment/t/{key}"]

    def check_order(self) -> None:
        """Each workflow has met its events in the order of the source."""
        for log in self.logs:
            by_key: defaultdict[str, list[str]] = defaultdict(list)
            for key, name, _ in log:
                if key and name not in by_key[key]:
                    by_key[key].append(name)
            for key, names in by_key.items():
                applied = self.workflow(key).applied
                assert applied == [name for name in names if name in set(applied)], f"order of {key}"


class SimulatedTemporal:
    """A Temporal that fails at will."""

    def __init__(self, world: World, assigned: Callable[[], Collection[Partition]]) -> None:
        self._world = world
        self._assigned = assigned

    async def deliver(self, batch: Batch) -> SignalWithStartWorkflowExecutionResponse:
        world, source = self._world, self._world.source
        for each in batch.deliveries:
            assert each.message.partition in self._assigned(), "a call begins for a partition that is not ours"
        workflow = world.workflows[batch.lane.workflow_id]
        names = [each.route.idempotency_key for each in batch.deliveries if each.route is not None]
        size, request = batch.history_size, batch.request_id
        await world.pause(0.2)
        fault = source.random() if world.faulty else 1.0
        if world.away or fault < 0.06:
            await world.pause(8 if fault < 0.06 else 0.5)
            raise rpc_error(RPCStatusCode.UNAVAILABLE, "connection refused")
        if fault < 0.10:
            # Applied, and the answer is lost, or applied after the caller has given up.
            task = asyncio.get_running_loop().create_task(self._apply_later(workflow, names, size, request))
            world.late.add(task)
            task.add_done_callback(world.late.discard)
            await world.pause(10)
            raise rpc_error(RPCStatusCode.DEADLINE_EXCEEDED, "timeout")
        if fault < 0.13:
            failure = ResourceExhaustedFailure(cause=ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW)
            raise rpc_error(RPCStatusCode.RESOURCE_EXHAUSTED, "closing", failure)
        if fault < 0.15:
            failure = ResourceExhaustedFailure(cause=ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT)
            raise rpc_error(RPCStatusCode.RESOURCE_EXHAUSTED, "rate", failure)
        if fault < 0.16:
            raise rpc_error(RPCStatusCode.INVALID_ARGUMENT, "exceeded workflow execution limit for signal events")
        if fault < 0.17:
            raise rpc_error(RPCStatusCode.INVALID_ARGUMENT, "something new")
        if fault < 0.19 and len(names) > 1:
            raise rpc_error(RPCStatusCode.INVALID_ARGUMENT, "Blob data size exceeds limit.")
        if workflow.closed:
            raise rpc_error(
                RPCStatusCode.ALREADY_EXISTS, "closed", WorkflowExecutionAlreadyStartedFailure(run_id="run")
            )
        self._apply(workflow, names, size, request)
        await world.pause(0.1)
        return SignalWithStartWorkflowExecutionResponse(run_id="run", started=len(workflow.requests) == 1)

    async def history(self, workflow_id: str) -> History:
        world = self._world
        # Sometimes longer than a drain waits.
        await world.pause(8 if world.faulty and world.source.random() < 0.1 else 0.2)
        if world.away or (world.faulty and world.source.random() < 0.1):
            raise rpc_error(RPCStatusCode.UNAVAILABLE, "connection refused")
        return world.workflows[workflow_id].history

    async def applied(self, workflow_id: str, run_id: str, routes: Sequence[Route]) -> Sequence[bool]:
        world = self._world
        await world.pause(0.5)
        if not world.workers or (world.faulty and world.source.random() < 0.2):
            raise NoAnswerError("no worker")
        return [each.idempotency_key in world.workflows[workflow_id].applied for each in routes]

    async def history_retention(self) -> timedelta | None:
        return None

    async def _apply_later(self, workflow: Workflow, names: list[str], size: int, request: str) -> None:
        await self._world.pause(12)
        if not workflow.closed:
            self._apply(workflow, names, size, request)

    def _apply(self, workflow: Workflow, names: list[str], size: int, request: str) -> None:
        if request in workflow.requests:
            return
        workflow.requests.add(request)
        workflow.applied += [name for name in dict.fromkeys(names) if name not in workflow.applied]
        if self._world.workers:
            workflow.history = History()
            workflow.closed = workflow.closed or any(name.startswith("cancel") for name in workflow.applied)
        else:
            workflow.history = History(workflow.history.size + size, workflow.history.events + 1)


class SimulatedSource:
    """A log with partitions that come and go; committed positions outlive it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._listener: TransportListener | None = None
        self.partitions: list[Partition] = []
        self._position: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._changing = asyncio.Lock()

    @property
    def lease_seconds(self) -> None:
        """See `Transport`; nobody else is there."""
        return None

    async def start(self, listener: TransportListener) -> None:
        self._listener = listener
        self._assign(range(PARTITIONS))

    def _assign(self, numbers: Collection[int]) -> None:
        assert self._listener is not None
        self.partitions = [Partition("s", number) for number in numbers]
        self._position = {each: self._world.committed[each.number] for each in self.partitions}
        self._paused = set()
        self._listener.assigned(self.partitions)

    async def take_away(self) -> None:
        """Takes everything away."""
        assert self._listener is not None
        began = asyncio.get_running_loop().time()
        await self._listener.revoked(self.partitions)
        took = asyncio.get_running_loop().time() - began
        assert took < LIMITS.drain_seconds + 5, "a rebalance waits for us longer than the drain deadline"
        self.partitions = []

    async def rebalance(self) -> None:
        """Takes everything away, and gives some or all of it back."""
        async with self._changing:
            if self._listener is None:
                return
            await self.take_away()
            await self._world.pause(1)
            world = self._world
            count = world.source.randint(1, PARTITIONS) if world.faulty else PARTITIONS
            self._assign(world.source.sample(range(PARTITIONS), count))

    async def poll(self, wait: float) -> Sequence[Message]:
        world = self._world
        await world.pause(wait)
        found: list[Message] = []
        for partition in self.partitions:
            if partition in self._paused:
                continue
            at = self._position[partition]
            some = world.logs[partition.number][at : at + world.source.randint(0, 10)]
            self._position[partition] = at + len(some)
            found += [Message(partition, at + offset, value) for offset, (_, _, value) in enumerate(some)]
        if not found:
            await asyncio.sleep(wait)
        return [each for each in found if each.partition in self.partitions]

    def pause(self, partitions: Mapping[Partition, str]) -> None:
        self._paused.update(partitions)

    def resume(self, partitions: Collection[Partition]) -> None:
        self._paused.difference_update(partitions)

    async def commit(self, progress: Progress) -> None:
        world = self._world
        await world.pause(0.2)
        if world.faulty and world.source.random() < 0.1:
            raise TransportError("rebalance in progress")
        for partition, position in progress.positions.items():
            if partition not in self.partitions:
                continue
            for each in range(world.committed[partition.number], position):
                assert world.ended(partition.number, each), f"{partition}/{each} is acknowledged, and nobody has it"
            world.committed[partition.number] = max(world.committed[partition.number], position)

    async def lag(self) -> Sequence[PartitionLag]:
        return []

    async def retention(self) -> timedelta | None:
        return None

    async def stop(self) -> None:
        if self._listener is not None:
            await self._listener.revoked(self.partitions)
            self.partitions = []


class SimulatedStream:
    """A dead-letter stream that goes and comes."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def publish(self, record: OutputRecord) -> None:
        await self._world.pause(0.3)
        if not self._world.stream:
            raise OutputUnavailableError("down")
        self._world.dead.add(record.value)

    async def look(self) -> None:
        pass

    async def close(self) -> None:
        pass


@dataclass
class Life:
    """One life of the engine, from a start to a crash or a stop."""

    world: World
    number: int

    def __post_init__(self) -> None:
        world = self.world
        readiness = Readiness()
        self.transport = SimulatedSource(world)
        self.delivery_check = readiness.add("delivery")
        self.engine = Engine(
            name="simulated",
            router=world.router,
            decoder=Decoder(world.router, "protobuf"),
            transport=self.transport,
            calls=SimulatedTemporal(world, lambda: self.transport.partitions),
            dead_letters=DeadLetterPublisher(SimulatedStream(world)),
            limits=LIMITS,
            metrics=SubscriptionMetrics(IngressMetrics(CollectorRegistry()), "simulated"),
            source_check=readiness.add("source"),
            delivery_check=self.delivery_check,
            source=random.Random(f"{world.seed} {self.number}"),  # noqa: S311 - the same in every run
        )
        self.stop = asyncio.Event()
        self.running = asyncio.create_task(self.engine.run(self.stop))

    async def crash(self) -> None:
        """Ends at once; nothing is committed any more, and what is in memory is gone."""
        self.transport.partitions = []
        tasks: set[asyncio.Task[Any]] = asyncio.all_tasks() - self.world.late - {_current()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _current() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


async def simulate(world: World) -> None:
    """Lets the engine live among faults, and then in peace, until everything has come to its end."""
    source, loop = world.source, asyncio.get_running_loop()
    lives = 0
    life = Life(world, lives)
    until = loop.time() + FAULTY_SECONDS
    while loop.time() < until:
        await world.pause(8)
        assert not life.running.done(), life.running.exception()
        world.check_order()
        assert all(each.history.size < LARGEST_HISTORY_BYTES for each in world.workflows.values())
        match source.randrange(10):
            case 0 | 1:
                await life.transport.rebalance()
            case 2:
                await life.crash()
                lives += 1
                life = Life(world, lives)
            case 3:
                life.stop.set()
                await life.running
                lives += 1
                life = Life(world, lives)
            case 4 | 5:
                world.workers = not world.workers
            case 6 | 7:
                world.away = not world.away
            case _:
                world.stream = not world.stream
    world.faulty, world.workers, world.away, world.stream = False, True, False, True
    for workflow in world.workflows.values():
        workflow.history = History()
    await life.transport.rebalance()
    until = loop.time() + HEALING_SECONDS
    while world.committed != [len(log) for log in world.logs]:
        assert not life.running.done(), life.running.exception()
        assert loop.time() < until, (
            f"stalled: {world.committed} of {[len(log) for log in world.logs]} are committed; "
            f"{life.delivery_check.status.reason!r}"
        )
        await asyncio.sleep(1)
    life.stop.set()
    await life.running
    world.check_order()
    for partition, log in enumerate(world.logs):
        for position in range(len(log)):
            assert world.ended(partition, position), f"{partition}/{position} is lost"


def run(simulation: Coroutine[Any, Any, None], seed: int) -> None:
    """Runs a simulation on a loop of its own, with all jitter from the seed and without logs."""
    state, logs = random.getstate(), structlog.get_config()
    random.seed(seed)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        with contextlib.closing(SimulatedLoop()) as loop:
            loop.run_until_complete(simulation)
    finally:
        random.setstate(state)
        structlog.configure(**logs)
