"""What an expression can be, as far as the code shows it.

A value is a set of alternatives: one for each thing that the expression may be. The empty set means that nothing is
known. Nothing is ever concluded from what is not known, so an unknown value raises no finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from ameide_determinism.analysis.frame import Frame
    from ameide_determinism.project.definitions import ClassInfo, FunctionInfo
    from ameide_determinism.project.module import Module


@dataclass(frozen=True, slots=True)
class External:
    """Something outside of the project, by its dotted name: `time`, `datetime.datetime`, `os.environ`."""

    name: str


@dataclass(frozen=True, slots=True)
class Text:
    """A string that the code spells out."""

    text: str


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of a known class.

    Attributes:
        cls: Dotted name of an external class, or a class of the project.
        element: What iterating gives; of a mapping, its values.
        key: The keys of a mapping.
        items: What stands at each position of a tuple, where that is known.
    """

    cls: str | ClassInfo
    element: Value = frozenset()
    key: Value = frozenset()
    items: tuple[Value, ...] | None = None


@dataclass(frozen=True, slots=True)
class ModuleValue:
    """A module of the project."""

    module: Module


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the project, bound to a receiver or not.

    Attributes:
        info: Its definition.
        closure: The frame in which a nested function was defined.
        receiver: What `self` or `cls` is.
        persistent: Whether the receiver outlives the call that looks at it, see `Frame.origins`.
    """

    info: FunctionInfo
    closure: Frame | None = None
    receiver: Atom | None = None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Class:
    """A class of the project; `closure` is the frame of the function in which it is defined."""

    info: ClassInfo


@dataclass(frozen=True, slots=True)
class Partial:
    """A callable with some arguments given."""

    function: Value
    positional: tuple[Value, ...]
    keywords: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class Super:
    """What `super()` gives in a method of `info`."""

    info: ClassInfo
    receiver: Atom


Atom: TypeAlias = External | Text | Instance | ModuleValue | Function | Class | Partial | Super
Value: TypeAlias = frozenset[Atom]

UNKNOWN: Value = frozenset()
MAX_ALTERNATIVES = 24
"""Beyond this many, a value is cut: code does not branch over more by hand, and time stays bounded."""

MAX_DEPTH = 4
"""Containers in containers that are told apart."""

NONE: Value = frozenset({Instance("builtins.None")})
STR: Value = frozenset({Instance("builtins.str")})
INT: Value = frozenset({Instance("builtins.int")})

SETS = frozenset({"builtins.set", "builtins.frozenset", "weakref.WeakSet"})
MAPPINGS = frozenset(
    {
        "builtins.dict",
        "collections.defaultdict",
        "collections.OrderedDict",
        "collections.Counter",
        "protobuf.map",
    }
)
CONTAINERS = SETS | MAPPINGS | {"builtins.list", "collections.deque", "builtins.bytearray"}
"""Classes whose objects change."""


def of(*atoms: Atom) -> Value:
    """A value with these alternatives."""
    return frozenset(atoms)


def instance(cls: str | ClassInfo, element: Value = UNKNOWN, key: Value = UNKNOWN) -> Value:
    """An object of a class; what it holds is dropped where it nests deeper than `MAX_DEPTH`."""
    if element and depth(element) >= MAX_DEPTH:
        element = UNKNOWN
    if key and depth(key) >= MAX_DEPTH:
        key = UNKNOWN
    return frozenset({Instance(cls, element, key)})


def tuple_of(items: tuple[Value, ...]) -> Value:
    """A tuple whose positions are known."""
    if any(depth(item) >= MAX_DEPTH for item in items):
        return instance("builtins.tuple")
    return frozenset({Instance("builtins.tuple", join(*items), UNKNOWN, items)})


def join(*values: Value) -> Value:
    """What is one of the values."""
    joined: Value = UNKNOWN
    for value in values:
        if value and value is not joined:
            joined = joined | value if joined else value
    if len(joined) > MAX_ALTERNATIVES:
        texts = [atom for atom in joined if isinstance(atom, Text)]
        joined = (joined - frozenset(texts)) | STR if texts else joined
        if len(joined) > MAX_ALTERNATIVES:
            return frozenset(sorted(joined, key=_order)[:MAX_ALTERNATIVES])
    return joined


def _order(atom: Atom) -> str:
    match atom:
        case External():
            return f"e{atom.name}"
        case Text():
            return f"t{atom.text}"
        case Instance():
            return f"i{atom.cls if isinstance(atom.cls, str) else atom.cls.qualname}"
        case Function():
            return f"f{atom.info.module.path}{atom.info.node.lineno:06}"
        case Class() | Super():
            return f"c{atom.info.module.path}{atom.info.node.lineno:06}"
        case ModuleValue():
            return f"m{atom.module.path}"
        case Partial():
            return "p"


def depth(value: Value) -> int:
    """How deep containers nest in a value."""
    deepest = 0
    for atom in value:
        if isinstance(atom, Instance):
            inner = max(depth(atom.element) if atom.element else 0, depth(atom.key) if atom.key else 0)
            deepest = max(deepest, 1 + inner)
        elif isinstance(atom, Partial):
            deepest = max(deepest, 1 + depth(atom.function), *(1 + depth(one) for one in atom.positional))
    return deepest


def instances(value: Value, classes: frozenset[str]) -> list[Instance]:
    """The alternatives that are objects of one of some external classes."""
    return [atom for atom in value if isinstance(atom, Instance) and atom.cls in classes]


def is_set(value: Value) -> bool:
    """Whether a value may be a set."""
    return any(isinstance(atom, Instance) and atom.cls in SETS for atom in value)


def is_protobuf_map(value: Value) -> bool:
    """Whether a value may be a map field of a message."""
    return any(isinstance(atom, Instance) and atom.cls == "protobuf.map" for atom in value)


def is_none(value: Value) -> bool:
    """Whether a value is None for all that is known."""
    return value == NONE


def covered(value: Value, known: Value) -> bool:
    """Whether a value says nothing beyond what is known: containers count as what they hold together."""
    if value <= known:
        return True
    for atom in value - known:
        match atom:
            case Text():
                if not known >= STR:
                    return False
            case Instance(items=None):
                same = [one for one in known if isinstance(one, Instance) and one.cls == atom.cls]
                if not same or not covered(atom.element, join(*(one.element for one in same))):
                    return False
                if not covered(atom.key, join(*(one.key for one in same))):
                    return False
            case _:
                return False
    return True
