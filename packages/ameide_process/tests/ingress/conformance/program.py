"""The ingress program in a process of its own, so that it can be killed: `python program.py KIND`."""

import dataclasses
import importlib.util
import sys
from pathlib import Path

from ameide_process.contract import Subscription
from ameide_process.ingress import run_ingress


def main(kind: str) -> None:
    spec = importlib.util.spec_from_file_location("order_router", Path(__file__).parents[1] / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    orders = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(orders)
    contract = dataclasses.replace(
        orders.CONTRACT, subscriptions=(Subscription(name="orders-facts", kind=kind, binding_ref="orders-facts"),)
    )
    run_ingress(type("Router", (orders.OrderRouter,), {"contract": contract})())


if __name__ == "__main__":
    # The program itself takes no arguments.
    main(sys.argv.pop())
