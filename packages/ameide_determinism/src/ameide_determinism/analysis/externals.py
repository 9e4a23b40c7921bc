"""Calls of what lies outside of the project: whether they are hazards, and what they give."""

from __future__ import annotations

import ast
import re
from typing import Final

from ameide_determinism.analysis import builtin_calls, edits, workflow_api
from ameide_determinism.analysis.annotations import written
from ameide_determinism.analysis.calls import run_callback, run_callbacks
from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import GLOBAL, Arguments, Frame
from ameide_determinism.rules.calls import NEEDS_ARGUMENTS, rule_of_call
from ameide_determinism.rules.results import CLASS_ALIASES, RESULTS
from ameide_determinism.values import (
    NONE,
    UNKNOWN,
    External,
    Instance,
    Partial,
    Value,
    instance,
    of,
)

_CLASS_NAME: Final = re.compile(r"^[A-Z]")

_TYPE_TAKERS: Final = frozenset(
    {
        "builtins.isinstance",
        "builtins.issubclass",
        "typing.cast",
        "typing.TypeVar",
        "typing.NewType",
        "typing.get_type_hints",
        "typing.assert_type",
        "builtins.callable",
        "builtins.type",
        "functools.wraps",
        "functools.update_wrapper",
        "inspect.signature",
        "dataclasses.field",
        "dataclasses.fields",
        "attrs.field",
        "attr.ib",
        "attr.Factory",
        "attrs.Factory",
        "pydantic.Field",
        "dataclasses.is_dataclass",
        "contextlib.suppress",
    }
)
"""Functions that take functions or classes and call none of them."""

_IDENTITY: Final = frozenset(
    {
        "functools.lru_cache",
        "functools.cache",
        "functools.total_ordering",
        "functools.singledispatch",
        "contextlib.contextmanager",
        "contextlib.asynccontextmanager",
        "typing.final",
        "typing.override",
        "typing.overload",
        "typing.no_type_check",
        "typing.runtime_checkable",
        "typing_extensions.override",
        "typing_extensions.final",
        "typing_extensions.deprecated",
        "warnings.deprecated",
        "abc.abstractmethod",
        "builtins.staticmethod",
        "builtins.classmethod",
        "dataclasses.dataclass",
        "enum.unique",
        "types.coroutine",
        "asyncio.ensure_future",
        "asyncio.create_task",
        "asyncio.shield",
        "asyncio.wait_for",
        "copy.copy",
        "copy.deepcopy",
        "copy.replace",
        "dataclasses.replace",
        "typing.cast",
        "temporalio.workflow.defn",
    }
)
"""Functions that give what they are given; of decorators with arguments, what those give."""


def external_call(
    engine: Engine,
    frame: Frame,
    name: str,
    arguments: Arguments,
    node: ast.AST,
    *,
    order_free: bool = False,
    direct: bool = False,
) -> Value:
    """What calling something outside of the project gives; reported where that is a hazard."""
    if name.startswith("temporalio.workflow."):
        return workflow_api.call(engine, frame, name, arguments, node)
    rule = _rule(name, arguments, frame)
    if rule:
        engine.report(
            frame, rule, node, f"{_shown(name)}()", fix=edits.of_call(frame, rule, name, node) if direct else ()
        )
    handler = builtin_calls.HANDLERS.get(name)
    if handler is not None:
        return handler(engine, frame, builtin_calls.Call(name, arguments, node, order_free))
    if name in ("functools.partial", "functools.partialmethod"):
        rest = tuple(arguments.positional[1:])
        made = Partial(arguments.at(0), rest, tuple(sorted(arguments.keywords.items())))
        # Called later by whoever gets it; by code outside of the project it may be too, so it is followed at once.
        for atom in arguments.at(0):
            if isinstance(atom, External):
                run_callback(engine, frame, atom, node, *(rest or ()))
        return of(made)
    if name in ("functools.wraps", "functools.update_wrapper"):
        return arguments.at(0) if name.endswith("update_wrapper") else of(External(name))
    if name == "contextlib.suppress":
        _suppress(engine, frame, arguments, node)
        return UNKNOWN
    if name == "typing.cast":
        return arguments.at(1)
    if name == "typing.NewType":
        return arguments.at(1)
    if name in _IDENTITY:
        return arguments.at(0, "fn") or arguments.at(0, "coro") or of(External(name))
    if name not in _TYPE_TAKERS and not name.startswith("builtins.isinstance"):
        called = run_callbacks(engine, frame, arguments, node)
        if name.endswith(("reduce", "starmap")):
            return called
    _logger_adapter = name == "logging.LoggerAdapter" and any(
        isinstance(atom, Instance) and atom.cls == "temporalio.workflow.Logger" for atom in arguments.at(0)
    )
    if _logger_adapter:
        return instance("temporalio.workflow.Logger")
    return result_of(name, arguments)


def _rule(name: str, arguments: Arguments, frame: Frame) -> str:
    keywords = frozenset(arguments.keywords)
    count = 9 if arguments.open else len(arguments.positional) + len(keywords)
    if name in NEEDS_ARGUMENTS and not arguments.open:
        # None stands for the argument that is missing.
        keywords = frozenset(one for one, value in arguments.keywords.items() if value != NONE)
        count = len(keywords) + sum(value != NONE for value in arguments.positional)
    if name.startswith("builtins.object.__repr__"):
        return "default-repr"
    rule = rule_of_call(name, count, keywords)
    if rule in ("print", "logging") and frame.quiet:
        return ""
    return rule


def _shown(name: str) -> str:
    return name.removeprefix("builtins.").replace("asyncio.loop.", "loop.").replace(".seeded", "")


_FACTORIES: Final = frozenset(
    {
        *(
            "create_engine",
            "create_async_engine",
            "sessionmaker",
            "async_sessionmaker",
            "client",
            "resource",
            "connect",
        ),
        *("create_pool", "from_url", "insecure_channel", "secure_channel", "session", "create_client"),
    }
)
"""Last names of functions that make clients; what is made is told by the function's name."""


def result_of(name: str, arguments: Arguments) -> Value:
    """What a function outside of the project gives; what a class outside gives is an object of it."""
    if name in RESULTS:
        return written(RESULTS[name])
    if name == "random.Random":
        return instance("random.Random.seeded" if arguments.count else "random.Random")
    last = name.rpartition(".")[2]
    if last in _FACTORIES or _CLASS_NAME.match(last):
        return instance(CLASS_ALIASES.get(name, name))
    return UNKNOWN


def _suppress(engine: Engine, frame: Frame, arguments: Arguments, node: ast.AST) -> None:
    for value in arguments.positional:
        for atom in value:
            if isinstance(atom, External) and atom.name in CANCELLING:
                engine.report(frame, "swallowed-cancellation", node, f"suppress({atom.name.rpartition('.')[2]})")


CANCELLING: Final = frozenset(
    {
        "builtins.BaseException",
        "asyncio.CancelledError",
        "asyncio.exceptions.CancelledError",
        "concurrent.futures.CancelledError",
    }
)
"""Exceptions that a cancelled workflow ends by."""


def is_shared(engine: Engine, frame: Frame, node: ast.expr) -> bool:
    """Whether an expression is an object that other runs see too."""
    return engine.origin(frame, node) == GLOBAL
