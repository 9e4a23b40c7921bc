"""What was poison is delivered once it can be read, and what comes back is left at last."""

from collections.abc import Awaitable, Callable

import pytest
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_core_proto.process.v1.process_runtime_pb2 import DeadLetterEvent, DeadLetterRequest
from ameide_devstack import ApacheKafka
from ameide_devstack.testing import wait_until
from ameide_process.configuration import KafkaOutput
from ameide_process.outputs import (
    DeadLetterPublisher,
    open_output,
)
from ameide_process.redrive._selection import Consent, Filter, Skip
from ameide_process.routing import to_payload
from ameide_process.worker._dead_letters import DeadLetterWriter
from prometheus_client import CollectorRegistry
from redrive_stage import OrderRouter, Place, PlaceFactory, Received, of_next_version


async def poison_is_delivered_once_it_can_be_read(
    at: Place,
    next_router: OrderRouter,
    order_placed: Callable[..., OrderFulfillmentEvent],
    delivered: Callable[[], Awaitable[list[str]]],
) -> None:
    sent = [f"e-{number}" for number in range(5)]
    async with at.ingress() as ingress:
        await wait_until(ingress.is_ready, timeout_s=60)
        for name in sent:
            await at.send(of_next_version(order_placed(at.topic, name)), headers=[("from", b"shop")])
        await at.send(b"\xff not an event")
        before = await at.dead_letters(6)
    assert {said["dead-letter-reason"] for _, said in before} == {b"wrong-schema-version", b"undecodable"}

    # The old version would give all of them up again.
    dry = await at.redrive(execute=False)
    assert (dry.read, dry.to_replay, dry.skipped) == (6, 0, {Skip.FAILS_AGAIN: 6})

    dry = await at.redrive(execute=False, router=next_router)
    assert (dry.to_replay, dry.by_target, dry.skipped) == (
        5,
        {f"orders-facts: {at.topic}": 5},
        {Skip.FAILS_AGAIN: 1},
    )
    assert dry.by_reason == {("wrong-schema-version", "replay"): 5, ("undecodable", "fails-again"): 1}
    assert len(await at.records()) == 6

    done = await at.redrive(router=next_router)
    assert (done.replayed, done.failed, done.left, done.exit_code) == (5, 0, 0, 0)
    replayed = (await at.records())[6:]
    assert sorted(value for value, _ in replayed) == sorted(value for value, _ in before if b"not an" not in value)
    for _, said in replayed:
        assert said == {"from": b"shop", "redrive-id": done.redrive_id.encode(), "redrive-count": b"1"}

    async with at.ingress(next_router) as ingress:
        await wait_until(ingress.is_ready, timeout_s=60)

        async def all_there() -> bool:
            return await delivered() == sent

        await wait_until(all_there, timeout_s=30)

    again = await at.redrive(router=next_router)
    assert (again.replayed, again.skipped) == (0, {Skip.REDRIVEN: 5, Skip.FAILS_AGAIN: 1})


async def test_poison_is_delivered_once_it_can_be_read(
    places: PlaceFactory,
    next_router: OrderRouter,
    order_placed: Callable[..., OrderFulfillmentEvent],
    received: Received,
) -> None:
    async with places("cured") as at:
        await poison_is_delivered_once_it_can_be_read(at, next_router, order_placed, lambda: received("cured"))


@pytest.mark.e2e
async def test_poison_is_delivered_once_it_can_be_read_on_apache_kafka(
    places: PlaceFactory,
    next_router: OrderRouter,
    order_placed: Callable[..., OrderFulfillmentEvent],
    received: Received,
) -> None:
    async with ApacheKafka() as broker, places("cured-apache", broker=broker) as at:
        await poison_is_delivered_once_it_can_be_read(at, next_router, order_placed, lambda: received("cured-apache"))


async def test_a_message_that_comes_back_is_counted_and_left_at_last(places: PlaceFactory) -> None:
    async with places("boomerang") as at:
        await at.send(b"\xff")
        async with at.ingress() as ingress:
            await wait_until(ingress.is_ready, timeout_s=30)
            for life in (1, 2):
                assert dict((await at.dead_letters(life))[-1][1]).get("redrive-count", b"0") == str(life - 1).encode()
                done = await at.redrive(consent=Consent(failing=True, maximum_redrives=2))
                # Not that, too, which came back meanwhile.
                assert done.replayed == 1
            await at.dead_letters(3)
            done = await at.redrive(consent=Consent(failing=True, maximum_redrives=2))
            assert (done.replayed, done.skipped) == (0, {Skip.REDRIVEN: 2, Skip.REDRIVEN_OFTEN: 1})


async def test_dead_letters_of_the_worker_go_in_where_there_is_one_way(
    places: PlaceFactory,
    router: OrderRouter,
    order_placed: Callable[..., OrderFulfillmentEvent],
    received: Received,
) -> None:
    async with places("by-worker") as at:
        settings = KafkaOutput.model_validate(
            {"kind": "kafka", "bootstrapServers": at.broker.bootstrap_servers, "topic": "by-worker.dead"}
        )
        publisher = DeadLetterPublisher(open_output("dead-letter", settings))
        writer = DeadLetterWriter(router.contract, publisher, CollectorRegistry())
        payload = to_payload(order_placed("by-worker")).SerializeToString()
        await writer.publish(
            DeadLetterRequest(
                workflow_id="proc/order-fulfillment/t/by-worker",
                run_id="r",
                events=[
                    DeadLetterEvent(payload=payload, reason="undecodable", message="an older worker"),
                    DeadLetterEvent(payload=b"", reason="unknown-signal", message="by hand"),
                ],
            )
        )
        await publisher.close()
        done = await at.redrive(chosen=Filter(workflow_ids=["proc/order-fulfillment/t/by-worker"]))
        assert (done.replayed, done.skipped) == (1, {Skip.NOT_AN_EVENT: 1})
        async with at.ingress() as ingress:
            await wait_until(ingress.is_ready, timeout_s=30)

            async def there() -> bool:
                _, metrics = await ingress.get("/metrics")
                return 'outcome="accepted",subscription="orders-facts"} 1.0' in metrics

            await wait_until(there, timeout_s=20)
            assert await received("by-worker") == ["placed-by-worker"]
