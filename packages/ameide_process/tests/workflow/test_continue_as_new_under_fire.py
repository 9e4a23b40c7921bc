"""A process that continues as new all the time, under more events than it can handle, loses and doubles none."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import ReserveStockRequest
from google.protobuf.message import Message
from workflow_samples import toiler
from workflow_samples.workflow import logged
from workflow_stage import SampleWorkflow, Stage, end, envelope, payment, shipment

SENDERS = "abcd"

SIGNALS = 100
"""Of each sender."""

EVENTS_PER_SIGNAL = 50
"""The handler of the last one calls an activity."""

EVENTS = len(SENDERS) * SIGNALS * EVENTS_PER_SIGNAL

REPEATED = 10
"""Every so many signals, one is sent twice, as the ingress does after a restart."""

RUNS = 20

BACKLOG = 2000
"""Waiting events at which the senders hold back, which keeps so many waiting from the first run to the last. Half the
dedupe window, so that no repetition leaves it."""

POLL_SECONDS = 0.05


class Backlog:
    """What a process says of itself while senders are ahead of it.

    Attributes:
        behind: The most waiting events seen in each run.
    """

    def __init__(self, workflow: SampleWorkflow) -> None:
        self._workflow = workflow
        self._room = asyncio.Event()
        self.behind: Counter[int] = Counter()

    async def watch(self) -> None:
        """Asks until it is cancelled."""
        while True:
            progress = await self._workflow.progress()
            self.behind[progress.run_epoch] = max(self.behind[progress.run_epoch], progress.pending)
            (self._room.clear if progress.pending >= BACKLOG else self._room.set)()
            await asyncio.sleep(POLL_SECONDS)

    async def room(self) -> None:
        """Waits while too many events wait."""
        await self._room.wait()


def _signals(sender: str) -> Iterator[list[Message]]:
    numbers = iter(range(SIGNALS * EVENTS_PER_SIGNAL))
    for _ in range(SIGNALS):
        *notes, last = (f"{sender}-{number}" for number in itertools.islice(numbers, EVENTS_PER_SIGNAL))
        yield [*(envelope(payment(name), name) for name in notes), envelope(shipment(last), last)]


async def test_20_000_events_cross_twenty_runs_in_order_and_once(eager_stage: Stage) -> None:
    workflow = eager_stage.workflow()
    backlog = Backlog(workflow)

    async def stream(sender: str) -> None:
        for number, events in enumerate(_signals(sender)):
            await backlog.room()
            for _ in range(2 if number % REPEATED == 0 else 1):
                await workflow.send_events(*events)

    await workflow.send_events(envelope(payment("first"), "first"))
    async with eager_stage.worker(toiler.PARTS):
        watching = asyncio.create_task(backlog.watch())
        await asyncio.gather(*map(stream, SENDERS))
        watching.cancel()
        await workflow.send(end())
        await workflow.result()
        noted = logged(await workflow.state())
        progress = await workflow.progress()

    assert progress.run_epoch >= RUNS
    assert sum(pending >= BACKLOG // 2 for pending in backlog.behind.values()) >= RUNS // 2
    counts = progress.counts
    repeated = EVENTS_PER_SIGNAL * len(SENDERS) * len(range(0, SIGNALS, REPEATED))
    assert (counts.applied, counts.duplicates, counts.failed, counts.late) == (EVENTS + 2, repeated, 0, 0)
    assert len(noted) == EVENTS + 1
    for sender in SENDERS:
        sent = [f"{sender}-{number}" for number in range(SIGNALS * EVENTS_PER_SIGNAL)]
        assert [name for name in noted if name.startswith(sender)] == sent
    by_handlers = {f"{sender}-{number}" for sender in SENDERS for number in _last_of_each_signal()}
    by_run = {f"toil-{share}" for share in range((EVENTS + 1) // toiler.SHARE)}
    requests = eager_stage.activities.requests("reserve")
    asked = [line.sku for request in requests if isinstance(request, ReserveStockRequest) for line in request.lines]
    assert Counter(asked) == Counter(by_handlers | by_run)
    assert len(eager_stage.activities.effects()) == len(asked)
    assert eager_stage.dead_letters == []


def _last_of_each_signal() -> range:
    return range(EVENTS_PER_SIGNAL - 1, SIGNALS * EVENTS_PER_SIGNAL, EVENTS_PER_SIGNAL)
