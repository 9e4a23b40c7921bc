"""Operators: those of sets and views give sets, those of the project's classes call their methods."""

from __future__ import annotations

import ast
from typing import Final

from ameide_determinism.analysis import texts
from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import Arguments, Frame
from ameide_determinism.values import (
    SETS,
    STR,
    External,
    Instance,
    Text,
    Value,
    instance,
    join,
    of,
)

_METHODS: Final[dict[type[ast.operator], str]] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.MatMult: "matmul",
    ast.Div: "truediv",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.LShift: "lshift",
    ast.RShift: "rshift",
    ast.BitOr: "or",
    ast.BitXor: "xor",
    ast.BitAnd: "and",
}

_COMPARISONS: Final[dict[type[ast.cmpop], str]] = {
    ast.Eq: "__eq__",
    ast.NotEq: "__ne__",
    ast.Lt: "__lt__",
    ast.LtE: "__le__",
    ast.Gt: "__gt__",
    ast.GtE: "__ge__",
}

_SET_OPERATORS: Final = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)

_VIEWS: Final = frozenset({"builtins.dict_keys", "builtins.dict_items"})


def binary(engine: Engine, frame: Frame, node: ast.BinOp) -> Value:
    """What `left op right` is."""
    left = engine.evaluate(frame, node.left)
    right = engine.evaluate(frame, node.right)
    if isinstance(node.op, ast.Mod) and any(_is_text(atom) for atom in left):
        values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
        for one in values:
            texts.as_text(engine, frame, one, engine.evaluate(frame, one))
        return STR
    return combined(engine, frame, node.op, left, right, node)


def combined(engine: Engine, frame: Frame, op: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
    """What an operator gives for two values."""
    if isinstance(op, ast.BitOr) and all(isinstance(one, External) or _is_class(one) for one in left | right):
        return join(left, right)  # types: `set[str] | None`
    name = _METHODS[type(op)]
    found: list[Value] = []
    for atom in left:
        match atom:
            case Instance(cls=str() as cls) if cls in SETS | _VIEWS:
                if isinstance(op, _SET_OPERATORS):
                    made = "builtins.set" if cls in _VIEWS else cls
                    others = [one.element for one in right if isinstance(one, Instance)]
                    found.append(instance(made, join(atom.element, *others)))
            case Instance(cls="builtins.dict" | "protobuf.map"):
                found.append(of(atom))
                found.append(right)
            case Instance(cls="builtins.list" | "builtins.tuple" as cls):
                others = [one.element for one in right if isinstance(one, Instance)]
                found.append(instance(cls, join(atom.element, *others)))
            case Instance(cls="pathlib.Path" | "datetime.datetime" | "datetime.timedelta" | "builtins.str" as cls):
                if cls == "datetime.datetime" and _is_datetime(right):
                    cls = "datetime.timedelta"
                found.append(instance(cls))
            case Text():
                found.append(STR)
            case Instance(cls="builtins.int" | "builtins.float"):
                found.append(of(atom))
            case Instance():
                found.append(engine.call_method(frame, of(atom), f"__{name}__", Arguments([right]), node))
            case _:
                pass
    for atom in right:
        if isinstance(atom, Instance) and not isinstance(atom.cls, str):
            found.append(engine.call_method(frame, of(atom), f"__r{name}__", Arguments([left]), node))
        elif isinstance(atom, Instance) and not left and _is_view(atom) and isinstance(op, _SET_OPERATORS):
            found.append(instance("builtins.set", atom.element))
    return join(*found)


def _is_view(atom: Instance) -> bool:
    return atom.cls in SETS | _VIEWS


def _is_datetime(value: Value) -> bool:
    return any(isinstance(atom, Instance) and atom.cls == "datetime.datetime" for atom in value)


def _is_class(atom: object) -> bool:
    return type(atom).__name__ == "Class" or (isinstance(atom, Instance) and atom.cls == "builtins.None")


def _is_text(atom: object) -> bool:
    return isinstance(atom, Text) or (isinstance(atom, Instance) and atom.cls == "builtins.str")


def augmented_method(op: ast.operator) -> str:
    """The method that `x op= y` calls first."""
    return f"__i{_METHODS[type(op)]}__"


def method(op: ast.operator) -> str:
    """The method that `x op y` calls."""
    return f"__{_METHODS[type(op)]}__"


def compare(engine: Engine, frame: Frame, node: ast.Compare) -> None:
    """Goes through a comparison; membership in a set is safe."""
    left = engine.evaluate(frame, node.left)
    for op, comparator in zip(node.ops, node.comparators, strict=True):
        right = engine.evaluate(frame, comparator)
        if isinstance(op, ast.In | ast.NotIn):
            engine.call_method(frame, right, "__contains__", Arguments([left]), node)
        elif type(op) in _COMPARISONS:
            engine.call_method(frame, left, _COMPARISONS[type(op)], Arguments([right]), node)
        left = right
