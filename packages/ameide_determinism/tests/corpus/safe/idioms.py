import asyncio
import calendar
import collections
import contextlib
import dataclasses
import datetime
import enum
import functools
import hashlib
import itertools
import json
import logging
import math
import operator
import os.path
import random
import re
import secrets
import time
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

if TYPE_CHECKING:
    import requests

API_KEY = os.environ.get("API_KEY")
TASK_QUEUE = "q"
ALLOWED = frozenset({"a", "b"})
NAMES = ("a", "b")
PATTERN = re.compile("x")
logger = workflow.logger
DEADLINE = timedelta(days=1)


class Color(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass
class Item:
    name: str
    parts: list[str] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)


class Named:
    def __repr__(self):
        return "Named"


class Clock:
    def time(self):
        return workflow.now()


@activity.defn
async def charge(name: str) -> str:
    print(time.time(), uuid.uuid4(), API_KEY, random.random())
    Path("x").write_text(name)
    return name


class Activities:
    def __init__(self) -> None:
        self.started = time.time()

    @activity.defn
    async def ship(self) -> None:
        open("x")


def helper_of_main():
    return datetime.datetime.now()


@functools.lru_cache
def double(x: int) -> int:
    return x * 2


@functools.cache
def slug(x: str) -> str:
    return x.lower()


@workflow.defn
class Idioms:
    def __init__(self) -> None:
        self.items: list[Item] = []
        self.seen: set[str] = set()
        self.by_name: dict[str, Item] = {}
        self.done = False
        self.clock = Clock()
        self.lock = asyncio.Lock()
        self.queue: asyncio.Queue[str] = asyncio.Queue()
        self.event = asyncio.Event()

    @workflow.run
    async def run(self, names: list[str], name: str) -> str:
        workflow.now()
        workflow.time()
        workflow.uuid4()
        workflow.random().random()
        workflow.random().shuffle(names)
        workflow.logger.info("got %s", self.seen)
        workflow.logger.info(f"got {self.seen}")
        logger.warning("x")
        rng = random.Random(42)
        rng.random()
        random.Random(name).choice(names)
        uuid.UUID("12345678123456781234567812345678")
        uuid.uuid5(uuid.NAMESPACE_DNS, "x")
        uuid.uuid3(uuid.NAMESPACE_DNS, "x")
        time.gmtime(0)
        time.strftime("%H", time.gmtime(0))
        calendar.timegm(time.gmtime(0))
        datetime.datetime.fromtimestamp(0, tz=timezone.utc)
        datetime.datetime.fromtimestamp(0, timezone.utc)
        workflow.now().astimezone(timezone.utc)
        workflow.now().strftime("%H")
        datetime.datetime(2024, 1, 1)
        datetime.datetime.fromisoformat("2024-01-01")
        datetime.datetime.strptime("x", "x")
        await asyncio.sleep(1)
        await workflow.sleep(DEADLINE)
        await asyncio.gather(*[self.one(x) for x in names])
        await asyncio.wait_for(self.one("x"), 3)
        async with asyncio.timeout(3):
            await self.queue.get()
        async with self.lock:
            await self.event.wait()
        asyncio.get_running_loop().time()
        asyncio.create_task(self.one("x"))
        done, pending = await workflow.wait([asyncio.create_task(self.one("x"))])
        for task in done:
            await task
        for task in workflow.as_completed([]):
            await task
        await workflow.execute_activity(charge, name, start_to_close_timeout=timedelta(seconds=1))
        await workflow.execute_activity_method(Activities.ship, start_to_close_timeout=timedelta(seconds=1))
        await workflow.start_activity(charge, name, retry_policy=RetryPolicy(maximum_attempts=1))
        await workflow.execute_local_activity(charge, name)
        await self.call(charge)
        for one in sorted(self.seen):
            await self.one(one)
        for one in sorted({"b", "a"} | ALLOWED):
            await self.one(one)
        len(self.seen), min(self.seen), max(self.seen), sum({1, 2})
        any(x for x in self.seen), all(x for x in self.seen)
        sorted(x.lower() for x in self.seen)
        sorted([x for x in self.seen if x])
        sorted(list(self.seen), key=lambda x: (len(x), x))
        ",".join(sorted(self.seen))
        name in ALLOWED
        self.seen.add(name)
        self.seen.discard(name)
        self.seen |= {"x"}
        {x.lower() for x in self.seen}
        set(x for x in self.seen)
        frozenset(self.seen)
        self.seen.isdisjoint({"a"})
        self.seen == {"a"}
        if self.seen:
            pass
        ordered = list(self.seen)
        ordered.sort()
        for one in ordered:
            await self.one(one)
        (only,) = self.seen
        copied = set()
        for one in self.seen:
            copied.add(one)
        for key in self.by_name:
            await self.one(key)
        for key, item in self.by_name.items():
            await self.one(key)
        for key in self.by_name.keys():
            await self.one(key)
        list(self.by_name.values())
        for key in dict.fromkeys(names):
            await self.one(key)
        for key, count in Counter(names).items():
            await self.one(key)
        groups = defaultdict(set)
        groups["x"].add("y")
        for key in groups:
            sorted(groups[key])
        for color in Color:
            color.name
        for left, right in zip(names, NAMES):
            pass
        for one in itertools.chain(names, NAMES):
            pass
        for part in Item("x").parts:
            await self.one(part)
        hash(3)
        hashlib.sha256(name.encode()).hexdigest()
        repr(Named())
        f"{Item('x')!r} {Color.RED}"
        getattr(self, "done")
        getattr(self, "missing", None)
        for attribute in ("done", "items"):
            getattr(self, attribute)
        os.path.join("a", "b")
        os.path.basename("a")
        PurePosixPath("a") / "b"
        Path("a").name
        Path("a").with_suffix(".x")
        json.dumps({"a": 1}, sort_keys=True)
        math.floor(1.5)
        Decimal("1")
        operator.itemgetter(0)(names)
        secrets.compare_digest("a", "b")
        functools.reduce(operator.add, [1])
        double(2)
        slug("x")
        self.clock.time()
        self.done = True
        self.items.append(Item("x"))
        local: list[str] = []
        local.append("x")
        box = {}
        box["x"] = 1
        if workflow.patched("new"):
            pass
        workflow.deprecate_patch("old")
        if not workflow.unsafe.is_replaying():
            print("x")
            logging.getLogger("a").info("x")
        try:
            await self.one("x")
        except Exception:
            pass
        try:
            await self.one("x")
        except asyncio.CancelledError:
            await self.one("y")
            raise
        try:
            await self.one("x")
        except BaseException as error:
            raise ApplicationError("x") from error
        try:
            await self.one("x")
        except asyncio.CancelledError:
            raise
        except BaseException:
            pass
        try:
            await self.one("x")
        finally:
            self.done = True
        task = asyncio.create_task(self.one("x"))
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        with contextlib.suppress(asyncio.CancelledError):
            await task
        with contextlib.suppress(KeyError, ApplicationError):
            self.by_name["x"]
        await workflow.wait_condition(lambda: self.done)
        dataclasses.replace(Item("x"), name="y")
        collections.OrderedDict(a=1)
        for unknown in self.load():
            list(unknown)
        if isinstance(names, set):
            names = sorted(names)
        for one in names:
            await self.one(one)
        workflow.continue_as_new(names)

    async def one(self, name: str) -> str:
        return name

    async def call(self, function):
        return await workflow.execute_activity(function, start_to_close_timeout=timedelta(seconds=1))

    def load(self):
        return self.queue.items()

    @workflow.signal
    async def add(self, name: str) -> None:
        self.items.append(Item(name))
        self.by_name[name] = Item(name)
        await workflow.execute_activity(charge, name)

    @workflow.query
    def names(self) -> list[str]:
        found = []
        for item in self.items:
            found.append(item.name)
        counts = {}
        counts["x"] = 1
        copied = Item("x")
        copied.name = "y"
        return sorted(found)

    @workflow.update
    async def change(self, name: str) -> None:
        self.done = True

    @change.validator
    def check(self, name: str) -> None:
        if not name:
            raise ValueError("empty")


class Unused:
    at = time.time()

    def helper(self):
        return time.time()


def uncalled():
    os.environ["X"] = "y"


async def main() -> None:
    print(datetime.datetime.now(), helper_of_main(), TASK_QUEUE)


if __name__ == "__main__":
    asyncio.run(main())
