import asyncio
import functools
import itertools
import time
from collections import defaultdict
from functools import partial, singledispatch
from operator import methodcaller
from random import random as draw
from typing import Callable, NamedTuple, Protocol
from uuid import uuid4

from temporalio import workflow


def by_chance(item):
    return draw()  # expect: randomness


class Policy(NamedTuple):
    name: str
    decide: Callable[[], float] = time.time


class Clock(Protocol):
    def now(self) -> float: ...


class SystemClock:
    def now(self) -> float:
        return time.time()  # expect: wall-clock


class Service:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def stamp(self) -> float:
        return self._clock.now()


class Chain:
    def step(self):
        time.time()  # expect: wall-clock
        return self

    def done(self):
        return uuid4()  # expect: random-uuid


@singledispatch
def show(value):
    return ""


@show.register
def _(value: int):
    return time.time()  # expect: wall-clock


def recursive(depth):
    if depth:
        return recursive(depth - 1)
    return time.time()  # expect: wall-clock


def make_counter():
    def count():
        yield uuid4()  # expect: random-uuid

    return count


def retry(times):
    def decorator(f):
        @functools.wraps(f)
        async def wrapped(self, *a, **k):
            for _ in range(times):
                return await f(self, *a, **k)

        return wrapped

    return decorator


class register:
    """A decorator that is a class."""

    def __init__(self, f):
        self.f = f

    def __call__(self, *args):
        time.monotonic()  # expect: wall-clock
        return self.f(*args)


@register
def registered():
    return uuid4()  # expect: random-uuid


def remember(item, seen=[]):
    seen.append(item)  # expect: global-state
    return seen


STEPS = [lambda: time.time(), by_chance]  # expect: wall-clock
TABLE: dict[str, Callable] = {}


def on(name):
    def deco(f):
        TABLE[name] = f
        return f

    return deco


@workflow.defn
class Callbacks:
    def __init__(self) -> None:
        self.service = Service(SystemClock())
        self.on_done = by_chance
        self.handlers = {"x": self._handle}
        self.ids = defaultdict(uuid4)  # expect: random-uuid
        self._now = time.time

    async def _handle(self):
        return time.time()  # expect: wall-clock

    @workflow.run
    async def run(self, items: list[str]) -> None:
        sorted(items, key=by_chance)
        items.sort(key=by_chance)
        min(items, key=lambda i: draw())  # expect: randomness
        list(filter(by_chance, items))
        functools.reduce(lambda a, b: a + draw(), items)  # expect: randomness
        self.service.stamp()
        Chain().step().done()
        show(1)
        recursive(3)
        for one in make_counter()():
            one
        registered()
        for step in STEPS:
            step(1)
        self.on_done(1)
        await self.handlers["x"]()
        self._now()  # expect: wall-clock
        Policy("x").decide()  # expect: wall-clock
        await self.retried()
        asyncio.get_event_loop().call_later(1, self.later)
        asyncio.get_running_loop().call_soon(self.soon, 1)
        task = asyncio.create_task(self.work())
        task.add_done_callback(self.after)
        fn = partial(self.bound, 1)
        fn()
        (fn := self.walrused)()
        maker = Chain
        maker().step()
        self.nested()
        remember(1)
        {"a": lambda: uuid4()}["a"]()  # expect: random-uuid
        (self.one if items else self.two)()
        pick = self.one or self.two
        pick()
        a, b = self.one, self.two
        b()
        [f() for f in (self.three,)]
        next(x for x in self.generate())
        dict(map(lambda i: (i, uuid4()), items))  # expect: random-uuid
        workflow.set_signal_handler("x", self.dynamic_signal)
        workflow.set_query_handler("x", lambda: time.time())  # expect: wall-clock
        await asyncio.gather(*(self.gathered(i) for i in items))
        await asyncio.gather(*map(self.mapped, items))
        async with self.managed() as m:
            m
        itertools.accumulate(items, func=lambda a, b: draw())  # expect: randomness
        super().__init__()
        getattr(self, "by_name")()
        try:
            raise ValueError
        except ValueError:
            time.time()  # expect: wall-clock
        else:
            time.time()
        finally:
            time.time()  # expect: wall-clock
        while time.time() < 3:  # expect: wall-clock
            break
        assert time.time() > 1  # expect: wall-clock
        items[int(time.time())]  # expect: wall-clock
        items[0] = draw()  # expect: randomness
        x: float = time.time()  # expect: wall-clock
        x += time.time()  # expect: wall-clock
        del items[int(draw())]  # expect: randomness
        raise RuntimeError(f"at {time.time()}")  # expect: wall-clock

    @retry(3)
    async def retried(self):
        return time.time()  # expect: wall-clock

    def later(self):
        time.time()  # expect: wall-clock

    def soon(self, x):
        time.time()  # expect: wall-clock

    def after(self, task):
        time.time()  # expect: wall-clock

    def bound(self, x):
        time.time()  # expect: wall-clock

    def walrused(self):
        time.time()  # expect: wall-clock

    def one(self):
        time.time()  # expect: wall-clock

    def two(self):
        time.time()  # expect: wall-clock

    def three(self):
        time.time()  # expect: wall-clock

    def by_name(self):
        time.time()  # expect: wall-clock

    def dynamic_signal(self):
        time.time()  # expect: wall-clock

    def generate(self):
        yield time.time()  # expect: wall-clock

    async def gathered(self, i):
        time.time()  # expect: wall-clock

    async def mapped(self, i):
        time.time()  # expect: wall-clock

    async def work(self):
        time.time()  # expect: wall-clock

    def nested(self):
        def inner():
            def innermost():
                return time.time()  # expect: wall-clock

            return innermost()

        return inner()

    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def managed(self):
        yield time.time()  # expect: wall-clock


@on("x")
def in_registry():
    return time.time()  # expect: wall-clock


REGISTERED = {}
COUNTED = {}


def enlist(function):
    REGISTERED[function.__name__] = function
    COUNTED[function.__name__] = 0
    return function


@enlist
def go_registered():
    return time.time()  # expect: wall-clock


@enlist
async def awaited():
    return draw()  # expect: randomness


def by_item():
    return time.monotonic()  # expect: wall-clock


def not_registered():
    return time.time()


REGISTERED["item"] = by_item


@workflow.defn(name="other", sandboxed=False)
class Registry:
    @workflow.run
    async def run(self) -> None:
        TABLE["x"]()
        REGISTERED["go_registered"]()
