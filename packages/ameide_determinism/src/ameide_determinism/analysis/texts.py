"""Objects turned into text, and conditions on whether a history is replayed."""

from __future__ import annotations

import ast

from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import Arguments, Frame
from ameide_determinism.values import External, Function, Instance, Value, is_protobuf_map, is_set, of

_NAMED = ("__repr__", "__str__", "__format__")


def as_text(engine: Engine, frame: Frame, node: ast.expr, value: Value, *, by_repr: bool = False) -> None:
    """Checks that the text of an object is the same on every worker."""
    if is_set(value):
        engine.report(frame, "set-order", node, "the text of a set:")
    if is_protobuf_map(value):
        engine.report(frame, "protobuf-map-order", node, "the text of a map field:")
    for atom in value:
        if isinstance(atom, Function):
            engine.report(frame, "default-repr", node, f"the text of the function {atom.info.name}:")
        elif isinstance(atom, Instance) and not isinstance(atom.cls, str):
            _object_text(engine, frame, node, atom, by_repr=by_repr)
        elif isinstance(atom, Instance) and atom.cls == "builtins.object":
            engine.report(frame, "default-repr", node, "the text of an object():")


def _object_text(engine: Engine, frame: Frame, node: ast.expr, atom: Instance, *, by_repr: bool) -> None:
    if isinstance(atom.cls, str):
        return
    order = ("__repr__",) if by_repr else ("__format__", "__str__", "__repr__")
    bases = engine.mro(atom.cls)
    for name in order:
        if any(not isinstance(base, str) and name in base.members for base in bases):
            engine.call_method(frame, of(atom), name, Arguments([], open=True), node)
            return
    plain = all(
        base in ("builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol")
        if isinstance(base, str)
        else not base.is_dataclass and not base.node.keywords
        for base in bases
    )
    if plain and not atom.cls.module.is_stub:
        engine.report(frame, "default-repr", node, f"the text of a {atom.cls.name}:")


def is_not_replaying(engine: Engine, frame: Frame, test: ast.expr) -> bool:
    """Whether a condition holds only when nothing is replayed: `not workflow.unsafe.is_replaying()`."""
    if "is_replaying" not in frame.module.text:
        return False
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return asks_replaying(engine, frame, operand)
        case ast.BoolOp(op=ast.And()):
            return any(is_not_replaying(engine, frame, one) for one in test.values)
        case ast.Compare(left=left, ops=[ast.Is() | ast.Eq()], comparators=[ast.Constant(value=False)]):
            return asks_replaying(engine, frame, left)
        case _:
            return False


def asks_replaying(engine: Engine, frame: Frame, node: ast.expr) -> bool:
    """Whether an expression is a call of `workflow.unsafe.is_replaying`."""
    if not isinstance(node, ast.Call):
        return False
    names = {"temporalio.workflow.unsafe.is_replaying", "temporalio.workflow.unsafe.is_replaying_history_events"}
    return any(isinstance(atom, External) and atom.name in names for atom in engine.evaluate(frame, node.func))


def mentions_replaying(engine: Engine, frame: Frame, test: ast.expr) -> bool:
    """Whether a condition asks anywhere whether a history is replayed."""
    return any(isinstance(one, ast.Call) and asks_replaying(engine, frame, one) for one in ast.walk(test))
