"""Sources that are acknowledged message by message: each learns of its end, none waits for another key."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import TemporalDevServer
from ameide_devstack.testing import wait_for
from ameide_process.converter import DATA_CONVERTER
from ameide_process.ingress._ending import ACCEPTED, DUPLICATE, TOMBSTONE, Outcome
from ameide_process.ingress._limits import Limits
from ameide_process.ingress._message import Message
from ameide_process.ingress.testing import MemoryIngressFactory
from ameide_process.invalid_event import InvalidReason
from ameide_process.outputs import OutputTooLargeError, OutputUnavailableError
from temporalio.client import Client


async def test_each_message_tells_how_it_ended(
    client: Client,
    engine: MemoryIngressFactory,
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    order_placed: Callable[..., OrderFulfillmentEvent],
    cancel_order: Callable[[str], OrderFulfillmentEvent],
) -> None:
    async with receivers(client), engine(client, acknowledges_each=True) as ingress:
        accepted = ingress.append(order_placed("told", "seen"))
        await ingress.committed(ingress.append(cancel_order("told")))
        await client.get_workflow_handle("proc/order-fulfillment/t/told").result()
        duplicate = ingress.append(order_placed("told", "seen"))
        late = ingress.append(order_placed("told", "unseen"))
        poison = ingress.transport.append(b"\xff")
        tombstone = ingress.transport.append(None)
        await ingress.committed(tombstone)
        endings = ingress.transport.endings
        assert endings[accepted] is ACCEPTED
        assert endings[duplicate] is DUPLICATE
        assert endings[tombstone] is TOMBSTONE
        assert (endings[late].outcome, endings[late].reason) == (Outcome.DEAD_LETTER, InvalidReason.LATE)
        assert "was closed already" in endings[late].explanation
        assert (endings[poison].outcome, endings[poison].reason) == (Outcome.DEAD_LETTER, InvalidReason.UNDECODABLE)


async def test_a_parked_key_holds_up_no_other_and_says_why(
    engine: MemoryIngressFactory, order_placed: Callable[..., OrderFulfillmentEvent]
) -> None:
    async with TemporalDevServer(dynamic_config={"history.maximumSignalsPerExecution": 3}) as server:
        client = await server.connect(data_converter=DATA_CONVERTER)
        limits = Limits(events_per_key=2048, batch_events=1, batch_gap=0)
        async with engine(client, limits, acknowledges_each=True) as ingress:
            full = [ingress.append(order_placed("full", f"e-{number}")) for number in range(5)]
            beside = [ingress.append(order_placed(f"beside-{number}")) for number in range(20)]
            await wait_for(lambda: ingress.transport.endings.keys() == {*full[:3], *beside})
            stuck = Message(ingress.transport.partition, full[3], None)
            await wait_for(lambda: "parked" in (ingress.engine.why_waiting(stuck) or ""))
            assert "limit for signal events" in (ingress.engine.why_waiting(stuck) or "")
            assert ingress.engine.why_waiting(Message(ingress.transport.partition, full[0], None)) is None
            # Its sender waits no longer, and the key goes on without it.
            assert await wait_for(lambda: ingress.engine.withdraw(stuck))
            assert ingress.engine.why_waiting(stuck) is None
            assert not ingress.engine.withdraw(stuck)


async def test_what_waits_for_the_dead_letter_stream_says_so_and_holds_up_no_other(
    client: Client, engine: MemoryIngressFactory, order_placed: Callable[..., OrderFulfillmentEvent]
) -> None:
    async with engine(client, acknowledges_each=True) as ingress:
        ingress.dead_letters.failure = OutputTooLargeError(size=9, limit="max_payload of the server")
        poison = ingress.transport.append(b"\xff")
        await wait_for(lambda: "raise max_payload of the server" in ingress.delivery_check.status.reason)
        message = Message(ingress.transport.partition, poison, None)
        assert "raise max_payload of the server" in (ingress.engine.why_waiting(message) or "")
        good = ingress.append_all(order_placed(f"beside-poison-{number}") for number in range(20))
        await wait_for(lambda: ingress.transport.endings == dict.fromkeys(range(poison + 1, good + 1), ACCEPTED))
        assert not ingress.transport.paused
        assert ingress.engine.why_waiting(Message(ingress.transport.partition, good, None)) is None
        status = ingress.delivery_check.status
        assert not status.ok
        assert "dead-letter stream: a record of 9 bytes is refused; raise max_payload of the server" in status.reason
    # It cannot be given up, and does not keep the member from leaving.
    assert poison not in ingress.transport.endings


async def test_dead_letters_that_wait_are_bounded_as_all_that_is_in_flight(
    client: Client, engine: MemoryIngressFactory, order_placed: Callable[..., OrderFulfillmentEvent]
) -> None:
    limits = Limits(events_per_key=2048, partition_events=10)
    async with engine(client, limits, acknowledges_each=True) as ingress:
        ingress.dead_letters.failure = OutputUnavailableError("connection refused")
        poison = [ingress.transport.append(b"\xff" + str(number).encode()) for number in range(10)]
        await wait_for(lambda: ingress.transport.paused)
        await wait_for(lambda: "connection refused" in ingress.delivery_check.status.reason)
        assert not ingress.delivery_check.status.ok
        good = ingress.append(order_placed("behind-full"))
        await asyncio.sleep(1)
        assert not ingress.transport.endings
        ingress.dead_letters.failure = None
        await wait_for(lambda: ingress.transport.endings.keys() == {*poison, good}, timeout_s=30)
        await wait_for(lambda: ingress.delivery_check.status.ok)


async def test_an_event_waits_behind_one_of_its_key_that_the_dead_letter_stream_does_not_take(
    client: Client,
    engine: MemoryIngressFactory,
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    order_placed: Callable[..., OrderFulfillmentEvent],
    cancel_order: Callable[[str], OrderFulfillmentEvent],
) -> None:
    async with receivers(client), engine(client, acknowledges_each=True) as ingress:
        await ingress.committed(ingress.append(cancel_order("closed-early")))
        await client.get_workflow_handle("proc/order-fulfillment/t/closed-early").result()
        ingress.dead_letters.failure = OutputUnavailableError("connection refused")
        late = ingress.append(order_placed("closed-early", "late"))
        first = Message(ingress.transport.partition, late, None)
        await wait_for(lambda: "connection refused" in (ingress.engine.why_waiting(first) or ""))
        behind = ingress.append(order_placed("closed-early", "behind"))
        beside = ingress.append(order_placed("beside-closed"))
        await wait_for(lambda: ingress.transport.endings.get(beside) is ACCEPTED)
        second = Message(ingress.transport.partition, behind, None)
        assert "connection refused" in (ingress.engine.why_waiting(second) or "")
        # Its sender may have it back, the other is on its way.
        assert ingress.engine.withdraw(second)
        assert not ingress.engine.withdraw(first)
        ingress.dead_letters.failure = None
        await wait_for(lambda: late in ingress.transport.endings, timeout_s=30)
        assert behind not in ingress.transport.endings


async def test_what_its_sender_takes_back_goes_to_the_dead_letter_stream_no_more(
    client: Client, engine: MemoryIngressFactory
) -> None:
    async with engine(client, acknowledges_each=True) as ingress:
        ingress.dead_letters.failure = OutputUnavailableError("connection refused")
        poison = ingress.transport.append(b"\xff")
        await wait_for(lambda: "connection refused" in ingress.delivery_check.status.reason)
        message = Message(ingress.transport.partition, poison, None)
        assert ingress.engine.withdraw(message)
        assert ingress.engine.why_waiting(message) is None
        ingress.dead_letters.failure = None
        # Which means that its wait is over.
        await wait_for(lambda: ingress.delivery_check.status.ok)
        assert not ingress.dead_letters.records
        assert not ingress.transport.endings
