import heapq
import operator
from dataclasses import dataclass
from itertools import chain, product

from temporalio import workflow


@dataclass(frozen=True)
class Order:
    name: str
    price: float


def by_length(name):
    return len(name)


@workflow.defn
class Ties:
    @workflow.run
    async def run(self, names: set[str], orders: set[Order], prices: set[float], xs: list[set[str]]) -> None:
        sorted(names, key=len)  # expect: set-order
        sorted(names, key=str.lower)  # expect: set-order
        sorted(orders, key=lambda order: order.name)  # expect: set-order
        sorted(orders, key=operator.attrgetter("name"))  # expect: set-order
        sorted((name for name in names), key=by_length)  # expect: set-order
        min(names, key=by_length)  # expect: set-order
        max(orders, key=self.price)  # expect: set-order
        heapq.nlargest(2, names, key=len)  # expect: set-order
        sorted(list(names), key=len)  # expect: set-order
        sum(prices)  # expect: set-order
        sum({0.1, 0.2, 0.3})  # expect: set-order
        sum(order.price for order in orders)  # expect: set-order
        for one in chain(*xs):  # expect: set-order
            print_it(one)
        for one in chain.from_iterable(xs):  # expect: set-order
            print_it(one)
        for one in chain.from_iterable({"a", name} for name in "ab"):  # expect: set-order
            print_it(one)
        for one in chain(*[names, names]):  # expect: set-order
            print_it(one)
        list(product(*xs))  # expect: set-order

    def price(self, order):
        return order.price


def print_it(x):
    return x
