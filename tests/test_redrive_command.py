"""The redrive command of a real process, as somebody at a terminal meets it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import EmbeddedKafka, TemporalDevServer
from ameide_devstack.testing import wait_until
from ameide_process.outputs import DeadLetterRecord, SourcePosition
from order_fulfillment_generated.contract import CONTRACT

TOPIC, DEAD = "orders", "orders.dead"
NUMBER = 20


@dataclass(frozen=True)
class Terminal:
    """Runs the command, and looks into the topics."""

    kafka: EmbeddedKafka
    environ: dict[str, str]

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "order_fulfillment_generated.redrive",
            *arguments,
            env=self.environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *arguments: str) -> tuple[int | None, str, str]:
        process = await self.start(*arguments)
        out, err = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode, out.decode(), err.decode()

    async def values(self, topic: str) -> list[bytes]:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap_servers)
        await consumer.start()
        try:
            consumer.assign([TopicPartition(topic, 0)])
            await consumer.seek_to_beginning(TopicPartition(topic, 0))
            found: list[bytes] = []
            while batches := await consumer.getmany(timeout_ms=500):
                found += [record.value or b"" for records in batches.values() for record in records]
            return found
        finally:
            await consumer.stop()


def event(number: int) -> bytes:
    made = OrderFulfillmentEvent()
    made.meta.idempotency_key = f"e-{number}"
    made.meta.schema_version = 1
    made.meta.key.tenant_id, made.meta.key.order_id = "t", "o"
    made.order_placed.order_id = "o"
    return made.SerializeToString()


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncGenerator[Terminal]:
    """A process whose dead-letter stream holds events that it could not read once, and one that it never will."""
    async with EmbeddedKafka() as kafka, TemporalDevServer() as temporal:
        for topic in (TOPIC, DEAD):
            await kafka.create_topic(topic)
        transport = {"kind": "kafka", "bootstrapServers": kafka.bootstrap_servers}
        subscriptions, outputs = tmp_path / "ingress.json", tmp_path / "outputs.json"
        bindings = {each.binding_ref: {**transport, "topic": TOPIC} for each in CONTRACT.subscriptions}
        subscriptions.write_text(json.dumps(bindings))
        outputs.write_text(
            json.dumps({name: {**transport, "topic": DEAD} for name in ("dead-letter", *CONTRACT.streams)})
        )
        producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
        await producer.start()
        now = datetime.now(UTC)
        for number, value in enumerate([*map(event, range(NUMBER)), b"\xff"]):
            record = DeadLetterRecord(
                value=value,
                reason="unknown-case",
                message="the envelope [carries] no payload",
                process=CONTRACT.name,
                key=b"o",
                source=SourcePosition(CONTRACT.subscriptions[0].name, TOPIC, 0, number, now),
            ).to_output(now)
            await producer.send_and_wait(DEAD, record.value, key=record.key, headers=list(record.headers))
        await producer.stop()
        yield Terminal(
            kafka,
            {
                **os.environ,
                **temporal.environment(),
                "INGRESS_CONFIG": str(subscriptions),
                "OUTPUT_CONFIG": str(outputs),
                "COLUMNS": "200",
            },
        )


async def test_a_dry_run_says_what_would_be_and_an_execution_what_was(terminal: Terminal) -> None:
    code, out, err = await terminal.run()
    assert (code, err) == (0, "")
    assert f"dry run: {NUMBER + 1} dead letters" in out
    assert f"would replay {NUMBER} ({NUMBER} to {CONTRACT.subscriptions[0].name}: {TOPIC})" in " ".join(out.split())
    assert "the envelope [carries] no payload" in out
    assert "skipped 1 as fails-again" in out
    assert await terminal.values(TOPIC) == []

    code, out, err = await terminal.run("--execute", "--output", "json")
    assert (code, err) == (0, "")
    done = json.loads(out)
    assert (done["dryRun"], done["replayed"], done["failed"], done["left"]) == (False, NUMBER, 0, 0)
    assert done["skipped"]["fails-again"]["number"] == 1
    assert await terminal.values(TOPIC) == [event(number) for number in range(NUMBER)]

    code, out, _ = await terminal.run("--execute")
    assert code == 0
    assert f"replayed 0, skipped {NUMBER + 1}, failed 0" in out


async def test_one_that_is_killed_loses_nothing(terminal: Terminal) -> None:
    process = await terminal.start("--execute", "--rate", "5")

    async def has_begun() -> bool:
        return len(await terminal.values(TOPIC)) > 0

    await wait_until(has_begun, timeout_s=30)
    process.kill()
    await process.wait()
    before = len(await terminal.values(TOPIC))
    assert 0 < before < NUMBER
    code, out, _ = await terminal.run("--execute", "--output", "json")
    assert code == 0
    # What was replayed and not noted is replayed again, a chunk at most.
    assert NUMBER - before <= json.loads(out)["replayed"] <= NUMBER - before + 5
    assert {*await terminal.values(TOPIC)} == {event(number) for number in range(NUMBER)}


async def test_one_that_is_interrupted_says_how_far_it_came(terminal: Terminal) -> None:
    process = await terminal.start("--execute", "--rate", "5", "--output", "json")

    async def has_begun() -> bool:
        return len(await terminal.values(TOPIC)) > 0

    await wait_until(has_begun, timeout_s=30)
    process.terminate()
    out, _ = await process.communicate()
    said = json.loads(out)
    assert (process.returncode, said["stopped"]) == (130, "interrupted")
    assert said["replayed"] + said["left"] == NUMBER
    code, out, _ = await terminal.run("--execute", "--output", "json")
    assert (code, json.loads(out)["replayed"]) == (0, said["left"])
    assert await terminal.values(TOPIC) == [event(number) for number in range(NUMBER)]


async def test_what_is_wrong_is_said_at_once(terminal: Terminal) -> None:
    code, out, err = await terminal.run("--help")
    assert (code, err) == (0, "")
    assert "A dry run, unless told otherwise by --execute." in " ".join(out.split())
    for arguments, said in (
        (["--since", "yesterday"], "'yesterday' is no time"),
        (["--dead-letter", "dead"], "known are: dead-letter"),
        (["--subscription", "nobody"], "known are: "),
        (["--partition", "one"], "valid integer"),
        (["--from-position", "9", "--to-position", "3"], "--from-position 9 is above --to-position 3"),
        (["--reason", "poison"], "no dead letter has the reason 'poison'; known are: "),
        (["--excute"], "No such option"),
    ):
        code, _, err = await terminal.run(*arguments)
        assert (code, said in " ".join(err.split())) == (2, True), err
    del terminal.environ["INGRESS_CONFIG"]
    code, _, err = await terminal.run()
    assert code == 2
    assert err.startswith("order-fulfillment redrive cannot start:\n  INGRESS_CONFIG   is not set")
    assert "Traceback" not in err
