"""Replayed messages stand in the order of their source, in one run or in several."""

import asyncio
import random
from collections.abc import Callable

import pytest
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_process.outputs import (
    OutputRecord,
    OutputUnavailableError,
)
from ameide_process.outputs._kafka import KafkaTopicOutput
from ameide_process.redrive import _order
from ameide_process.redrive._order import WINDOW_BYTES
from ameide_process.redrive._selection import Consent, Skip
from redrive_stage import PARTITIONS, OrderRouter, PlaceFactory, give_up_by_hand, letter_from, of_next_version


@pytest.mark.parametrize("key", [None, b"k"], ids=["without-key", "with-key"])
@pytest.mark.parametrize("window_bytes", [WINDOW_BYTES, 1], ids=["one-window", "many-windows"])
async def test_what_is_replayed_stands_in_its_partition_in_its_order(
    places: PlaceFactory, monkeypatch: pytest.MonkeyPatch, key: bytes | None, window_bytes: int
) -> None:
    monkeypatch.setattr(_order, "WINDOW_BYTES", window_bytes)
    async with places(f"ordered-{key is not None}-{window_bytes}") as at:
        letters = [letter_from(at, partition, position, key=key) for partition in (0, 1) for position in range(6)]
        # As they come: those of a lane that was parked, of a batch, of one at a time.
        random.Random(7).shuffle(letters)  # noqa: S311 - no secret
        await give_up_by_hand(at, letters)
        first = await at.redrive(consent=Consent(failing=True), limit=4)
        assert (first.replayed, first.skipped) == (4, {Skip.OVER_LIMIT: 8})
        rest = await at.redrive(consent=Consent(failing=True))
        assert (rest.replayed, rest.skipped) == (8, {Skip.REDRIVEN: 4})
        for partition in (0, 1):
            values = [record.value for record in await at.stored() if record.partition == partition]
            assert values == [f"{partition}/{position}".encode() for position in range(6)]


async def test_what_came_from_a_partition_that_is_gone_is_replayed_too(places: PlaceFactory) -> None:
    async with places("fewer") as at:
        await give_up_by_hand(at, [letter_from(at, PARTITIONS + 5, 3, key=b"k")])
        done = await at.redrive(consent=Consent(failing=True))
        assert (done.replayed, done.stopped) == (1, "")
        assert [record.value for record in await at.stored()] == [f"{PARTITIONS + 5}/3".encode()]


async def test_what_is_interrupted_or_fails_goes_on_in_another_run(
    places: PlaceFactory,
    order_placed: Callable[..., OrderFulfillmentEvent],
    next_router: OrderRouter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with places("broken-off") as at:
        for number in range(6):
            await at.send(of_next_version(order_placed(f"broken-off-{number}", f"e-{number}")))
        await at.give_up(6)
        publish, source_writes = KafkaTopicOutput.publish, 0

        async def fails_at_the_fourth(self: KafkaTopicOutput, record: OutputRecord) -> None:
            nonlocal source_writes
            if "redrive-id" in dict(record.headers):
                source_writes += 1
                if source_writes == 4:
                    raise OutputUnavailableError("output orders-facts: no answer in time")
            await publish(self, record)

        with monkeypatch.context() as patched:
            patched.setattr(KafkaTopicOutput, "publish", fails_at_the_fourth)
            broken = await at.redrive(router=next_router)
        assert (broken.replayed, broken.left, broken.exit_code) == (3, 3, 1)
        assert "no answer in time" in broken.stopped
        stop = asyncio.Event()
        stop.set()
        assert (await at.redrive(router=next_router, stop=stop)).stopped == "interrupted"
        rest = await at.redrive(router=next_router)
        assert (rest.replayed, rest.skipped) == (3, {Skip.REDRIVEN: 3})
        values = [value for value, said in await at.records() if "redrive-id" in said]
        events = [OrderFulfillmentEvent.FromString(value).meta.idempotency_key for value in values]
        assert events == [f"e-{number}" for number in range(6)]
