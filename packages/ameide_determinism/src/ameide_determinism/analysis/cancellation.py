"""Whether code swallows the exception by which a workflow is cancelled."""

from __future__ import annotations

import ast

from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.externals import CANCELLING
from ameide_determinism.analysis.frame import Frame
from ameide_determinism.project.definitions import own_nodes
from ameide_determinism.values import External

_GROUPS = frozenset({"builtins.BaseExceptionGroup"})

_THROWN_INTO = frozenset({"contextmanager", "coroutine"})
"""Decorators of plain generators at whose `yield` the exception of an `await` elsewhere is raised."""


def check_try(engine: Engine, frame: Frame, node: ast.Try | ast.TryStar) -> None:
    """Checks the handlers of a `try`, and a `finally` that leaves by `return`."""
    protected = [*node.body, *node.orelse, *(one for handler in node.handlers for one in handler.body)]
    for statement in _leaving(node.finalbody) if _can_be_cancelled(frame, protected) else ():
        shown = type(statement).__name__.lower()
        engine.report(frame, "swallowed-cancellation", statement, f"`{shown}` in `finally`")
    if frame.reraising or not _can_be_cancelled(frame, node.body):
        return  # in a handler that ends by raising the cancellation again, what is caught meanwhile is not lost
    expected = _awaits_what_it_cancelled(frame, node.body)
    for handler in node.handlers:
        if not _catches_cancellation(engine, frame, handler):
            continue
        if _raises(handler.body):
            return  # cancellation ends here; handlers below do not see it
        if not expected:
            engine.report(frame, "swallowed-cancellation", handler, _shown(handler))
        return


def is_expected(engine: Engine, frame: Frame, node: ast.With | ast.AsyncWith, item: ast.withitem) -> bool:
    """Whether `with suppress(CancelledError)` loses nothing: it awaits what was cancelled itself, or nothing at all."""
    call = item.context_expr
    if not isinstance(call, ast.Call):
        return False
    if _can_be_cancelled(frame, node.body) and not _awaits_what_it_cancelled(frame, node.body):
        return False
    return any(
        isinstance(atom, External) and atom.name == "contextlib.suppress" for atom in engine.evaluate(frame, call.func)
    )


def _can_be_cancelled(frame: Frame, body: list[ast.stmt]) -> bool:
    """Whether cancellation can arrive in code: only where a coroutine, or a context manager around one, waits."""
    if frame.info is None:
        return False
    node = frame.info.node
    nodes = _own(body)
    if not isinstance(node, ast.AsyncFunctionDef):
        manages = any(one.rpartition(".")[2] in _THROWN_INTO for one in frame.info.decorators)
        return manages and any(isinstance(one, ast.Yield | ast.YieldFrom) for one in nodes)
    return any(
        isinstance(one, ast.Await | ast.AsyncFor | ast.AsyncWith | ast.Yield)
        or (isinstance(one, ast.comprehension) and bool(one.is_async))
        for one in nodes
    )


def _shown(handler: ast.ExceptHandler) -> str:
    return f"`except {ast.unparse(handler.type)}`" if handler.type is not None else "a bare `except`"


def _catches_cancellation(engine: Engine, frame: Frame, handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    for one in types:
        for atom in engine.evaluate(frame, one):
            if isinstance(atom, External) and atom.name in CANCELLING | _GROUPS:
                return True
    value = engine.evaluate(frame, handler.type)
    held = [inner for atom in value for inner in getattr(atom, "element", ())]
    return any(isinstance(atom, External) and atom.name in CANCELLING for atom in held)


def _raises(body: list[ast.stmt]) -> bool:
    """Whether a handler raises on every way through it that does not end in a check for something else."""
    return any(isinstance(one, ast.Raise) for one in _own(body))


def _own(body: list[ast.stmt]) -> list[ast.AST]:
    return own_nodes(ast.Module(body=body, type_ignores=[]))


def _leaving(body: list[ast.stmt]) -> list[ast.stmt]:
    found: list[ast.stmt] = []
    for statement in body:
        match statement:
            case ast.Return():
                found.append(statement)
            case ast.If(body=then, orelse=orelse):
                found += _leaving(then) + _leaving(orelse)
            case ast.With(body=inner) | ast.AsyncWith(body=inner):
                found += _leaving(inner)
            case _:
                pass
    return found


def _awaits_what_it_cancelled(frame: Frame, body: list[ast.stmt]) -> bool:
    """Whether code only awaits tasks that the function itself cancelled."""
    if frame.info is None:
        return False
    cancelled = frame.info.cancelled
    if not cancelled:
        return False
    awaited = [one for one in _own(body) if isinstance(one, ast.Await)]
    return bool(awaited) and all(ast.unparse(one.value) in cancelled for one in awaited)
