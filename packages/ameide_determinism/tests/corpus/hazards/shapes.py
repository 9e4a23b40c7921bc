import dataclasses
import functools
import random
import time
import uuid
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from temporalio import workflow


class Base:
    @workflow.run
    async def run(self) -> None:
        self.hook()

    def hook(self):
        raise NotImplementedError


class Mixin:
    def mixed(self):
        return time.time()  # expect: wall-clock


class Helper:
    def __init__(self, clock=None):
        self.clock = clock or time.time
        self.made = uuid.uuid4()  # expect: random-uuid

    def do(self):
        return self.clock()  # expect: wall-clock

    @property
    def now(self):
        return time.time()  # expect: wall-clock

    @functools.cached_property
    def cached(self):
        return time.time()  # expect: wall-clock

    @staticmethod
    def fixed():
        return time.time()  # expect: wall-clock

    @classmethod
    def build(cls):
        random.random()  # expect: randomness
        return cls()

    def __enter__(self):
        time.time()  # expect: wall-clock
        return self

    def __exit__(self, *_):
        time.time()  # expect: wall-clock

    def __add__(self, other):
        return time.time()  # expect: wall-clock

    def __eq__(self, other):
        return time.time() > 1  # expect: wall-clock

    def __len__(self):
        return int(time.time())  # expect: wall-clock

    def __getitem__(self, key):
        return time.time()  # expect: wall-clock

    def __call__(self):
        return time.time()  # expect: wall-clock

    def __contains__(self, item):
        return time.time() > 1  # expect: wall-clock

    def __iter__(self):
        yield time.time()  # expect: wall-clock

    def __str__(self):
        return str(time.time())  # expect: wall-clock

    def __bool__(self):
        return time.time() > 1  # expect: wall-clock

    def __setitem__(self, key, value):
        time.time()  # expect: wall-clock

    def __getattr__(self, name):
        return time.time()  # expect: wall-clock

    def __lt__(self, other):
        return random.random() < 1  # expect: randomness

    def __neg__(self):
        return random.random()  # expect: randomness

    def __iadd__(self, other):
        random.random()  # expect: randomness
        return self

    async def __aenter__(self):
        random.random()  # expect: randomness

    async def __aexit__(self, *_):
        random.random()  # expect: randomness


class Descriptor:
    def __get__(self, instance, owner):
        return time.time()  # expect: wall-clock

    def __set__(self, instance, value):
        time.time()  # expect: wall-clock


@dataclass
class Event:
    name: str
    id: str = field(default_factory=uuid.uuid4)  # expect: random-uuid
    at: float = dataclasses.field(default_factory=lambda: time.time())  # expect: wall-clock

    def __post_init__(self):
        self.when = time.time()  # expect: wall-clock


def timed(function):
    @functools.wraps(function)
    async def wrapper(*args, **kwargs):
        time.monotonic()  # expect: wall-clock
        return await function(*args, **kwargs)

    return wrapper


def configured(limit):
    def decorate(function):
        def inner(*args):
            random.random()  # expect: randomness
            return function(*args)

        return inner

    return decorate


class Step(ABC):
    @abstractmethod
    def go(self): ...


class ClockStep(Step):
    def go(self):
        return time.time()  # expect: wall-clock


def apply(function):
    return function()


def ticking():
    return time.time()  # expect: wall-clock


def handed():
    return time.time()  # expect: wall-clock


def in_table():
    return time.time()  # expect: wall-clock


def outer():
    seed = random.random()  # expect: randomness

    def inner():
        return time.time() + seed  # expect: wall-clock

    return inner


HANDLERS = {"a": in_table}


@workflow.defn
class Shapes(Mixin, Base):
    at = Descriptor()

    @workflow.init
    def __init__(self) -> None:
        super().__init__()
        self.helper = Helper()
        self.callbacks = []
        self.callbacks.append(ticking)
        self.step: Step = load()

    def hook(self):
        random.random()  # expect: randomness

    @workflow.run
    @timed
    async def run(self) -> None:
        await super().run()
        self.mixed()
        self.helper.do()
        self.helper.now
        self.helper.cached
        Helper.fixed()
        Helper.build()
        with self.helper as h:
            h
        async with self.helper:
            pass
        self.helper + 1
        self.helper == 1
        self.helper < 1
        -self.helper
        len(self.helper)
        self.helper["x"]
        self.helper["x"] = 1
        self.helper()
        1 in self.helper
        for one in self.helper:
            one
        f"{self.helper}"
        if not self.helper:
            pass
        self.helper.missing
        self.helper += 1
        self.at
        self.at = 3
        Event("x")
        for callback in self.callbacks:
            callback()
        HANDLERS["a"]()
        apply(handed)
        outer()()
        self.wrapped()
        self.step.go()
        self._count = workflow.memo_value("x", default=None)
        await workflow.wait_condition(lambda: time.time() > 3)  # expect: wall-clock

    @configured(3)
    def wrapped(self):
        return uuid.uuid4()  # expect: random-uuid

    @workflow.signal(dynamic=True)
    async def anything(self, name, args) -> None:
        time.time()  # expect: wall-clock

    @workflow.update
    def change(self) -> None:
        time.time()  # expect: wall-clock

    @change.validator
    def valid(self) -> None:
        time.time()  # expect: wall-clock

    @workflow.query
    def ask(self) -> float:
        return time.time()  # expect: wall-clock
