import enum
import heapq
import itertools
import math
from dataclasses import dataclass

from temporalio import workflow


class Color(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass(frozen=True)
class Order:
    name: str
    price: float


def by_length_and_name(name):
    """Longest last."""
    return (len(name), name)


@workflow.defn
class Ties:
    def __init__(self) -> None:
        self.colors: set[Color] = set()

    @workflow.run
    async def run(self, names: set[str], counts: set[int], prices: set[float], xs: list[set[str]]) -> None:
        sorted(names)
        sorted(names, reverse=True)
        sorted(names, key=None)
        sorted(names, key=str)
        sorted(names, key=repr)
        sorted(names, key=lambda name: name)
        sorted(counts, key=lambda count: -count)
        sorted(names, key=lambda name: (len(name), name))
        sorted(names, key=by_length_and_name)
        max(names, key=self.rank)
        min(names)
        min(names, {"a"}, key=len)
        heapq.nsmallest(2, names)
        sorted(sorted(names), key=len)
        sorted(list(xs[0]))
        sorted(xs, key=len)
        sorted(self.colors, key=lambda color: color.value)
        sorted({"a": 1}.items(), key=lambda pair: pair[1])
        orders = [Order("a", 0.1)]
        sorted(orders, key=lambda order: order.price)
        sum(order.price for order in orders)
        sum(counts)
        sum(len(name) for name in names)
        math.fsum(prices)
        set(itertools.chain(*xs))
        sorted(itertools.chain.from_iterable(xs))
        {one for one in itertools.chain.from_iterable(xs)}
        seen = set()
        for one in itertools.chain(*xs):
            seen.add(one)
        for one in itertools.chain(*[sorted(x) for x in xs]):
            seen.discard(one)
            print_it(one)
        for one in itertools.chain.from_iterable([["a"], ["b"]]):
            print_it(one)
        list(zip(*[[1], [2]]))

    def rank(self, name):
        return (name.lower(), name)


def print_it(x):
    return x
