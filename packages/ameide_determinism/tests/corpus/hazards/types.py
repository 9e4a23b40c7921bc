import dataclasses
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Dict, Generic, List, NamedTuple, Set, Tuple, TypedDict, TypeVar, Union

from temporalio import workflow

T = TypeVar("T")
Names = Set[str]
Nested = Dict[str, List[Set[str]]]


class Row(TypedDict):
    tags: set[str]


class Point(NamedTuple):
    names: set[str]
    x: int = 0


class Box(Generic[T]):
    def __init__(self, value: T) -> None:
        self.value = value

    def get(self) -> T:
        return self.value


@dataclass(frozen=True)
class Input:
    members: frozenset[str]
    extra: "set[str] | None" = None


class Group:
    members: set[str]

    @property
    def active(self) -> set[str]:
        return self.members

    def both(self, other: "Group") -> set[str]:
        return self.members & other.members

    @classmethod
    def default(cls):
        return {"a", "b"}

    def __iter__(self):
        return iter(self.members)  # expect: set-order


class Colors(Enum):
    ALL = frozenset({"r", "g"})


def pair() -> tuple[set[str], int]:
    return set(), 1


def find(flag):
    if flag:
        return {"a"}
    return None


async def fetch() -> set[str]:
    return await workflow.execute_activity("x", result_type=set)


def transform(values: Union[Set[str], None] = None):
    values = values or set()
    return [v.upper() for v in values]  # expect: set-order


def passthrough(values):
    return values


@workflow.defn
class Types:
    tags: set[str]

    @workflow.init
    def __init__(self, start: Input) -> None:
        self.start = start
        self.pending = set()
        self.groups: dict[str, Group] = {}
        self.index = defaultdict(set)
        self.history: list[set[str]] = []

    @workflow.run
    async def run(self, start: Input) -> list[str]:
        for m in start.members:  # expect: set-order
            m
        for m in self.start.members:  # expect: set-order
            m
        for m in start.extra or ():  # expect: set-order
            m
        for m in self.tags:  # expect: set-order
            m
        for m in self.groups["a"].members:  # expect: set-order
            m
        for m in self.groups["a"].active:  # expect: set-order
            m
        for m in self.groups["a"].both(self.groups["b"]):  # expect: set-order
            m
        for m in Group.default():  # expect: set-order
            m
        for m in Group():
            m
        for m in Colors.ALL.value:
            m
        left, count = pair()
        for m in left:  # expect: set-order
            m
        for m in find(True) or []:  # expect: set-order
            m
        for m in await fetch():  # expect: set-order
            m
        transform({"a"})
        for m in passthrough({"a"}):  # expect: set-order
            m
        for m in self.index["x"]:  # expect: set-order
            m
        for group in self.index.values():
            for m in group:  # expect: set-order
                m
        for m in self.history[-1]:  # expect: set-order
            m
        for batch in self.history:
            tuple(batch)  # expect: set-order
        row: Row = {"tags": {"a"}}
        for m in row["tags"]:  # expect: set-order
            m
        for m in Point({"a"}).names:  # expect: set-order
            m
        names: Names = load()
        for m in names:  # expect: set-order
            m
        nested: Nested = load()
        for m in nested["x"][0]:  # expect: set-order
            m
        annotated: Annotated[set[str], "x"] = load()
        list(annotated)  # expect: set-order
        boxed = Box({"a"})
        list(boxed.get())  # expect: set-order
        list(boxed.value)  # expect: set-order
        copied = set(names)
        copied.update(["x"])
        list(copied)  # expect: set-order
        merged = {*names, "x"}
        list(merged)  # expect: set-order
        difference = copied.difference(merged)
        list(difference)  # expect: set-order
        copied -= {"x"}
        list(copied)  # expect: set-order
        copied ^= {"x"}
        list(copied)  # expect: set-order
        keys = set(self.groups)
        for key in keys:  # expect: set-order
            key
        for key in set(self.groups.values()):  # expect: set-order
            key
        for key in frozenset(self.groups):  # expect: set-order
            key
        for key, value in zip(names, names):  # expect: set-order
            key
        items = list(names)[:3]  # expect: set-order
        first = list(names)[0]  # expect: set-order
        for m in reversed(list(names)):  # expect: set-order
            m
        for key in self.groups.keys() | {"z"}:  # expect: set-order
            key
        for key in self.groups.items() & self.groups.items():  # expect: set-order
            key
        for key in {g for g in self.groups if g}:  # expect: set-order
            key
        result = [m async for m in stream({"a"})]
        OrderedDict.fromkeys(names)  # expect: set-order
        payload = {"names": names}
        for m in payload["names"]:  # expect: set-order
            m
        for m in (names if start else copied):  # expect: set-order
            m
        for m in names.intersection(copied) - {"a"}:  # expect: set-order
            m
        worker = dataclasses.replace(start, members=frozenset())
        for m in worker.members:  # expect: set-order
            m
        it = iter(names)  # expect: set-order
        next(it)
        await workflow.execute_activity("x", args=[*names])  # expect: set-order
        await workflow.execute_activity("x", list(names))  # expect: set-order
        return [str(m) for m in names]  # expect: set-order

    @workflow.update
    async def add(self, members: set[str]) -> None:
        for m in members:  # expect: set-order
            self.history.append({m})

    @workflow.signal
    def drop(self, members: list[str]) -> None:
        remaining = set(members) - self.pending
        while remaining:
            remaining.pop()  # expect: set-order


async def stream(values):
    for v in values:  # expect: set-order
        yield v
