"""What happens to calls in flight when partitions are given up."""

import asyncio
from collections.abc import Callable

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack.testing import wait_for
from ameide_process.ingress._lane import Batch
from ameide_process.routing import Router
from engine_simulation import LIMITS, Life, SimulatedTemporal, World, run
from temporalio.api.workflowservice.v1 import SignalWithStartWorkflowExecutionResponse


class HangingTemporal(SimulatedTemporal):
    """Answers nobody until it is released; then everybody who asked before, too."""

    def __init__(self, world: World, life: Life) -> None:
        super().__init__(world, lambda: life.transport.partitions)
        self.released = asyncio.Event()
        self.asked = 0

    async def deliver(self, batch: Batch) -> SignalWithStartWorkflowExecutionResponse:
        response = None
        self.asked += 1
        if not self.released.is_set():
            response = await super().deliver(batch)
            await self.released.wait()
        return response or await super().deliver(batch)


async def drain(world: World) -> None:
    world.faulty = False
    life = Life(world, 0)
    temporal = HangingTemporal(world, life)
    life.engine._calls = temporal  # pyright: ignore[reportPrivateUsage] # in place of the one that answers
    await wait_for(lambda: temporal.asked)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await life.transport.rebalance()
    assert LIMITS.drain_seconds <= loop.time() - began < LIMITS.drain_seconds + 2
    # Temporal has them, but has not said so.
    assert world.committed == [0, 0, 0]
    # Their keys wait, so that order holds; calls for partitions that are gone would fail in `deliver`.
    await asyncio.sleep(5)
    temporal.released.set()
    await wait_for(lambda: world.committed == [len(log) for log in world.logs], timeout_s=60)
    world.check_order()
    life.stop.set()
    await life.running


async def lose(world: World) -> None:
    world.faulty = False
    world.away = True
    life = Life(world, 0)
    check = life.delivery_check
    await wait_for(lambda: check.status.reason.startswith("Temporal takes no events"), timeout_s=60)
    await life.transport.take_away()
    # Whoever has its partitions now finds out; whether Temporal is there at all is the program's own check.
    await wait_for(lambda: check.status.ok and not check.status.reason, timeout_s=10)
    await life.transport.rebalance()
    await wait_for(lambda: check.status.reason.startswith("Temporal takes no events"), timeout_s=60)
    world.away = False
    await wait_for(lambda: world.committed == [len(log) for log in world.logs], timeout_s=60)
    await wait_for(lambda: check.status.ok, timeout_s=10)
    world.check_order()
    life.stop.set()
    await life.running


def test_a_member_that_lost_everything_while_temporal_was_away_does_not_say_so_for_ever(
    router: Router[OrderFulfillmentEvent],
    order_placed: Callable[..., OrderFulfillmentEvent],
    cancel_order: Callable[[str], OrderFulfillmentEvent],
) -> None:
    run(lose(World(2, router, order_placed, cancel_order)), 2)


def test_past_the_drain_deadline_partitions_go_and_nothing_of_them_is_sent_or_committed(
    router: Router[OrderFulfillmentEvent],
    order_placed: Callable[..., OrderFulfillmentEvent],
    cancel_order: Callable[[str], OrderFulfillmentEvent],
) -> None:
    run(drain(World(1, router, order_placed, cancel_order)), 1)
