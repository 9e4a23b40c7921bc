import itertools
import json
from collections import deque
from dataclasses import dataclass, field
from typing import AbstractSet, FrozenSet, Optional

from temporalio import workflow

NAMES = frozenset({"a", "b"})
Ids = set[str]


@dataclass
class Order:
    tags: set[str] = field(default_factory=set)
    groups: dict[str, set[str]] = field(default_factory=dict)


def names() -> set[str]:
    return load()


def made():
    found = set()
    found.add("x")
    return found


def walk(values):
    for value in values:  # expect: set-order
        yield value


def both(left: Ids, right: Optional[FrozenSet[str]]):
    list(left)  # expect: set-order
    if right:
        tuple(right)  # expect: set-order


@workflow.defn
class Sets:
    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.order = Order()
        self.later = None

    @workflow.signal
    async def add(self, name: str) -> None:
        self.later = {name}
        for one in self.later:  # expect: set-order
            self.seen.add(one + "x")
            await workflow.sleep(1)

    @workflow.run
    async def run(self, given: AbstractSet[str], orders: dict[str, Order], rows: list) -> None:
        for one in {"a", "b"}:  # expect: set-order
            await workflow.sleep(1)
        for one in NAMES:  # expect: set-order
            print_it(one)
        for one in self.seen:  # expect: set-order
            print_it(one)
        for one in self.order.tags:  # expect: set-order
            print_it(one)
        for one in self.order.groups["x"]:  # expect: set-order
            print_it(one)
        for group in self.order.groups.values():
            list(group)  # expect: set-order
        for key, group in self.order.groups.items():
            [x for x in group]  # expect: set-order
        for one in given:  # expect: set-order
            print_it(one)
        for one in orders["x"].tags:  # expect: set-order
            print_it(one)
        for one in names():  # expect: set-order
            print_it(one)
        for one in made():  # expect: set-order
            print_it(one)
        list(set(rows))  # expect: set-order
        list(walk(set(rows)))
        both(set(), None)
        ",".join(set(rows))  # expect: set-order
        ",".join({str(x) for x in rows})  # expect: set-order
        ",".join(x for x in set(rows))  # expect: set-order
        [*set(rows)]  # expect: set-order
        (*set(rows),)  # expect: set-order
        first, *rest = set(rows)  # expect: set-order
        a, b = {"x", "y"}  # expect: set-order
        next(iter(set(rows)))  # expect: set-order
        set(rows).pop()  # expect: set-order
        self.seen.pop()  # expect: set-order
        dict.fromkeys(set(rows))  # expect: set-order
        {x: 1 for x in set(rows)}  # expect: set-order
        enumerate(set(rows))  # expect: set-order
        list(zip([1], set(rows)))  # expect: set-order
        list(map(str, set(rows)))  # expect: set-order
        list(filter(None, set(rows)))  # expect: set-order
        for one in set(rows) | set("ab"):  # expect: set-order
            print_it(one)
        for one in set(rows).union("ab"):  # expect: set-order
            print_it(one)
        for one in self.seen - {"a"}:  # expect: set-order
            print_it(one)
        for one in orders.keys() & {"a"}:  # expect: set-order
            print_it(one)
        for one in orders.keys() - self.order.groups.keys():  # expect: set-order
            print_it(one)
        f"{set(rows)}"  # expect: set-order
        f"{self.seen!r}"  # expect: set-order
        str(set(rows))  # expect: set-order
        "%s" % set(rows)  # expect: set-order
        "{}".format(set(rows))  # expect: set-order
        rows.extend(set(rows))  # expect: set-order
        deque(set(rows))  # expect: set-order
        list(itertools.chain([1], set(rows)))  # expect: set-order
        for index, one in enumerate(self.seen):  # expect: set-order
            print_it(one)
        results = [*{1, 2}, 3]  # expect: set-order
        chosen = set(rows) if rows else set()
        for one in chosen:  # expect: set-order
            print_it(one)
        unique = {x for x in rows}
        for one in unique.copy():  # expect: set-order
            print_it(one)
        out = []
        out += set(rows)  # expect: set-order
        json.dumps(list(NAMES))  # expect: set-order
        await self.all(*set(rows))  # expect: set-order
        while self.seen:
            self.seen.pop()  # expect: set-order
        if isinstance(rows, set):
            for one in rows:  # expect: set-order
                print_it(one)
        match chosen:
            case set() as matched:
                list(matched)  # expect: set-order
        pending = {str(x) for x in rows}
        print_it(sorted(enumerate(pending)))  # expect: set-order

    async def all(self, *values):
        return values


def print_it(x):
    return x
