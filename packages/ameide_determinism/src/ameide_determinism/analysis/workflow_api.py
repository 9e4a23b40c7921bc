"""Calls of `temporalio.workflow`: what workflows should use, though a few not everywhere."""

from __future__ import annotations

import ast
from typing import Final

from ameide_determinism.analysis.annotations import written
from ameide_determinism.analysis.calls import run_callback
from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import Arguments, Frame
from ameide_determinism.rules.results import RESULTS
from ameide_determinism.values import UNKNOWN, Class, External, Function, Text, Value, instance, of

_PREFIX: Final = "temporalio.workflow."

_COMMANDS: Final = (
    "execute_",
    "start_",
    "sleep",
    "wait_condition",
    "continue_as_new",
    "upsert_",
    "patched",
    "deprecate_patch",
    "random",
    "uuid4",
    "uuid7",
    "set_",
    "signal_with_start",
    "wait",
    "as_completed",
    "new_random",
)
"""Beginnings of what a query may not call; measured on temporalio 1.35.0, where the worker raises."""

_PASS_ON: Final = frozenset({"defn", "run", "signal", "query", "update", "init", "dynamic_config"})


def call(engine: Engine, frame: Frame, name: str, arguments: Arguments, node: ast.AST) -> Value:
    """What a call of the workflow API gives."""
    short = name.removeprefix(_PREFIX)
    if short in _PASS_ON:
        return arguments.at(0) if arguments.positional else of(External(name))
    if short.startswith(("Logger.", "unsafe.")):
        return UNKNOWN
    if short.startswith(_COMMANDS):
        engine.report(frame, "query-changes-state", node, f"workflow.{short}()", condition="query")
    if short == "continue_as_new":
        engine.report(frame, "continue-as-new-in-handler", node, "workflow.continue_as_new()", condition="handler")
    if short in ("patched", "deprecate_patch"):
        _patch(engine, frame, short, arguments, node)
    if short == "sleep":
        long_sleep(engine, frame, node, "workflow.sleep()")
    if short in ("wait_condition", "set_signal_handler", "set_query_handler", "set_update_handler") or short.startswith(
        "set_dynamic_"
    ):
        for value in (*arguments.positional, *arguments.keywords.values()):
            for atom in value:
                if isinstance(atom, Function):
                    run_callback(engine, frame, atom, node)
    if short in ("wait", "as_completed"):
        return UNKNOWN
    return written(RESULTS[name]) if name in RESULTS else _made(short, arguments)


def _made(short: str, arguments: Arguments) -> Value:
    last = short.rpartition(".")[2]
    if last[:1].isupper():
        return instance(f"{_PREFIX}{short}")
    given = arguments.keywords.get("result_type", UNKNOWN)
    return frozenset(one for atom in given for one in _typed(atom))


def _typed(atom: object) -> Value:
    if isinstance(atom, Class):
        return instance(atom.info)
    if isinstance(atom, External):
        return instance(atom.name)
    return UNKNOWN


def _patch(engine: Engine, frame: Frame, short: str, arguments: Arguments, node: ast.AST) -> None:
    ids = arguments.at(0, "id")
    if len(ids) != 1 or not all(isinstance(atom, Text | External) for atom in ids):
        engine.report(frame, "patch-id", node, f"workflow.{short}() with a computed id:")
    elif frame.loops:
        engine.report(frame, "patch-id", node, f"workflow.{short}() in a loop:")
    else:
        engine.report(frame, "patch-id", node, f"workflow.{short}() in a loop:", condition="loop")


SHORT_SECONDS: Final = 60
"""A sleep up to this long holds Continue-As-New up no longer than many an activity does."""


def long_sleep(engine: Engine, frame: Frame, node: ast.AST, shown: str) -> None:
    """Notes a sleep that may be long; only in `run` of an entity is that a hazard."""
    given = node.args[0] if isinstance(node, ast.Call) and node.args else None
    seconds = _seconds(given)
    if seconds is None or seconds > SHORT_SECONDS:
        engine.report(frame, "entity-sleep", node, shown, condition="entity")


def _seconds(node: ast.expr | None) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as seconds):
            return float(seconds)
        case ast.Call(func=ast.Name(id="timedelta") | ast.Attribute(attr="timedelta"), args=[], keywords=keywords):
            units = {"milliseconds": 0.001, "seconds": 1, "minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800}
            total = 0.0
            for keyword in keywords:
                amount = _seconds(keyword.value)
                if amount is None or keyword.arg not in units:
                    return None
                total += amount * units[keyword.arg]
            return total
        case _:
            return None
