"""Which dead letters are replayed: those that are asked for, and some only by a word."""

import dataclasses
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack.testing import wait_until
from ameide_process.configuration import StartupError
from ameide_process.contract import Subscription
from ameide_process.redrive._fallback import Fallback
from ameide_process.redrive._selection import Consent, Filter, Skip
from ameide_process.redrive._stream import DeadLetterStreamError
from redrive_stage import OrderRouter, PlaceFactory, Received, give_up_by_hand, letter_from, of_next_version
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError


async def is_closed(client: Client, order_id: str) -> bool:
    try:
        description = await client.get_workflow_handle(f"proc/order-fulfillment/t/{order_id}").describe()
    except RPCError:
        return False
    return description.status is WorkflowExecutionStatus.COMPLETED


async def test_late_and_old_ones_need_a_word(
    places: PlaceFactory,
    client: Client,
    order_placed: Callable[..., OrderFulfillmentEvent],
    cancel_order: Callable[[str], OrderFulfillmentEvent],
    received: Received,
) -> None:
    del received  # its workflows run
    async with places("closed-before") as at, at.ingress() as ingress:
        await wait_until(ingress.is_ready, timeout_s=30)
        await at.send(cancel_order("closed-before").SerializeToString())
        await wait_until(lambda: is_closed(client, "closed-before"), timeout_s=20)
        await at.send(order_placed("closed-before").SerializeToString())
        (said,) = [said for _, said in await at.dead_letters(1)]
        assert (said["dead-letter-reason"], said["dead-letter-event-id"]) == (b"late", b"placed-closed-before")
        assert (await at.redrive()).skipped == {Skip.LATE: 1}
        dry = await at.redrive(execute=False, consent=Consent(late=True))
        assert dry.to_replay == 1
        assert any("they will be late again" in warning for warning in dry.warnings)
        # The dev server's namespace keeps closed workflows for a day.
        later = timedelta(days=2)
        assert (await at.redrive(consent=Consent(late=True), later=later)).skipped == {Skip.EXPIRED: 1}
        done = await at.redrive(consent=Consent(late=True, expired=True), later=later)
        assert done.replayed == 1
        # And so it was.
        assert (await at.dead_letters(2))[1][1]["dead-letter-reason"] == b"late"


async def test_only_what_is_asked_for_and_not_more_than_the_limit(
    places: PlaceFactory, order_placed: Callable[..., OrderFulfillmentEvent], next_router: OrderRouter
) -> None:
    async with places("chosen") as at:
        for number in range(6):
            await at.send(of_next_version(order_placed(f"chosen-{number}")), key=str(number).encode())
        await at.send(b"\xff")
        await at.give_up(7)
        # What was read is what counts, not what the record says: nobody could read it then.
        one = await at.redrive(chosen=Filter(event_keys=["placed-chosen-4"]), router=next_router)
        assert (one.asked_for, one.replayed) == (1, 1)
        some = await at.redrive(chosen=Filter(reasons=["wrong-schema-version"]), router=next_router, limit=2)
        assert (some.asked_for, some.replayed, some.skipped) == (6, 2, {Skip.REDRIVEN: 1, Skip.OVER_LIMIT: 3})
        rest = await at.redrive(chosen=Filter(reasons=["wrong-schema-version"]), router=next_router)
        assert (rest.replayed, rest.skipped) == (3, {Skip.REDRIVEN: 3})


async def test_without_temporal_nobody_knows_what_is_too_old(places: PlaceFactory) -> None:
    async with places("unasked") as at:
        environ = {**at.environ, "TEMPORAL_ADDRESS": "127.0.0.1:1"}
        with pytest.raises(StartupError, match="repair that, or say --include-expired") as failure:
            await at.redrive(environ=environ)
        assert "cannot connect to Temporal at 127.0.0.1:1: Connection refused" in str(failure.value)
        dry = await at.redrive(execute=False, environ=environ)
        assert "whether dead letters are too old is not known" in dry.warnings[0]
        await at.redrive(environ=environ, consent=Consent(expired=True))


async def test_http_is_no_way_back_and_it_is_said_what_is(
    places: PlaceFactory, router: OrderRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_http = (Subscription(name="orders-facts", kind="http", binding_ref="orders-facts"),)
    monkeypatch.setattr(type(router), "contract", dataclasses.replace(router.contract, subscriptions=by_http))
    async with places("by-http") as at:
        await give_up_by_hand(at, [letter_from(at, 0, 3)])
        subscriptions = tmp_path / "subscriptions.json"
        subscriptions.write_text(json.dumps({"orders-facts": {"kind": "http", "path": "/orders"}}))
        environ = {**at.environ, "INGRESS_CONFIG": str(subscriptions)}
        done = await at.redrive(environ=environ, consent=Consent(failing=True))
        assert (done.replayed, done.skipped) == (0, {Skip.NO_TARGET: 1})
        assert any("send each of its dead letters again as a POST to the ingress" in each for each in done.warnings)
        with pytest.raises(StartupError, match="has no stream that could be written to"):
            await at.redrive(environ=environ, fallback=Fallback("orders-facts"))


async def test_a_stream_that_cannot_be_read_is_named(places: PlaceFactory, tmp_path: Path) -> None:
    async with places("unread") as at:
        outputs = tmp_path / "away.json"
        away = {"kind": "kafka", "bootstrapServers": "127.0.0.1:1", "topic": "unread.dead"}
        outputs.write_text(json.dumps({"dead-letter": away}))
        with pytest.raises(DeadLetterStreamError, match=r"dead-letter \(kafka topic unread.dead at 127.0.0.1:1\)"):
            await at.redrive(environ={**at.environ, "OUTPUT_CONFIG": str(outputs)})
        with pytest.raises(StartupError, match="known are: orders-facts"):
            await at.redrive(chosen=Filter(subscriptions=["orders"]))
