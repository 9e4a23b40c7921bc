"""What a condition says of the variables in it: `isinstance(x, set)`, `x is None`."""

from __future__ import annotations

import ast

from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import Frame
from ameide_determinism.project.definitions import ClassInfo
from ameide_determinism.rules.results import CLASS_ALIASES
from ameide_determinism.values import NONE, SETS, Atom, Class, External, Instance, Text, Value, instance, join


def when(engine: Engine, frame: Frame, test: ast.expr, *, holds: bool) -> dict[str, Value]:
    """Variables, and attributes of variables, as they are when a condition holds or does not."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return when(engine, frame, operand, holds=not holds)
        case ast.BoolOp(op=ast.And(), values=values) if holds:
            return {key: one for part in values for key, one in when(engine, frame, part, holds=True).items()}
        case ast.BoolOp(op=ast.Or(), values=values) if not holds:
            return {key: one for part in values for key, one in when(engine, frame, part, holds=False).items()}
        case ast.Call(func=ast.Name(id="isinstance"), args=[(ast.Name() | ast.Attribute()) as subject, classes]):
            return _isinstance(engine, frame, subject, classes, holds=holds)
        case ast.Compare(left=ast.Name() as subject, ops=[op], comparators=[ast.Constant(value=None)]):
            value = engine.evaluate(frame, subject)
            is_none = isinstance(op, ast.Is | ast.Eq)
            if is_none == holds:
                return {subject.id: NONE}
            return {subject.id: value - NONE} if value >= NONE and value != NONE else {}
        case ast.Name(id=name) if holds:
            value = engine.evaluate(frame, test)
            return {name: value - NONE} if value >= NONE and value != NONE else {}
        case _:
            return {}


def _isinstance(
    engine: Engine, frame: Frame, subject: ast.Name | ast.Attribute, classes: ast.expr, *, holds: bool
) -> dict[str, Value]:
    value = engine.evaluate(frame, subject)
    wanted = _classes(engine, frame, classes)
    if not wanted:
        return {}
    matching = frozenset(atom for atom in value if _class_of(atom) in wanted)
    match subject:
        case ast.Name(id=key):
            pass
        case ast.Attribute(value=ast.Name(id=owner), attr=attribute):
            key = f"{owner}.{attribute}"
        case _:
            return {}
    if not holds:
        return {key: value - matching} if matching else {}
    if not matching and wanted & SETS and not wanted <= SETS:
        return {}
    return {key: matching or join(*(instance(one) for one in wanted))}


def _classes(engine: Engine, frame: Frame, node: ast.expr) -> set[str | ClassInfo]:
    nodes = node.elts if isinstance(node, ast.Tuple) else [node]
    found: set[str | ClassInfo] = set()
    for one in nodes:
        for atom in engine.evaluate(frame, one):
            if isinstance(atom, External):
                found.add(CLASS_ALIASES.get(atom.name, atom.name))
            elif isinstance(atom, Class):
                found.add(atom.info)
    if "builtins.set" in found:
        found.add("builtins.frozenset")
    return found


def _class_of(atom: Atom) -> str | ClassInfo | None:
    if isinstance(atom, Instance):
        return atom.cls
    return "builtins.str" if isinstance(atom, Text) else None
