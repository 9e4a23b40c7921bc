"""Repairs of hazards, where they are safe: the text to write instead."""

from __future__ import annotations

import ast
from typing import Final

from ameide_determinism.analysis.frame import Frame
from ameide_determinism.findings import Edit
from ameide_determinism.values import Instance, Value

WORKFLOW: Final = "{workflow}"
"""Stands for the name by which the module knows `temporalio.workflow`."""

_CALLS: Final = {
    "time.time": "time()",
    "time.monotonic": "time()",
    "time.perf_counter": "time()",
    "time.time_ns": "time_ns()",
    "time.monotonic_ns": "time_ns()",
    "time.perf_counter_ns": "time_ns()",
    "datetime.datetime.today": "now()",
    "datetime.datetime.utcnow": "now().replace(tzinfo=None)",
    "datetime.date.today": "now().date()",
    "uuid.uuid4": "uuid4()",
}
"""Calls without arguments; `utcnow` gives a time without zone, and so does what is written instead."""

_RANDOM_METHODS: Final = frozenset(
    {
        *("random", "randint", "randrange", "choice", "choices", "sample", "shuffle", "uniform", "gauss", "triangular"),
        *("betavariate", "expovariate", "gammavariate", "lognormvariate", "normalvariate", "paretovariate"),
        *("vonmisesvariate", "weibullvariate", "getrandbits", "randbytes"),
    }
)

_RENAMED: Final = {"asyncio.wait": "wait", "asyncio.as_completed": "as_completed"}

_UTC: Final = frozenset({"timezone.utc", "datetime.timezone.utc", "UTC", "datetime.UTC", "dt.UTC", "dt.timezone.utc"})


def of_call(frame: Frame, rule: str, name: str, node: ast.AST) -> tuple[Edit, ...]:
    """The repair of a call; empty: there is none that is safe."""
    if not isinstance(node, ast.Call) or frame.info is None:
        return ()
    if name in _CALLS and not node.args and not node.keywords:
        return (replace(node, f"{WORKFLOW}.{_CALLS[name]}"),)
    if name == "datetime.datetime.now":
        return _now(node)
    if name.startswith("random.") and name.removeprefix("random.") in _RANDOM_METHODS:
        return (replace(node.func, f"{WORKFLOW}.random().{name.removeprefix('random.')}"),)
    if name in _RENAMED:
        return (replace(node.func, f"{WORKFLOW}.{_RENAMED[name]}"),)
    if rule == "print" and name == "builtins.print":
        return _print(node)
    return ()


def _now(node: ast.Call) -> tuple[Edit, ...]:
    zones = [*node.args, *(keyword.value for keyword in node.keywords)]
    if len(zones) > 1:
        return ()
    if not zones or ast.unparse(zones[0]) in _UTC:
        return (replace(node, f"{WORKFLOW}.now()"),)
    return (replace(node.func, f"{WORKFLOW}.now().astimezone"),)


def _print(node: ast.Call) -> tuple[Edit, ...]:
    if node.keywords or not node.args or any(isinstance(one, ast.Starred) for one in node.args):
        return ()
    function = replace(node.func, f"{WORKFLOW}.logger.info")
    if len(node.args) == 1:
        return (function,)
    first = node.args[0]
    pattern = '"' + " ".join(["%s"] * len(node.args)) + '", '
    insertion = Edit(first.lineno, first.col_offset, first.lineno, first.col_offset, pattern)
    return (function, insertion)


def of_sorted(node: ast.expr, value: Value) -> tuple[Edit, ...]:
    """Puts `sorted(...)` around an expression, where what it holds is known to have an order."""
    if isinstance(node, ast.Starred) or not all(isinstance(atom, Instance) for atom in value):
        return ()
    for atom in value:
        if isinstance(atom, Instance) and any(
            isinstance(one, Instance) and (not isinstance(one.cls, str) or one.cls in _UNORDERABLE)
            for one in atom.element
        ):
            return ()
    if isinstance(node, ast.NamedExpr | ast.Yield | ast.Await | ast.GeneratorExp):
        return ()
    opening = Edit(node.lineno, node.col_offset, node.lineno, node.col_offset, "sorted(")
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
    closing = Edit(end_line, end_column, end_line, end_column, ")")
    return (opening, closing)


_UNORDERABLE: Final = frozenset({"builtins.None", "builtins.dict", "builtins.object", "builtins.set"})


def replace(node: ast.expr, text: str) -> Edit:
    """Writes text in the place of a node."""
    return Edit(node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or 0, text)
