"""The ingress in tests: the whole program, looked at from outside; and an engine without a broker.

The engine has a source and a dead-letter stream in memory, the rest as in production: what happens between the source
and a real Temporal, with faults of the source and of the dead-letter stream where one wants them.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Generic

import aiohttp
from prometheus_client import CollectorRegistry
from temporalio.client import Client

from ameide_process.contract import EnvelopeT
from ameide_process.ingress._caller import Caller, CallLimits
from ameide_process.ingress._decoding import Decoder
from ameide_process.ingress._ending import Ending
from ameide_process.ingress._engine import Engine
from ameide_process.ingress._limits import Limits
from ameide_process.ingress._main import serve_ingress
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._metrics import IngressMetrics
from ameide_process.ingress._progress import Progress
from ameide_process.ingress._subscription_metrics import SubscriptionMetrics
from ameide_process.ingress._transport import PartitionLag, TransportListener
from ameide_process.outputs import DeadLetterPublisher, OutputError, OutputRecord
from ameide_process.routing import Router
from ameide_process.serving import Readiness

SUBSCRIPTION = "memory"
CALL_TIMEOUT = timedelta(seconds=2)
"""Shorter than in production, so that a test need not wait for it long."""

_POLL_RECORDS = 100


class MemoryTransport:
    """One partition in memory.

    Attributes:
        records: What was appended.
        committed: Position below which all is committed.
        endings: How messages ended, by position, where each is acknowledged by itself.
        paused: Whether the engine paused the partition.
        partition: The partition, another one after every rebalance.
        kept_for: How long the source claims to keep messages.
    """

    def __init__(self, *, acknowledges_each: bool = False) -> None:
        """Makes an empty source.

        Args:
            acknowledges_each: Messages are acknowledged each by itself, not by position.
        """
        self.records: list[Message] = []
        self.committed = 0
        self.endings: dict[int, Ending] = {}
        self.paused = False
        self._acknowledges_each = acknowledges_each
        self.partition = Partition(SUBSCRIPTION, 0, acknowledges_each)
        self.kept_for: timedelta | None = None
        self._listener: TransportListener | None = None
        self._position = 0
        self._moved = asyncio.Event()
        self._stirred = asyncio.Event()

    def append(self, value: bytes | None, headers: Sequence[tuple[str, bytes]] = (), key: bytes | None = None) -> int:
        """Adds a record and returns its position."""
        position = len(self.records)
        self.records.append(Message(self.partition, position, value, key, headers, timestamp_ms=1_700_000_000_000))
        self._stirred.set()
        return position

    async def until_committed(self, position: int) -> None:
        """Returns once the record at a position is committed."""
        while self.committed <= position:
            self._moved.clear()
            await self._moved.wait()

    async def rebalance(self) -> None:
        """Takes the partition away and gives it back, as a group does when members come and go."""
        if self._listener is not None:
            await self._listener.revoked([self.partition])
            self.paused = False
            await self.start(self._listener)
            self._stirred.set()

    @property
    def lease_seconds(self) -> None:
        """See `Transport`; nobody else is there."""
        return None

    async def start(self, listener: TransportListener) -> None:
        """Assigns the partition; see `Transport`."""
        self._listener = listener
        self.partition = Partition(SUBSCRIPTION, 0, self._acknowledges_each)
        self._position = self.committed
        listener.assigned([self.partition])

    async def poll(self, wait: float) -> Sequence[Message]:
        """Returns records; see `Transport`."""
        if self.paused or self._position >= len(self.records):
            self._stirred.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._stirred.wait()
            return []
        found = self.records[self._position : self._position + _POLL_RECORDS]
        self._position += len(found)
        partition = self.partition
        return [
            Message(partition, each.position, each.value, each.key, each.headers, each.timestamp_ms)
            for each in found
            if each.position not in self.endings
        ]

    def pause(self, partitions: Mapping[Partition, str]) -> None:
        """Stops delivery; see `Transport`."""
        self.paused = self.paused or self.partition in partitions

    def resume(self, partitions: Collection[Partition]) -> None:
        """Goes on with delivery; see `Transport`."""
        self.paused = self.paused and self.partition not in partitions
        self._stirred.set()

    async def commit(self, progress: Progress) -> None:
        """Remembers what is done; see `Transport`."""
        self.committed = progress.positions.get(self.partition, self.committed)
        for each in progress.messages.get(self.partition, ()):
            self.endings[each.message.position] = each.ending
        while self.committed in self.endings:
            self.committed += 1
        self._moved.set()

    async def lag(self) -> Sequence[PartitionLag]:
        """Says what is left; see `Transport`."""
        return [PartitionLag(self.partition, len(self.records) - self.committed)]

    async def retention(self) -> timedelta | None:
        """Says what `kept_for` says; see `Transport`."""
        return self.kept_for

    async def stop(self) -> None:
        """Revokes the partition; see `Transport`."""
        if self._listener is not None:
            await self._listener.revoked([self.partition])


class MemoryOutput:
    """A dead-letter stream in memory.

    Attributes:
        records: What it took.
        failure: What it raises instead of taking; None while it works.
    """

    def __init__(self) -> None:
        self.records: list[OutputRecord] = []
        self.failure: OutputError | None = None

    async def publish(self, record: OutputRecord) -> None:
        """Takes a record, or fails; see `Output`."""
        if self.failure is not None:
            raise self.failure
        self.records.append(record)

    async def look(self) -> None:
        """Fails as a record would; see `Output`."""
        if self.failure is not None:
            raise self.failure

    async def close(self) -> None:
        """Does nothing; see `Output`."""

    def reasons(self) -> dict[bytes, str]:
        """Returns the reason of each dead letter by its original bytes."""
        return {each.value: (dict(each.headers)["dead-letter-reason"] or b"").decode() for each in self.records}


class MemoryIngress(Generic[EnvelopeT]):
    """An engine between a source in memory and Temporal.

    Attributes:
        transport: Its source.
        dead_letters: Its dead-letter stream.
        source_check: Whether messages can come.
        delivery_check: Whether they go.
        engine: The engine itself.
    """

    def __init__(
        self,
        router: Router[EnvelopeT],
        client: Client,
        limits: Limits,
        *,
        acknowledges_each: bool,
        call_timeout: timedelta,
    ) -> None:
        """Prepares the engine.

        Args:
            router: Of the process.
            client: Connection to Temporal.
            limits: Bounds.
            acknowledges_each: The source is acknowledged message by message, not by position.
            call_timeout: Deadline of calls to Temporal.
        """
        self.transport = MemoryTransport(acknowledges_each=acknowledges_each)
        self.dead_letters = MemoryOutput()
        readiness = Readiness()
        self.source_check = readiness.add("source")
        self.delivery_check = readiness.add("delivery")
        self._registry = CollectorRegistry()
        self.engine = Engine(
            name=SUBSCRIPTION,
            router=router,
            decoder=Decoder(router, "protobuf"),
            transport=self.transport,
            calls=Caller(
                client,
                router.contract,
                task_queue=router.contract.default_task_queue,
                limits=CallLimits(signal=call_timeout, query=call_timeout),
            ),
            dead_letters=DeadLetterPublisher(self.dead_letters),
            limits=limits,
            metrics=SubscriptionMetrics(IngressMetrics(self._registry), SUBSCRIPTION),
            source_check=self.source_check,
            delivery_check=self.delivery_check,
        )

    def append(self, event: EnvelopeT) -> int:
        """Adds an event to the source and returns its position."""
        return self.transport.append(event.SerializeToString())

    def append_all(self, events: Iterable[EnvelopeT]) -> int:
        """Adds events, one at least, and returns the position of the last."""
        return max(self.append(event) for event in events)

    async def committed(self, position: int, *, within: float = 15.0) -> None:
        """Returns once the record at a position is committed.

        Args:
            position: The position.
            within: Seconds.

        Raises:
            TimeoutError: It is not, within that time.
        """
        async with asyncio.timeout(within):
            await self.transport.until_committed(position)

    def metric(self, name: str, **labels: str) -> float:
        """Returns a metric's value; 0 where it has none yet."""
        return self._registry.get_sample_value(name, {"subscription": SUBSCRIPTION, **labels}) or 0.0


MemoryIngressFactory = Callable[..., contextlib.AbstractAsyncContextManager[MemoryIngress[Any]]]
"""Takes a client and, if need be, limits."""


@contextlib.asynccontextmanager
async def memory_ingress(
    router: Router[EnvelopeT],
    client: Client,
    limits: Limits | None = None,
    *,
    acknowledges_each: bool = False,
    call_timeout: timedelta = CALL_TIMEOUT,
) -> AsyncGenerator[MemoryIngress[EnvelopeT]]:
    """Runs an engine between a source in memory and Temporal; it stops gracefully when the block ends.

    Args:
        router: Of the process.
        client: Connection to Temporal.
        limits: Bounds; production's when not given.
        acknowledges_each: The source is acknowledged message by message, not by position.
        call_timeout: Deadline of calls to Temporal.
    """
    limits = limits or Limits(events_per_key=2048)
    ingress = MemoryIngress(router, client, limits, acknowledges_each=acknowledges_each, call_timeout=call_timeout)
    stop = asyncio.Event()
    running = asyncio.create_task(ingress.engine.run(stop))
    try:
        yield ingress
    finally:
        stop.set()
        await running


class IngressProgram:
    """A running ingress program, and the ways to look at it.

    Attributes:
        stop: Ends it gracefully when set.
    """

    def __init__(self, base: str, http: aiohttp.ClientSession) -> None:
        """Takes where it is served.

        Args:
            base: URL without a path.
            http: Asks there.
        """
        self._base = base
        self._http = http
        self.stop = asyncio.Event()

    async def get(self, path: str) -> tuple[int, str]:
        """Returns status and body of a page; 0 while nothing is served."""
        try:
            async with self._http.get(self._base + path) as response:
                return response.status, await response.text()
        except aiohttp.ClientError:
            return 0, ""

    async def checks(self) -> dict[str, tuple[bool, str]]:
        """Returns what `/readyz` says: whether each check passes, and its reason."""
        _, body = await self.get("/readyz")
        return {
            check["name"]: (check["ok"], check["reason"]) for check in json.loads(body or '{"checks": []}')["checks"]
        }

    async def is_ready(self) -> bool:
        """Whether `/readyz` says so."""
        return (await self.get("/readyz"))[0] == 200


@contextlib.asynccontextmanager
async def ingress_program(router: Router[EnvelopeT], environ: Mapping[str, str]) -> AsyncGenerator[IngressProgram]:
    """Runs the ingress program in this loop; it stops gracefully when the block ends.

    Args:
        router: Of the process.
        environ: What it is told from outside; HTTP_HOST and PORT_HTTP say where it serves.
    """
    async with aiohttp.ClientSession() as http:
        program = IngressProgram(f"http://{environ['HTTP_HOST']}:{environ['PORT_HTTP']}", http)
        running = asyncio.create_task(serve_ingress(router, environ, program.stop))
        try:
            yield program
        finally:
            program.stop.set()
            await running
