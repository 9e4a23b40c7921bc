"""The proof under faults: every event is applied exactly once, in order, or dead-lettered with its reason.

Starts real servers and programs, publishes a workload, breaks things meanwhile, and at the end asks every workflow and
the dead-letter topic what became of each event.
"""

import asyncio
import logging
import random
import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Self

import typer
from accounting import Journal, read_dead_letters, read_journals, settle
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from ameide_devstack import DevstackError
from deployment import DEAD_LETTER_TOPIC, PARTITIONS, TOPIC, Deployment, Position, deployed
from faults import Faults
from report import Measured, Parameters, complaints, page, rows, table
from rich.console import Console
from rich.text import Text
from temporalio.service import RPCError
from workload import HOT_KEY, Record, Workload

PATIENCE = 180.0
"""Seconds without any progress after which a run has failed."""

PARKING_PATIENCE = 300.0
"""Seconds within which the hot key must be parked."""

CHUNK = 500
"""Messages published at a time: a burst of a key is mostly in one, so that its events share a signal."""

POISON_AT_ONCE = 5
"""Messages that can never be delivered, published when the dead-letter topic goes."""

STATUS_INTERVAL = 10.0
"""Seconds between two words of progress."""

OVER_BUDGET = "over-budget"

console = Console(soft_wrap=True, highlight=False)
app = typer.Typer(add_completion=False)


class ChaosError(Exception):
    """The run came to no end; the message says where it stands."""


@app.command()
def main(  # noqa: PLR0917 - the options of the command
    events: Annotated[int, typer.Option(min=100, help="Events, the hot key's included.")] = 100_000,
    keys: Annotated[int, typer.Option(min=20, help="Keys, each with a workflow of its own.")] = 2_000,
    hot_events: Annotated[
        int, typer.Option(min=0, help="Events of 20 KB for one key while no worker runs; 1,100 reach its budget.")
    ] = 2_800,
    seed: Annotated[int, typer.Option(help="Decides on events and on the order of faults.")] = 1,
    seconds: Annotated[int, typer.Option(min=10, help="How long to publish; faults go on as long.")] = 600,
    ingress: Annotated[int, typer.Option(min=1, help="Members of the ingress.")] = 2,
    workers: Annotated[int, typer.Option(min=1, help="Workers.")] = 2,
    report: Annotated[Path | None, typer.Option(help="Where to write the report, as Markdown.")] = None,
    logs: Annotated[Path | None, typer.Option(help="Where to keep data and logs; deleted when not given.")] = None,
) -> None:
    """Publish events under faults, and account for each of them.

    Exits 0 when nothing is lost, doubled or out of order, 1 when something is, or when the run comes to no end.
    """
    # The publisher says of every connection that is refused while the broker is down.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    parameters = Parameters(events, keys, hot_events, seed, seconds, ingress, workers)
    if events < keys + hot_events:
        console.print(f"[bold red]wrong options:[/] {events} events are too few for {keys} keys and a hot key")
        raise typer.Exit(2)
    folder = logs.absolute() if logs else Path(tempfile.mkdtemp(prefix="ameide-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        clean, written = asyncio.run(Run(parameters, folder).execute())
    except (ChaosError, DevstackError, RPCError, KafkaError, TimeoutError) as error:
        console.print("[bold red]the run cannot go on:[/]", Text(f"{type(error).__name__}: {error}"))
        console.print(f"data and logs: {folder}")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(written)
        console.print(f"wrote {report}")
    if clean and logs is None:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        console.print(f"data and logs: {folder}")
    raise typer.Exit(0 if clean else 1)


@dataclass
class Run:
    """One run."""

    parameters: Parameters
    folder: Path
    began: float = field(default_factory=time.monotonic)
    measured: Measured = field(default_factory=Measured)

    async def execute(self) -> tuple[bool, str]:
        """Runs it all and prints the result.

        Returns:
            Whether everything is accounted for, and the report.
        """
        asked = self.parameters
        workload = Workload(asked.events, asked.keys, asked.hot_events, asked.seed)
        self._say(f"starting servers, {asked.ingress} members of the ingress and {asked.workers} workers")
        async with deployed(self.folder, ingress=asked.ingress, workers=asked.workers) as deployment:
            source = random.Random(f"{asked.seed} faults")  # noqa: S311 - the same order in every run
            async with _Publisher(deployment) as publisher:
                faults = Faults(
                    deployment,
                    source,
                    self._say,
                    poison=lambda: publisher.publish(workload.more_poison(POISON_AT_ONCE)),
                    stream=lambda: publisher.publish(workload.stream()),
                    pause=1.5 if asked.seconds < 120 else 4.0,
                )
                await self._publish_under_faults(workload, deployment, publisher, faults)
            self.measured.published = publisher.published
            began = time.monotonic()
            journals = await self._until_handled(workload, deployment)
            self.measured.settled_seconds = time.monotonic() - began - self.measured.reading_seconds
            letters = await read_dead_letters(deployment.dead_letters.bootstrap_servers, DEAD_LETTER_TOPIC)
        account = settle(workload, journals, letters)
        sections = rows(workload, account, letters, faults.counts, self.measured)
        console.print(table(sections))
        for complaint in complaints(account):
            console.print(Text(complaint), style="red")
        return account.clean, page(asked, sections)

    async def _publish_under_faults(
        self, workload: Workload, deployment: Deployment, publisher: "_Publisher", faults: Faults
    ) -> None:
        began = time.monotonic()
        publishing = asyncio.create_task(self._publish(workload, publisher))
        breaking = asyncio.create_task(self._break(workload, deployment, publisher, faults, publishing))
        # One that fails ends the other.
        done, pending = await asyncio.wait([publishing, breaking], return_when=asyncio.FIRST_EXCEPTION)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task in done:
            task.result()
        self.measured.publishing_seconds = time.monotonic() - began

    async def _publish(self, workload: Workload, publisher: "_Publisher") -> None:
        """Publishes all but the hot key's events, evenly over the time of the run."""
        asked = self.parameters
        rate = (asked.events - asked.hot_events) / asked.seconds
        began = said = time.monotonic()
        chunk: list[Record] = []
        sent = 0
        for record in workload.records():
            chunk.append(record)
            if len(chunk) < CHUNK:
                continue
            await publisher.publish(chunk)
            sent += len(chunk)
            chunk = []
            await asyncio.sleep(max(0.0, began + sent / rate - time.monotonic()))
            if time.monotonic() - said >= STATUS_INTERVAL:
                said = time.monotonic()
                self._say(f"published {sent:,} of about {asked.events - asked.hot_events:,}")
        if chunk:
            await publisher.publish(chunk)

    async def _break(
        self,
        workload: Workload,
        deployment: Deployment,
        publisher: "_Publisher",
        faults: Faults,
        publishing: asyncio.Task[None],
    ) -> None:
        """Lets every fault happen once, takes the workers away, and goes on until all is published."""
        await faults.round()
        if workload.hot_events:
            await self._without_workers(workload, deployment, publisher, faults)
        while not publishing.done():
            await faults.round()

    async def _without_workers(
        self, workload: Workload, deployment: Deployment, publisher: "_Publisher", faults: Faults
    ) -> None:
        """Takes all workers away until the hot key has reached its budget."""
        what = "all workers away until the hot key was parked"
        faults.counts[what] += 1
        self._say(what.replace("was", "is"))
        await asyncio.gather(*(each.kill() for each in deployment.workers))
        await publisher.publish(workload.hot_records())
        deadline = time.monotonic() + PARKING_PATIENCE
        name, verdict = "ameide_ingress_call_failures_total", OVER_BUDGET
        while not (said := await deployment.ingress_says("parked")) or not await deployment.ingress_metric(
            name, verdict=verdict
        ):
            if time.monotonic() > deadline:
                raise ChaosError(f"the hot key was not parked within {PARKING_PATIENCE:g} s; are its events enough?")
            await asyncio.sleep(0.5)
        # It stays so, however long nobody comes.
        await asyncio.sleep(5)
        handle = deployment.client.get_workflow_handle(workload.keys[HOT_KEY].workflow_id)
        info = (await handle.describe()).raw_description.workflow_execution_info
        self.measured.hot_history_bytes = info.history_size_bytes
        self.measured.hot_history_events = info.history_length
        self.measured.hot_said = said
        self._say(
            f"the hot key is parked with a history of {info.history_size_bytes / 2**20:.1f} MB; workers come back"
        )
        await asyncio.gather(*(each.start() for each in deployment.workers))

    async def _until_handled(self, workload: Workload, deployment: Deployment) -> dict[str, Journal]:
        """Returns what the workflows say once everything is committed and nothing waits in a workflow.

        Raises:
            ChaosError: Nothing moves any more.
        """
        self._say("everything is published; no more faults; waiting until all is handled")
        ends = await _ends(deployment)
        last, moved = -1, time.monotonic()
        while True:
            committed = await deployment.committed()
            left = sum(end - committed.get(partition, 0) for partition, end in ends.items())
            if left != last:
                last, moved = left, time.monotonic()
                self._say(f"{left:,} messages are not committed")
            if not left:
                break
            if time.monotonic() - moved > PATIENCE:
                raise ChaosError(f"{left} messages are not committed, and nothing has moved for {PATIENCE:g} s")
            await asyncio.sleep(2)
        self._say(f"asking {len(workload.keys):,} workflows what they applied")
        keys = list(workload.keys.values())
        journals: dict[str, Journal] = {}
        handled, moved = -1, time.monotonic()
        while True:
            began = time.monotonic()
            journals |= await read_journals(deployment.client, keys)
            self.measured.reading_seconds = time.monotonic() - began
            keys = [key for key in keys if journals[key.name].progress.pending]
            if not keys:
                return journals
            total = sum(len(each.numbers) for each in journals.values())
            if total != handled:
                handled, moved = total, time.monotonic()
            if time.monotonic() - moved > PATIENCE:
                raise ChaosError(f"{len(keys)} workflows have events that they do not handle: {keys[0].workflow_id}, …")
            await asyncio.sleep(2)

    def _say(self, what: str) -> None:
        console.print(f"{time.monotonic() - self.began:6.0f} s  {what}")


class _Publisher:
    """Publishes each record exactly once and in order, however often the broker goes."""

    def __init__(self, deployment: Deployment) -> None:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=deployment.kafka.bootstrap_servers,
            enable_idempotence=True,
            request_timeout_ms=int(PATIENCE * 1000),
            linger_ms=5,
        )
        self.published = 0

    async def publish(self, records: Iterable[Record]) -> Position:
        """Returns once the broker has the records, of which there is one at least.

        Returns:
            Where the last one stands.
        """
        sent = [await self._producer.send(TOPIC, each.value, key=each.key.encode()) for each in records]
        stored = await asyncio.gather(*sent)
        self.published += len(sent)
        return Position(stored[-1].topic_partition, stored[-1].offset)

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()


async def _ends(deployment: Deployment) -> dict[TopicPartition, int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=deployment.kafka.bootstrap_servers)
    await consumer.start()
    try:
        return await consumer.end_offsets([TopicPartition(TOPIC, number) for number in range(PARTITIONS)])
    finally:
        await consumer.stop()


if __name__ == "__main__":
    app()
