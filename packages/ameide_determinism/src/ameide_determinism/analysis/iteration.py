"""Going through values: what it gives, and which values have no order of their own."""

from __future__ import annotations

import ast

from ameide_determinism.analysis import edits
from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import Arguments, Frame
from ameide_determinism.values import (
    MAPPINGS,
    SETS,
    STR,
    UNKNOWN,
    Class,
    Instance,
    Text,
    Value,
    instance,
    is_protobuf_map,
    is_set,
    join,
    of,
)


def iterate(engine: Engine, frame: Frame, node: ast.expr, value: Value, *, order_free: bool = False) -> Value:
    """What iterating gives. Reports a value without order, unless nobody sees the order."""
    if not order_free:
        report_order(engine, frame, node, value)
    return join(*(_element(engine, frame, node, atom, order_free=order_free) for atom in value))


def report_order(engine: Engine, frame: Frame, node: ast.AST, value: Value, subject: str = "") -> None:
    """Reports a value whose order is seen and that has none."""
    fix = edits.of_sorted(node, value) if isinstance(node, ast.expr) and not subject else ()
    if is_set(value):
        engine.report(frame, "set-order", node, subject or "going through a set:", fix=fix)
    if is_protobuf_map(value):
        engine.report(frame, "protobuf-map-order", node, subject or "going through a map field:", fix=fix)


def _element(engine: Engine, frame: Frame, node: ast.expr, atom: object, *, order_free: bool) -> Value:
    match atom:
        case Text():
            return STR
        case Instance(cls=str() as cls):
            if cls in MAPPINGS:
                return atom.key
            return STR if cls == "builtins.str" else atom.element
        case Instance():
            return _by_protocol(engine, frame, node, atom, order_free=order_free)
        case Class(info=info):
            # Members of an Enum are objects of it.
            return instance(info)
        case _:
            return UNKNOWN


def _by_protocol(engine: Engine, frame: Frame, node: ast.expr, atom: Instance, *, order_free: bool) -> Value:
    if not isinstance(atom.cls, str):
        bases = engine.mro(atom.cls)
        own = any(not isinstance(base, str) and "__iter__" in base.members for base in bases)
        if not own and not order_free and any(base in SETS for base in bases):
            engine.report(frame, "set-order", node, f"going through a {atom.cls.name}, which is a set:")
    for first, following in (("__iter__", "__next__"), ("__aiter__", "__anext__")):
        iterator = engine.call_method(frame, of(atom), first, Arguments(), node)
        found: list[Value] = []
        for one in iterator:
            if isinstance(one, Instance) and not isinstance(one.cls, str):
                found.append(engine.call_method(frame, of(one), following, Arguments(), node))
            elif isinstance(one, Instance):
                found.append(one.key if one.cls in MAPPINGS else one.element)
        if iterator:
            return join(*found)
    return engine.call_method(frame, of(atom), "__getitem__", Arguments(open=True), node)


def elements(value: Value) -> Value:
    """What a value holds, without looking at its order."""
    found: list[Value] = []
    for atom in value:
        match atom:
            case Text():
                found.append(STR)
            case Instance(cls=str() as cls):
                found.append(atom.key if cls in MAPPINGS else atom.element)
            case _:
                pass
    return join(*found)


def unordered(value: Value) -> bool:
    """Whether a value may have no order of its own."""
    return any(isinstance(atom, Instance) and (atom.cls in SETS or atom.cls == "protobuf.map") for atom in value)
