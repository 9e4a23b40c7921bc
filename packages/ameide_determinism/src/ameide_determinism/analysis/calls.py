"""Calls: what is called, with which arguments, and what comes back."""

from __future__ import annotations

import ast
from typing import Final

from ameide_determinism.analysis import reflection, ties
from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import Arguments, Frame
from ameide_determinism.values import (
    MAPPINGS,
    UNKNOWN,
    Class,
    External,
    Function,
    Instance,
    ModuleValue,
    Partial,
    Super,
    Text,
    Value,
    join,
    of,
)

ORDER_FREE: Final = frozenset(
    {
        *(f"builtins.{name}" for name in ("sorted", "set", "frozenset", "len", "sum", "min", "max", "any", "all")),
        "math.fsum",
        "math.prod",
        "statistics.mean",
        "statistics.fmean",
        "statistics.median",
        "collections.Counter",
        "builtins.bool",
        "heapq.nlargest",
        "heapq.nsmallest",
    }
)
"""Functions whose result does not depend on the order of what they are given, but for `ties.shows_order`."""

_ORDER_FREE_METHODS: Final = frozenset(
    {
        "update",
        "union",
        "intersection",
        "difference",
        "symmetric_difference",
        "issubset",
        "issuperset",
        "isdisjoint",
        "intersection_update",
        "difference_update",
        "symmetric_difference_update",
    }
)
"""The same, of methods of sets."""

_KEEPS_ORDER: Final = frozenset(
    {
        *("builtins.list", "builtins.tuple", "builtins.map", "builtins.filter", "builtins.iter"),
        *("itertools.chain", "itertools.chain.from_iterable"),
    }
)
"""Functions that show the order of their argument to whoever uses their result, and to nobody else."""


def evaluate_call(engine: Engine, frame: Frame, node: ast.Call, *, order_free: bool = False) -> Value:
    """What a call gives."""
    func = node.func
    if isinstance(func, ast.Attribute):
        return _method_call(engine, frame, node, func, order_free=order_free)
    if isinstance(func, ast.Name) and func.id == "super" and frame.find("super") is None:
        return _super(engine, frame, node)
    callee = engine.evaluate(frame, func)
    names = {atom.name for atom in callee if isinstance(atom, External)}
    free = bool(names & ORDER_FREE) and not ties.shows_order(engine, frame, node, names)
    free = free or (order_free and bool(names & _KEEPS_ORDER))
    arguments = evaluate_arguments(engine, frame, node, order_free=free)
    if any(isinstance(atom, Text | Instance) for atom in callee) or names & reflection.REFLECTION:
        special = reflection.call(engine, frame, node, names, arguments)
        if special is not None:
            return special
    if not callee:
        run_callbacks(engine, frame, arguments, node)
        return UNKNOWN
    found: list[Value] = []
    for atom in callee:
        if isinstance(atom, External):
            direct = len(callee) == 1 and isinstance(func, ast.Name)
            found.append(engine.external_call(frame, atom.name, arguments, node, order_free=free, direct=direct))
        else:
            found.append(engine.call(frame, of(atom), arguments, node))
    return join(*found)


def _method_call(engine: Engine, frame: Frame, node: ast.Call, func: ast.Attribute, *, order_free: bool) -> Value:
    owner = engine.evaluate(frame, func.value)
    sets = any(isinstance(atom, Instance) and atom.cls in ("builtins.set", "builtins.frozenset") for atom in owner)
    externals = {f"{atom.name}.{func.attr}" for atom in owner if isinstance(atom, External)}
    free = bool(externals & ORDER_FREE) and not ties.shows_order(engine, frame, node, externals)
    free = free or (sets and func.attr in _ORDER_FREE_METHODS)
    free = free or (order_free and bool(externals & _KEEPS_ORDER))
    # The order in the text of a log line is nothing that replay compares.
    free = free or any(isinstance(atom, Instance) and atom.cls == "temporalio.workflow.Logger" for atom in owner)
    arguments = evaluate_arguments(engine, frame, node, order_free=free)
    if externals & reflection.REFLECTION:
        special = reflection.call(engine, frame, node, externals, arguments)
        if special is not None:
            return special
    if func.attr == "__hash__" and not node.args:
        reflection.check_hash(engine, frame, node, owner)
    if func.attr == "timestamp" and _is_naive(engine, frame, func.value):
        engine.report(frame, "local-time-zone", node, "timestamp() of a datetime without a time zone")
    origin = engine.origin(frame, func.value)
    if not owner:
        reflection.unknown_method(engine, frame, node, func, arguments)
        run_callbacks(engine, frame, arguments, node)
        return UNKNOWN
    found: list[Value] = []
    for atom in owner:
        match atom:
            case External():
                callee = engine.attribute(frame, atom, func.attr, func)
                found += [
                    engine.external_call(
                        frame, one.name, arguments, node, order_free=free, direct=len(owner) == len(callee) == 1
                    )
                    if isinstance(one, External)
                    else engine.call(frame, of(one), arguments, node)
                    for one in callee
                ]
                if not callee:
                    run_callbacks(engine, frame, arguments, node)
            case Instance() | Text():
                found.append(engine.call_method(frame, of(atom), func.attr, arguments, node, origin))
            case _:
                callee = engine.attribute(frame, atom, func.attr, func)
                if isinstance(atom, Super):
                    callee = frozenset(
                        Function(one.info, one.closure, one.receiver, frame.origins.get("self", ""))
                        if isinstance(one, Function)
                        else one
                        for one in callee
                    )
                for one in callee:
                    if isinstance(one, External):
                        found.append(engine.external_call(frame, one.name, arguments, node, order_free=free))
                    else:
                        found.append(engine.call(frame, of(one), arguments, node))
                if not callee:
                    run_callbacks(engine, frame, arguments, node)
    return join(*found)


def _is_naive(engine: Engine, frame: Frame, node: ast.expr) -> bool:
    """Whether an expression makes a datetime without a time zone: `datetime(2024, 1, 1)`."""
    if not isinstance(node, ast.Call) or any(isinstance(one, ast.Starred) for one in node.args):
        return False
    # The time zone is the eighth argument.
    if len(node.args) > 7 or any(one.arg in ("tzinfo", None) for one in node.keywords):
        return False
    return engine.evaluate(frame, node.func) == of(External("datetime.datetime"))


def evaluate_arguments(engine: Engine, frame: Frame, node: ast.Call, *, order_free: bool = False) -> Arguments:
    """Evaluates the arguments of a call, in their order."""
    arguments = Arguments()
    for one in node.args:
        if isinstance(one, ast.Starred):
            value = engine.evaluate(frame, one.value, order_free=order_free)
            items = next((atom.items for atom in value if isinstance(atom, Instance) and atom.items is not None), None)
            if len(value) == 1 and items is not None and not arguments.open:
                arguments.positional += items
                arguments.origins += [engine.origin(frame, one.value)] * len(items)
                continue
            element = engine.iterate(frame, one.value, value, order_free=order_free)
            arguments.open = True
            arguments.spread = join(arguments.spread, element)
        else:
            value = engine.evaluate(frame, one, order_free=order_free)
            if arguments.open:
                arguments.spread = join(arguments.spread, value)
            else:
                arguments.positional.append(value)
                arguments.origins.append("" if isinstance(one, ast.Constant) else engine.origin(frame, one))
    for keyword in node.keywords:
        value = engine.evaluate(frame, keyword.value)
        if keyword.arg is None:
            arguments.open = True
            held = [atom.element for atom in value if isinstance(atom, Instance) and atom.cls in MAPPINGS]
            arguments.spread = join(arguments.spread, *held)
        else:
            arguments.keywords[keyword.arg] = value
            origin = engine.origin(frame, keyword.value)
            if origin:
                arguments.keyword_origins[keyword.arg] = origin
    return arguments


def call(engine: Engine, frame: Frame, callee: Value, arguments: Arguments, node: ast.AST) -> Value:
    """What calling each of the alternatives gives."""
    found: list[Value] = []
    for atom in callee:
        match atom:
            case External():
                found.append(engine.external_call(frame, atom.name, arguments, node))
            case Function():
                found.append(engine.run_function(frame, atom, arguments, node))
            case Class():
                found.append(engine.instantiate(frame, atom.info, arguments, node))
            case Partial():
                merged = Arguments(
                    [*atom.positional, *arguments.positional],
                    {**dict(atom.keywords), **arguments.keywords},
                    [""] * len(atom.positional) + arguments.origins,
                    arguments.keyword_origins,
                    arguments.open,
                    arguments.spread,
                )
                found.append(call(engine, frame, atom.function, merged, node))
            case Instance(cls=str() as cls):
                found.append(engine.external_call(frame, f"{cls}.__call__", arguments, node))
            case Instance():
                found.append(engine.call_method(frame, of(atom), "__call__", arguments, node))
            case ModuleValue() | Super() | Text():
                pass
    return join(*found)


def run_callbacks(engine: Engine, frame: Frame, arguments: Arguments, node: ast.AST) -> Value:
    """Follows the functions that are handed to code outside of the project, which may call them."""
    found: list[Value] = []
    for value in (*arguments.positional, *arguments.keywords.values(), arguments.spread):
        found += [run_callback(engine, frame, atom, node) for atom in value]
    return join(*found)


def run_callback(
    engine: Engine,
    frame: Frame,
    atom: object,
    node: ast.AST,
    *given: Value,
    order_free: bool = False,
) -> Value:
    """Follows one function that code outside of the project calls with what is given, or with anything."""
    arguments = Arguments(list(given), open=not given)
    match atom:
        case Function(info=info) if not info.is_activity:
            return engine.run_function(frame, atom, arguments, node)
        case Partial():
            return call(engine, frame, of(atom), arguments, node)
        case External() if given or "." in atom.name:
            count = len(given) or 9
            stand_in = Arguments([UNKNOWN] * count) if not given else arguments
            return engine.external_call(frame, atom.name, stand_in, node, order_free=order_free)
        case Class() if given:
            return engine.instantiate(frame, atom.info, arguments, node)
        case Instance(cls=cls) if not isinstance(cls, str):
            return engine.call_method(frame, of(atom), "__call__", arguments, node)
        case Instance(cls="builtins.list" | "builtins.tuple", element=element):
            for one in element:
                if isinstance(one, Function):
                    run_callback(engine, frame, one, node, *given)
            return UNKNOWN
        case _:
            return UNKNOWN


def _super(engine: Engine, frame: Frame, node: ast.Call) -> Value:
    if node.args:
        for one in node.args:
            engine.evaluate(frame, one)
    scope: Frame | None = frame
    while scope is not None:
        if scope.owner is not None and scope.receiver is not None:
            return of(Super(scope.owner, scope.receiver))
        scope = scope.closure
    return UNKNOWN
