import random
import time

from temporalio import workflow


def by_clock(item):
    return time.time()  # expect: wall-clock


def by_chance(item):
    return random.random()  # expect: randomness


@workflow.defn
class Sorting:
    @workflow.run
    async def run(self, xs: list[int], unknown) -> None:
        xs.sort(key=lambda x: random.random())  # expect: randomness
        rows = [3, 1, 2]
        rows.sort(reverse=True, key=by_clock)
        rows.sort(key=self.by_name)
        rows.sort(key=random.Random().random)  # expect: randomness
        unknown.sort(key=by_chance)
        unknown.rows.sort(key=lambda x: time.monotonic())  # expect: wall-clock
        rows.sort(**{"key": self.by_age})
        orders = [Order()]
        orders.sort(key=lambda order: order.rank())

    def by_name(self, item):
        return time.time_ns()  # expect: wall-clock

    def by_age(self, item):
        return time.monotonic_ns()  # expect: wall-clock


class Order:
    def rank(self) -> float:
        return random.random()  # expect: randomness
