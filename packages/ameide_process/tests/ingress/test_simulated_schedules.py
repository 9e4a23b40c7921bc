"""Schedules that no test would think of: a seed decides what happens, and when; `--simulations 10000` looks further."""

from collections.abc import Callable

import pytest
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_process.routing import Router
from engine_simulation import World, run, simulate

SCHEDULES_A_TEST = 10


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "batch" in metafunc.fixturenames:
        wanted: int = metafunc.config.option.simulations
        metafunc.parametrize("batch", range(0, wanted, SCHEDULES_A_TEST))


def test_nothing_is_lost_nor_out_of_order_and_nothing_stalls(
    batch: int,
    router: Router[OrderFulfillmentEvent],
    order_placed: Callable[..., OrderFulfillmentEvent],
    cancel_order: Callable[[str], OrderFulfillmentEvent],
) -> None:
    for seed in range(batch, batch + SCHEDULES_A_TEST):
        try:
            run(simulate(World(seed, router, order_placed, cancel_order)), seed)
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise
