"""The ingress engine of `order-fulfillment` over prepared messages, and how long it takes to acknowledge them all."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_process.ingress._caller import Caller, CallLimits
from ameide_process.ingress._decoding import Decoder
from ameide_process.ingress._engine import Engine
from ameide_process.ingress._limits import Limits, events_per_key
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._metrics import IngressMetrics
from ameide_process.ingress._progress import Progress
from ameide_process.ingress._subscription_metrics import SubscriptionMetrics
from ameide_process.ingress._temporal_calls import TemporalCalls
from ameide_process.ingress._transport import PartitionLag, Transport, TransportListener
from ameide_process.outputs import DeadLetterPublisher, OutputRecord, OutputUnavailableError
from ameide_process.serving import Readiness
from order_fulfillment_generated.contract import CONTRACT
from order_fulfillment_generated.router import ROUTER
from prometheus_client import CollectorRegistry
from temporalio.client import Client


class MemoryTransport:
    """Delivers prepared messages, and says when all of them are committed."""

    def __init__(self, values: Sequence[bytes]) -> None:
        self._partition = Partition("memory", 0)
        self._values = values
        self._next = 0
        self._deliverable = asyncio.Event()
        self._deliverable.set()
        self._listener: TransportListener | None = None
        self.all_committed = asyncio.Event()

    @property
    def lease_seconds(self) -> None:
        """See `Transport`; nobody else is there."""
        return None

    async def start(self, listener: TransportListener) -> None:
        self._listener = listener
        listener.assigned([self._partition])

    async def poll(self, wait: float) -> Sequence[Message]:
        if self._next >= len(self._values):
            self._deliverable.clear()
        try:
            async with asyncio.timeout(wait):
                await self._deliverable.wait()
        except TimeoutError:
            return []
        # What aiokafka's getmany returns at most by default in practice: some hundreds.
        positions = range(self._next, min(self._next + 500, len(self._values)))
        self._next = positions.stop
        return [Message(self._partition, position, self._values[position]) for position in positions]

    def pause(self, partitions: Mapping[Partition, str]) -> None:
        self._deliverable.clear()

    def resume(self, partitions: Collection[Partition]) -> None:
        self._deliverable.set()

    async def commit(self, progress: Progress) -> None:
        if progress.positions[self._partition] >= len(self._values):
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


def calls_to(client: Client) -> TemporalCalls:
    """Makes what reaches Temporal, as the ingress program does."""
    timeouts = CallLimits(signal=timedelta(seconds=10), query=timedelta(seconds=10))
    return Caller(client, CONTRACT, task_queue=CONTRACT.default_task_queue, limits=timeouts)


def engine_over(transport: Transport, calls: TemporalCalls, *, concurrency: int) -> Engine[OrderFulfillmentEvent]:
    """Makes an engine as the ingress program does, with its limits."""
    readiness = Readiness()
    return Engine(
        name="bench",
        router=ROUTER,
        decoder=Decoder(ROUTER, "protobuf"),
        transport=transport,
        calls=calls,
        dead_letters=DeadLetterPublisher(NoOutput()),
        limits=Limits(events_per_key=events_per_key(CONTRACT), concurrent_calls=concurrency),
        metrics=SubscriptionMetrics(IngressMetrics(CollectorRegistry()), "bench"),
        source_check=readiness.add("source"),
        delivery_check=readiness.add("delivery"),
    )


async def until_all_committed(transport: MemoryTransport, engine: Engine[OrderFulfillmentEvent]) -> None:
    """Runs an engine until its last acknowledgement; it still runs then, until the program ends."""
    running = asyncio.create_task(engine.run(asyncio.Event()))
    committed = asyncio.create_task(transport.all_committed.wait())
    await asyncio.wait((running, committed), return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
