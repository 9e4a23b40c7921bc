"""Calls that look names up: getattr and its relatives, and methods of objects of which nothing is known."""

from __future__ import annotations

import ast
from typing import Final

from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import Arguments, Frame
from ameide_determinism.analysis.texts import as_text
from ameide_determinism.rules.attributes import rule_of_attribute
from ameide_determinism.rules.calls import ANY_RECEIVER
from ameide_determinism.values import (
    STR,
    UNKNOWN,
    Class,
    External,
    Instance,
    Text,
    Value,
    instance,
    join,
    of,
)

_BY_NAME: Final = {
    "builtins.getattr": 1,
    "builtins.setattr": 1,
    "builtins.delattr": 1,
    "builtins.hasattr": 1,
    "operator.attrgetter": 0,
    "operator.methodcaller": 0,
    "inspect.getattr_static": 1,
}
"""Functions that take the name of an attribute, and its position."""

_TEXTS: Final = frozenset({"builtins.str", "builtins.repr", "builtins.format", "builtins.ascii", "reprlib.repr"})

_NAMESPACES: Final = frozenset({"builtins.globals", "builtins.locals", "builtins.vars"})

REFLECTION: Final = frozenset(_BY_NAME) | _TEXTS | _NAMESPACES | {"builtins.type", "builtins.hash"}
"""What `call` deals with."""


def call(engine: Engine, frame: Frame, node: ast.Call, names: set[str], arguments: Arguments) -> Value | None:
    """What a call that looks a name up gives; None: it is none."""
    for name in sorted(names & REFLECTION):
        if name in _BY_NAME:
            return _by_name(engine, frame, node, name, arguments)
        if name in _TEXTS and node.args and not isinstance(node.args[0], ast.Starred):
            value = arguments.at(0)
            as_text(engine, frame, node.args[0], value, by_repr=name not in ("builtins.str", "builtins.format"))
            return STR
        if name in _NAMESPACES:
            return instance("builtins.namespace")
        if name == "builtins.type" and arguments.count == 1:
            instances = [atom.cls for atom in arguments.at(0) if isinstance(atom, Instance)]
            return join(*(of(Class(cls)) for cls in instances if not isinstance(cls, str)))
        if name == "builtins.hash":
            return _hash(engine, frame, node, arguments)
    return None


def _by_name(engine: Engine, frame: Frame, node: ast.Call, name: str, arguments: Arguments) -> Value:
    attribute = arguments.at(_BY_NAME[name])
    short = name.rpartition(".")[2]
    if not attribute or not all(isinstance(atom, Text) for atom in attribute):
        engine.report(frame, "computed-attribute", node, f"{short}()")
        return UNKNOWN
    if name in ("builtins.setattr", "builtins.delattr"):
        engine.changes(frame, node.args[0], f"{short}()", node)
        return UNKNOWN
    if name != "builtins.getattr":
        return UNKNOWN
    found = [
        engine.attribute(frame, owner, atom.text, node)
        for owner in arguments.at(0)
        for atom in attribute
        if isinstance(atom, Text)
    ]
    for atom in join(*found):
        rule = rule_of_attribute(atom.name) if isinstance(atom, External) else ""
        if rule and isinstance(atom, External):
            engine.report(frame, rule, node, atom.name)
    return join(*found, arguments.at(2))


_STABLE: Final = frozenset({"builtins.int", "builtins.bool", "builtins.float", "decimal.Decimal", "fractions.Fraction"})
"""Classes whose objects have the same hash everywhere."""


def _hash(engine: Engine, frame: Frame, node: ast.Call, arguments: Arguments) -> Value:
    value = arguments.at(0)
    if not value or not all(_is_stable(atom) for atom in value):
        engine.report(frame, "hash-value", node, "hash()")
    return instance("builtins.int")


def check_hash(engine: Engine, frame: Frame, node: ast.Call, owner: Value) -> None:
    """Checks `x.__hash__()`; a class of the project says itself what it gives."""
    texts = [atom for atom in owner if isinstance(atom, Text | Instance) and not _is_own(atom)]
    if not owner or not all(_is_stable(atom) for atom in texts):
        engine.report(frame, "hash-value", node, "__hash__()")


def _is_own(atom: Text | Instance) -> bool:
    return isinstance(atom, Instance) and not isinstance(atom.cls, str)


def _is_stable(atom: object) -> bool:
    if not isinstance(atom, Instance):
        return False
    if atom.cls == "builtins.tuple" and atom.items is not None:
        return all(item and all(_is_stable(one) for one in item) for item in atom.items)
    return atom.cls in _STABLE


def unknown_method(engine: Engine, frame: Frame, node: ast.Call, func: ast.Attribute, arguments: Arguments) -> None:
    """Checks a method call on an object of which nothing is known: some names say enough."""
    rule = ANY_RECEIVER.get(func.attr)
    if rule:
        engine.report(frame, rule, node, f"{func.attr}()")
    if func.attr == "astimezone" and not arguments.count:
        engine.report(frame, "local-time-zone", node, "astimezone() without a time zone")
    if func.attr in ("append", "extend", "setdefault", "popitem", "appendleft", "insert", "update", "add", "clear"):
        if func.attr in ("update", "add", "clear") and engine.origin(frame, func.value) != "workflow":
            return
        engine.changes(frame, func.value, f"{func.attr}()", node)
    if func.attr == "join":
        for one in arguments.positional:
            engine.iterate(frame, node.args[0], one)
