"""Branches on whether a history is replayed: only what leaves no trace may stand in them."""

from __future__ import annotations

import ast

from ameide_determinism.analysis import texts
from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import Frame

_TRACELESS = frozenset(
    {
        *("print", "debug", "info", "warning", "error", "exception", "critical", "log", "write", "flush"),
        *("add", "record", "inc", "increment", "observe", "set", "labels", "count", "capture_message"),
        *("set_attribute", "add_event", "start_span", "start_as_current_span", "end", "set_tag"),
    }
)
"""Calls that log, measure or trace."""


def check(engine: Engine, frame: Frame, node: ast.If) -> None:
    """Reports a branch on replay that does more than to log, measure or trace."""
    if "is_replaying" not in frame.module.text:
        return
    if texts.mentions_replaying(engine, frame, node.test) and not _traceless(node.body + node.orelse):
        engine.report(frame, "replay-branch", node.test, "a branch on workflow.unsafe.is_replaying()")


def _traceless(body: list[ast.stmt]) -> bool:
    for statement in body:
        match statement:
            case ast.Expr(value=ast.Call(func=func)):
                name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
                if name not in _TRACELESS:
                    return False
            case ast.Expr(value=ast.Constant()) | ast.Pass() | ast.Return(value=None):
                continue
            case ast.If(body=then, orelse=orelse):
                if not _traceless(then + orelse):
                    return False
            case ast.With(body=inner):
                if not _traceless(inner):
                    return False
            case ast.Assign(targets=[ast.Name()]):
                continue
            case _:
                return False
    return True
