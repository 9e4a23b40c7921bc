"""Functions whose result shows the order of what they go through after all: by equals, or by rounding."""

from __future__ import annotations

import ast
from typing import Final

from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import Frame
from ameide_determinism.analysis.iteration import elements
from ameide_determinism.values import External, Function, Instance, Value

_BY_KEY: Final = {
    "builtins.sorted": 0,
    "builtins.min": 0,
    "builtins.max": 0,
    "heapq.nsmallest": 1,
    "heapq.nlargest": 1,
}
"""Functions that keep the order of elements whose keys are equal, and the position of what they go through."""

_TEXTS: Final = frozenset({"builtins.str", "builtins.repr"})

_ENUMS: Final = frozenset({"enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag"})


def shows_order(engine: Engine, frame: Frame, node: ast.Call, names: set[str]) -> bool:
    """Whether a call gives another result for another order of what it goes through.

    With a `key`, elements of equal keys keep their order, unless the key tells all elements apart. Sums of floats
    round differently.
    """
    if "builtins.sum" in names:
        return bool(node.args) and _holds_floats(engine.evaluate(frame, node.args[0], order_free=True))
    position = next((_BY_KEY[name] for name in sorted(names) if name in _BY_KEY), None)
    key = next((one.value for one in node.keywords if one.arg == "key"), None)
    if position is None or key is None or len(node.args) != position + 1:
        return False
    held = node.args[position]
    value = engine.evaluate(frame, key)
    return not (value and all(_tells_apart(engine, frame, atom, held) for atom in value))


def _holds_floats(value: Value) -> bool:
    return any(isinstance(atom, Instance) and atom.cls == "builtins.float" for atom in elements(value))


def _tells_apart(engine: Engine, frame: Frame, key: object, held: ast.expr) -> bool:
    """Whether a function gives different keys for different elements, as far as the code shows."""
    match key:
        case External(name=name):
            return name in _TEXTS
        case Instance(cls="builtins.None"):
            return True
        case Function(info=info):
            body = _returned(info.node)
            names = [one.arg for one in (*info.node.args.posonlyargs, *info.node.args.args)]
            given = names[1:] if key.receiver is not None else names
            return body is not None and bool(given) and _is_distinct(engine, frame, body, given[0], held)
        case _:
            return False


def _returned(node: ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef) -> ast.expr | None:
    """What a function returns, where that is all it does."""
    if isinstance(node, ast.Lambda):
        return node.body
    match node.body[-1]:
        case ast.Return(value=value) if all(isinstance(one, ast.Expr) for one in node.body[:-1]):
            return value
        case _:
            return None


def _is_distinct(engine: Engine, frame: Frame, body: ast.expr, name: str, held: ast.expr) -> bool:
    match body:
        case ast.Name(id=found):
            return found == name
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return any(_is_distinct(engine, frame, part, name, held) for part in parts)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return _is_distinct(engine, frame, inner, name, held)
        case ast.Call(func=ast.Name(id="str" | "repr" | "tuple"), args=[inner], keywords=[]):
            return _is_distinct(engine, frame, inner, name, held)
        case ast.Subscript(value=ast.Name(id=found), slice=ast.Constant(value=0)):
            # The keys of a mapping are distinct.
            return found == name and _is_items(held)
        case ast.Attribute(value=ast.Name(id=found), attr="value" | "name"):
            return found == name and _are_members(engine, engine.evaluate(frame, held, order_free=True))
        case _:
            return False


def _is_items(held: ast.expr) -> bool:
    return isinstance(held, ast.Call) and isinstance(held.func, ast.Attribute) and held.func.attr == "items"


def _are_members(engine: Engine, value: Value) -> bool:
    """Whether a container holds members of an Enum, each of which has its own name and value."""
    held = elements(value)
    return bool(held) and all(
        isinstance(atom, Instance)
        and not isinstance(atom.cls, str)
        and any(isinstance(base, str) and base in _ENUMS for base in engine.mro(atom.cls))
        for atom in held
    )
