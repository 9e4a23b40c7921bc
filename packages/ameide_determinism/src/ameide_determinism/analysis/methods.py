"""Methods of the containers and texts of Python."""

from __future__ import annotations

import ast
from typing import Final

from ameide_determinism.analysis.builtin_calls import Call
from ameide_determinism.analysis.calls import run_callback
from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import GLOBAL, Arguments, Frame
from ameide_determinism.analysis.iteration import elements, iterate
from ameide_determinism.analysis.texts import as_text
from ameide_determinism.values import (
    CONTAINERS,
    MAPPINGS,
    SETS,
    STR,
    UNKNOWN,
    Instance,
    Value,
    covered,
    instance,
    join,
    of,
    tuple_of,
)

MUTATORS: Final = frozenset(
    {
        *("append", "extend", "insert", "remove", "pop", "clear", "add", "discard", "update", "setdefault", "popitem"),
        *("appendleft", "extendleft", "popleft", "rotate", "sort", "reverse", "difference_update", "subtract"),
        *("intersection_update", "symmetric_difference_update", "move_to_end", "__setitem__", "__delitem__"),
    }
)
"""Methods that change their container."""

_SET_RESULTS: Final = frozenset({"union", "intersection", "difference", "symmetric_difference", "copy"})

_ITERATING: Final = frozenset({"extend", "extendleft", "join", "writelines"})
"""Methods that go through their argument in its order."""

_TEXT_RESULTS: Final = frozenset(
    {
        *("join", "format", "strip", "lstrip", "rstrip", "lower", "upper", "title", "replace", "capitalize", "decode"),
        *("removeprefix", "removesuffix", "casefold", "zfill", "format_map", "center", "ljust", "rjust", "hex"),
        *("expandtabs", "swapcase", "translate"),
    }
)


def text_method(engine: Engine, frame: Frame, name: str, arguments: Arguments, node: ast.AST) -> Value:
    """What a method of a str gives."""
    call = Call(name, arguments, node, order_free=False)
    if name == "join":
        place = call.place(0)
        if isinstance(place, ast.expr):
            iterate(engine, frame, place, arguments.at(0))
    if name == "format":
        for index, value in enumerate(arguments.positional):
            place = call.place(index)
            if isinstance(place, ast.expr):
                as_text(engine, frame, place, value)
        for value in arguments.keywords.values():
            if isinstance(node, ast.expr):
                as_text(engine, frame, node, value)
    if name in _TEXT_RESULTS:
        return STR
    return instance("builtins.list", STR) if name in ("split", "rsplit", "splitlines", "partition") else UNKNOWN


def container_method(
    engine: Engine, frame: Frame, owner: Instance, name: str, arguments: Arguments, node: ast.AST, origin: str
) -> Value:
    """What a method of a container gives; one that changes a container of others is reported."""
    cls = owner.cls if isinstance(owner.cls, str) else ""
    if name in MUTATORS and cls in CONTAINERS:
        if origin == GLOBAL:
            engine.report(frame, "global-state", node, f"{name}() on an object of a module or a class:")
        elif origin:
            engine.report(frame, "query-changes-state", node, f"{name}()", condition="query")
    _learn(engine, frame, owner, name, arguments, node)
    call = Call(name, arguments, node, order_free=False)
    if cls in SETS:
        return _set_method(engine, frame, owner, name, arguments, node)
    if name in _ITERATING:
        place = call.place(0)
        if isinstance(place, ast.expr):
            iterate(engine, frame, place, arguments.at(0))
    if cls in MAPPINGS:
        return _mapping_method(engine, frame, owner, name, arguments, call)
    if name == "sort":
        for atom in arguments.keywords.get("key", arguments.spread):
            run_callback(engine, frame, atom, node, owner.element)
    match name:
        case "pop" | "popleft" | "__getitem__" | "__next__":
            return owner.element
        case "copy":
            return of(owner)
        case "isdisjoint":
            return instance("builtins.bool")
        case _:
            return UNKNOWN


def _set_method(engine: Engine, frame: Frame, owner: Instance, name: str, arguments: Arguments, node: ast.AST) -> Value:
    if name in ("pop", "__iter__"):
        engine.report(frame, "set-order", node, f"{name}() on a set:")
        return owner.element
    if name in ("__repr__", "__str__"):
        engine.report(frame, "set-order", node, "the text of a set:")
    if name in _SET_RESULTS:
        others = [elements(one) for one in arguments.positional]
        return instance(str(owner.cls), join(owner.element, *others))
    return UNKNOWN


def _mapping_method(
    engine: Engine, frame: Frame, owner: Instance, name: str, arguments: Arguments, call: Call
) -> Value:
    # Views of a map field go through it in its order, which is none.
    views = owner.cls == "protobuf.map"
    match name:
        case "keys":
            return (
                of(Instance("protobuf.map", owner.element, owner.key))
                if views
                else instance("builtins.dict_keys", owner.key)
            )
        case "values":
            return (
                instance("protobuf.map", UNKNOWN, owner.element) if views else instance("builtins.list", owner.element)
            )
        case "items":
            pair = tuple_of((owner.key, owner.element))
            return instance("protobuf.map", UNKNOWN, pair) if views else instance("builtins.dict_items", pair)
        case "get" | "pop" | "setdefault":
            return join(owner.element, arguments.at(1))
        case "popitem":
            if views:
                engine.report(frame, "protobuf-map-order", call.node, "popitem() on a map field:")
            return tuple_of((owner.key, owner.element))
        case "__getitem__":
            return owner.element
        case "copy":
            return of(owner)
        case "most_common":
            return instance("builtins.list", tuple_of((owner.key, owner.element)))
        case "elements":
            return instance("builtins.list", owner.key)
        case "update":
            for value in arguments.positional:
                for atom in value:
                    if isinstance(atom, Instance) and atom.cls in SETS:
                        iterate(engine, frame, _expression(call), of(atom))
            return UNKNOWN
        case _:
            return UNKNOWN


def _expression(call: Call) -> ast.expr:
    place = call.place(0)
    return place if isinstance(place, ast.expr) else ast.Constant(value=None, lineno=1, col_offset=0)


def _learn(engine: Engine, frame: Frame, owner: Instance, name: str, arguments: Arguments, node: ast.AST) -> None:
    """Remembers what is put into a container that a variable or an attribute holds."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return
    match name:
        case "append" | "add" | "appendleft":
            added, key = arguments.at(0), UNKNOWN
        case "insert":
            added, key = arguments.at(1), UNKNOWN
        case "extend":
            added, key = elements(arguments.at(0)), UNKNOWN
        case "setdefault":
            added, key = arguments.at(1), arguments.at(0)
        case "update" if owner.cls in SETS:
            added, key = elements(arguments.at(0)), UNKNOWN
        case _:
            return
    grow(engine, frame, node.func.value, owner, added, key)


def grow(engine: Engine, frame: Frame, node: ast.expr, owner: Instance, added: Value, key: Value = UNKNOWN) -> None:
    """Remembers that the container of an expression holds more."""
    if covered(added, owner.element) and covered(key, owner.key):
        return
    grown = instance(owner.cls, join(owner.element, added), join(owner.key, key))
    if isinstance(node, ast.Name):
        holder = frame.find(node.id)
        if holder is not None:
            holder.env[node.id] = (holder.env[node.id] - {owner}) | grown
    elif isinstance(node, ast.Attribute):
        for atom in engine.evaluate(frame, node.value):
            if isinstance(atom, Instance) and not isinstance(atom.cls, str):
                engine.store(atom.cls, node.attr, grown)
