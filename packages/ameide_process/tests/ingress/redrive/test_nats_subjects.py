"""What came from a NATS stream goes back on the subject that it came on."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import NatsServer, TemporalDevServer
from ameide_devstack.testing import wait_until
from ameide_process.configuration import NatsOutput
from ameide_process.contract import Subscription
from ameide_process.ingress.testing import IngressProgram, ingress_program
from ameide_process.outputs import DeadLetterPublisher, DeadLetterRecord, open_output
from ameide_process.redrive._account import Account
from ameide_process.redrive._fallback import Fallback
from ameide_process.redrive._run import Request, redrive
from ameide_process.redrive._selection import Consent, Filter, Skip
from nats.aio.client import Client
from nats.js import JetStreamContext
from redrive_stage import OrderRouter, Received, of_next_version

SUBJECTS = ["in.a.1", "in.a.2", "in.b.1"]


@dataclass(frozen=True)
class Streams:
    """A stream of events with its dead letters, and what runs beside it."""

    server: NatsServer
    context: JetStreamContext
    environ: Mapping[str, str]
    folder: Path
    present: OrderRouter
    following: OrderRouter

    def read(self, settings: Mapping[str, Any]) -> None:
        source = {"kind": "nats", "servers": [self.server.address], "stream": "IN", **settings}
        (self.folder / "ingress.json").write_text(json.dumps({"orders-facts": source}))

    def ingress(self, router: OrderRouter) -> AbstractAsyncContextManager[IngressProgram]:
        return ingress_program(router, self.environ)

    async def subjects(self, stream: str) -> dict[str, int]:
        """How many messages each subject has."""
        return (await self.context.stream_info(stream, subjects_filter=">")).state.subjects or {}

    async def redrive(self, fallback: Fallback | None = None) -> Account:
        request = Request(
            execute=True,
            chosen=Filter(),
            consent=Consent(),
            fallback=fallback or Fallback(),
            dead_letters=(),
            limit=None,
            rate=1_000,
            samples=3,
            now=datetime.now(UTC),
        )
        return await redrive(self.following, self.environ, request, progress=_ignore, stop=asyncio.Event())

    async def give_up_as_the_worker(self, value: bytes) -> None:
        settings = NatsOutput.model_validate({"kind": "nats", "servers": self.server.address, "subject": "dead"})
        publisher = DeadLetterPublisher(open_output("dead-letter", settings))
        process = self.present.contract.name
        await publisher.publish(DeadLetterRecord(value=value, reason="undecodable", message="", process=process))
        await publisher.close()


def _ignore(what: str, done: int, total: int) -> None:
    del what, done, total


@pytest.fixture
def routers(
    router: OrderRouter, next_router: OrderRouter, monkeypatch: pytest.MonkeyPatch
) -> tuple[OrderRouter, OrderRouter]:
    """That of the process, and that of its next version, with a subscription by NATS."""
    by_nats = (Subscription(name="orders-facts", kind="nats", binding_ref="orders-facts"),)
    for each in (router, next_router):
        monkeypatch.setattr(each, "contract", dataclasses.replace(each.contract, subscriptions=by_nats))
    return router, next_router


@pytest.fixture
async def streams(
    temporal: TemporalDevServer, routers: tuple[OrderRouter, OrderRouter], tmp_path: Path, unused_tcp_port: int
) -> AsyncGenerator[Streams]:
    async with NatsServer() as server:
        await server.create_stream("IN", ["in.>"])
        await server.create_stream("DEAD", ["dead"])
        dead = {"kind": "nats", "servers": [server.address], "subject": "dead"}
        (tmp_path / "outputs.json").write_text(json.dumps({"dead-letter": dead}))
        environ = {
            **temporal.environment(),
            "INGRESS_CONFIG": str(tmp_path / "ingress.json"),
            "OUTPUT_CONFIG": str(tmp_path / "outputs.json"),
            "PORT_HTTP": str(unused_tcp_port),
            "HTTP_HOST": "127.0.0.1",
        }
        client = Client()
        await client.connect(f"nats://{server.address}")
        yield Streams(server, JetStreamContext(client), environ, tmp_path, *routers)
        await client.close()


@pytest.mark.parametrize(
    ("order", "settings"),
    [
        ("all", {}),
        ("wildcard", {"subjects": ["in.>"]}),
        ("literal", {"subjects": SUBJECTS}),
        ("partitions", {"partitions": ["in.a.*", "in.b.*"]}),
    ],
)
async def test_poison_goes_back_on_its_subject(
    streams: Streams,
    order_placed: Callable[..., OrderFulfillmentEvent],
    received: Received,
    order: str,
    settings: dict[str, Any],
) -> None:
    streams.read(settings)
    order = f"nats-{order}"
    async with streams.ingress(streams.present) as ingress:
        await wait_until(ingress.is_ready, timeout_s=30)
        for number, subject in enumerate(SUBJECTS):
            value = of_next_version(order_placed(order, f"e-{number}"))
            # As a producer with optimistic concurrency writes; the dead-letter stream is another one.
            headers = {"Nats-Expected-Stream": "IN", "Nats-Msg-Id": str(number)}
            await streams.context.publish(subject, value, headers=headers)

        async def given_up() -> bool:
            return await streams.subjects("DEAD") == {"dead": len(SUBJECTS)}

        await wait_until(given_up, timeout_s=30)
    await streams.give_up_as_the_worker(of_next_version(order_placed(order, "of-worker")))

    done = await streams.redrive()
    assert (done.replayed, done.skipped, done.by_target) == (3, {Skip.NO_TARGET: 1}, {"orders-facts: IN": 3})
    assert any("name a subject of it with --to-source" in each for each in done.warnings)
    assert await streams.subjects("IN") == dict.fromkeys(SUBJECTS, 2)
    for elsewhere, said in (("dead", "another stream than IN takes this"), ("nobody.listens", "no stream takes this")):
        done = await streams.redrive(Fallback(source=elsewhere))
        assert (done.replayed, done.left, done.exit_code) == (0, 1, 1)
        assert said in done.stopped
        assert any(f"{elsewhere!r} reaches it only if the server maps it" in each for each in done.warnings)
    done = await streams.redrive(Fallback(source="in.a.1"))
    assert (done.replayed, done.skipped) == (1, {Skip.REDRIVEN: 3})
    assert await streams.subjects("IN") == {**dict.fromkeys(SUBJECTS, 2), "in.a.1": 3}

    async with streams.ingress(streams.following) as ingress:
        await wait_until(ingress.is_ready, timeout_s=30)

        async def all_there() -> bool:
            return sorted(await received(order)) == ["e-0", "e-1", "e-2", "of-worker"]

        await wait_until(all_there, timeout_s=30)
