"""Sources that are acknowledged message by message: each learns of its end, none waits for another key."""

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
from ameide_process.outputs import OutputUnavailableError
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


async def test_what_waits_for_the_dead_letter_stream_says_so(
    client: Client, engine: MemoryIngressFactory, order_placed: Callable[..., OrderFulfillmentEvent]
) -> None:
    async with engine(client, acknowledges_each=True) as ingress:
        ingress.dead_letters.failure = OutputUnavailableError("connection refused")
        poison = ingress.transport.append(b"\xff")
        good = ingress.append(order_placed("beside-poison"))
        await wait_for(lambda: ingress.transport.endings == {good: ACCEPTED})
        message = Message(ingress.transport.partition, poison, None)
        await wait_for(lambda: "connection refused" in (ingress.engine.why_waiting(message) or ""))
        assert ingress.transport.paused
        ingress.dead_letters.failure = None
        await ingress.committed(poison)
