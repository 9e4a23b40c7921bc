"""The servers and programs of a run, and the ways to hurt them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import aiohttp
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from ameide_devstack import ApacheKafka, Program, TemporalDevServer
from ameide_process.converter import DATA_CONVERTER
from event_journal_generated.contract import CONTRACT, PROCESS_NAME
from prometheus_client.parser import text_string_to_metric_families
from temporalio.client import Client

TOPIC = "journal-entries"
DEAD_LETTER_TOPIC = "journal.dead-letter"
GROUP = "chaos"
PARTITIONS = 12

SESSION_SECONDS = 6
"""After so long the group gives the partitions of a killed member to others."""

ANSWER_SECONDS = 3
"""A program that hangs does not answer."""

CONTINUE_AS_NEW_AFTER = 60
"""Events of history after which the server suggests to continue as new, so that many workflows do during a run; its own
default is 4,096."""


class Position(NamedTuple):
    """Where a message stands in the source."""

    partition: TopicPartition
    offset: int


@dataclass
class Deployment:
    """What runs.

    Attributes:
        dead_letters: A broker of its own, so that dead letters can be away while events come.
        ingress: Members of the consumer group; some may be down.
        workers: Some may be down.
    """

    folder: Path
    temporal: TemporalDevServer
    kafka: ApacheKafka
    dead_letters: ApacheKafka
    client: Client
    environment: dict[str, str]
    ingress: list[Program] = field(default_factory=list[Program])
    workers: list[Program] = field(default_factory=list[Program])

    def program(self, kind: str, number: int) -> Program:
        """Makes a program that is not started."""
        return Program(
            f"event_journal_generated.{kind}",
            self.environment,
            data_dir=self.folder / f"{kind}-{number}",
            # What it needs may be away, and it says so by `/readyz`.
            wait_until_ready=False,
        )

    async def committed(self) -> dict[TopicPartition, int]:
        """Asks where the consumer group is."""
        async with self._admin() as admin:
            offsets = await admin.list_consumer_group_offsets(GROUP)
        return {partition: offset.offset for partition, offset in offsets.items()}

    async def has_committed(self, position: Position) -> bool:
        """Whether the consumer group is past a message."""
        return (await self.committed()).get(position.partition, 0) > position.offset

    async def ingress_metric(self, name: str, **labels: str) -> float:
        """Adds a metric up over all members of the ingress."""
        total = 0.0
        for program in self.ingress:
            if not program.running:
                continue
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with asyncio.timeout(ANSWER_SECONDS):
                    _, page = await program.get("/metrics")
                total += sum(
                    sample.value
                    for family in text_string_to_metric_families(page)
                    for sample in family.samples
                    if sample.name == name and labels.items() <= sample.labels.items()
                )
        return total

    async def ingress_says(self, word: str) -> str:
        """Looks for a reason in `/readyz` of the ingress.

        Returns:
            The first one with that word in it; empty: there is none.
        """
        for program in self.ingress:
            if not program.running:
                continue
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with asyncio.timeout(ANSWER_SECONDS):
                    _, body = await program.get("/readyz")
                for check in json.loads(body)["checks"]:
                    if word in check["reason"]:
                        return check["reason"]
        return ""

    @contextlib.asynccontextmanager
    async def _admin(self) -> AsyncGenerator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap_servers)
        try:
            await admin.start()
            yield admin
        finally:
            with contextlib.suppress(KafkaError, OSError):
                await admin.close()


@contextlib.asynccontextmanager
async def deployed(folder: Path, *, ingress: int, workers: int) -> AsyncGenerator[Deployment]:
    """Runs servers and programs for the time of a block.

    Args:
        folder: For data and logs.
        ingress: Members of the consumer group.
        workers: Workers.
    """
    config = {"limit.historyCount.suggestContinueAsNew": CONTINUE_AS_NEW_AFTER}
    async with (
        TemporalDevServer(db_filename=folder / "temporal.db", dynamic_config=config) as temporal,
        ApacheKafka() as kafka,
        ApacheKafka() as dead_letters,
    ):
        await kafka.create_topic(TOPIC, partitions=PARTITIONS)
        await dead_letters.create_topic(DEAD_LETTER_TOPIC)
        broker = {"kind": "kafka", "bootstrapServers": kafka.bootstrap_servers}
        source = broker | {"topic": TOPIC, "consumerGroup": GROUP, "sessionTimeoutSeconds": SESSION_SECONDS}
        files = {
            "INGRESS_CONFIG": {subscription.binding_ref: source for subscription in CONTRACT.subscriptions},
            "OUTPUT_CONFIG": {
                "dead-letter": broker | {"bootstrapServers": dead_letters.bootstrap_servers, "topic": DEAD_LETTER_TOPIC}
            },
        }
        for name, content in files.items():
            (folder / name).write_text(json.dumps(content))
        environment = temporal.environment() | {name: str(folder / name) for name in files}
        client = await temporal.connect(data_converter=DATA_CONVERTER)
        deployment = Deployment(
            folder, temporal, kafka, dead_letters, client, environment | {"PROCESS_NAME": PROCESS_NAME}
        )
        deployment.ingress = [deployment.program("ingress", number) for number in range(ingress)]
        deployment.workers = [deployment.program("worker", number) for number in range(workers)]
        try:
            await asyncio.gather(*(each.start() for each in deployment.ingress + deployment.workers))
            yield deployment
        finally:
            await asyncio.gather(*(each.kill() for each in deployment.ingress + deployment.workers))
            await asyncio.gather(*(each.close() for each in deployment.ingress + deployment.workers))
