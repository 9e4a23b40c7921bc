"""Names of modules: each is looked up when it is first needed, so circular imports do no harm."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass, field

from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import Frame
from ameide_determinism.analysis.imports import bind_import, bind_import_from, source
from ameide_determinism.analysis.registries import with_registered
from ameide_determinism.analysis.unbound import explain
from ameide_determinism.project.definitions import bound_names, target_names
from ameide_determinism.project.module import Binding, Module
from ameide_determinism.rules.attributes import ATTRIBUTES
from ameide_determinism.rules.calls import CALLS, NEEDS_ARGUMENTS
from ameide_determinism.rules.results import RESULTS
from ameide_determinism.values import UNKNOWN, External, Value, join, of

_BUILTINS = frozenset(dir(builtins))
_KNOWN = (CALLS, NEEDS_ARGUMENTS, ATTRIBUTES, RESULTS)


@dataclass(slots=True)
class _Entry:
    """A name of a module: its value, and the frames in which that is made."""

    value: Value = UNKNOWN
    frames: list[Frame] = field(default_factory=list[Frame])


class Names:
    """The names of all modules, as far as they were looked up."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._entries: dict[tuple[Module, str], _Entry | None] = {}
        self._aliases: dict[tuple[Module, str], tuple[Module, ast.expr] | None] = {}
        self._frames: dict[ast.stmt, Frame] = {}
        self._values: dict[ast.stmt, Value] = {}

    def look_up(self, module: Module, name: str, frame: Frame | None, node: ast.AST) -> Value | None:
        """What a name is, builtins included; None: the module has none of that name.

        The frame that asks is led to the frames in which the value is made.
        """
        key = (module, name)
        if key not in self._entries:
            self._entries[key] = _Entry()  # whoever asks meanwhile gets what is known: nothing
            entry = self._find(module, name)
            self._entries[key] = entry
        entry = self._entries[key]
        if entry is None:
            return (
                of(External(f"builtins.{name}"))
                if name in _BUILTINS and frame is not None and frame.module is module
                else None
            )
        if frame is not None:
            for made in entry.frames:
                if made is not frame:
                    frame.leads_to(made, node)
        return entry.value

    def alias(self, module: Module, name: str) -> tuple[Module, ast.expr] | None:
        """The type that a name is an alias of: `Names = dict[str, set[str]]`, here or where it is imported from."""
        key = (module, name)
        if key not in self._aliases:
            self._aliases[key] = None  # for aliases that go in a circle
            bindings = module.bindings.get(name, [])
            if len(bindings) == 1:
                self._aliases[key] = self._alias(module, name, bindings[0].statement)
        return self._aliases[key]

    def _alias(self, module: Module, name: str, statement: ast.stmt) -> tuple[Module, ast.expr] | None:
        match statement:
            case ast.ImportFrom():
                taken = source(self._engine, module, statement)
                original = next((one.name for one in statement.names if (one.asname or one.name) == name), name)
                return self.alias(taken, original) if taken is not None else None
            case ast.Assign(value=(ast.Subscript() | ast.BinOp(op=ast.BitOr())) as value):
                return module, value
            case ast.AnnAssign(annotation=declared, value=ast.expr() as value) if "TypeAlias" in ast.unparse(declared):
                return module, value
            case ast.Assign(value=ast.Call(func=ast.Name(id="NewType"), args=[_, value])):
                return module, value
            case _:
                return None

    def _find(self, module: Module, name: str) -> _Entry | None:
        bindings = module.bindings.get(name)
        if bindings is None:
            return self._by_star(module, name)
        entry = _Entry()
        values = [self._bound(module, name, binding, entry) for binding in bindings]
        registry = Frame(name, module, bindings[0].statement.lineno)
        entry.value = with_registered(self._engine, registry, name, join(*values))
        if registry.edges or registry.hazards:
            entry.frames.append(registry)
        return entry

    def _by_star(self, module: Module, name: str) -> _Entry | None:
        outside: list[ast.ImportFrom] = []
        for owner, node, taken in self._stars(module):
            if taken is None:
                outside.append(node)
            elif name in taken.bindings and not name.startswith("_"):
                entry = _Entry()
                frame = Frame(f"import in {owner.path.stem}", owner, node.lineno)
                value = self.look_up(taken, name, frame, node)
                if value is not None:
                    entry.value = value
                    entry.frames = list(frame.edges)
                    return entry
        for knows in (_has, _has_all):
            for node in outside:
                if node.module and knows(node.module, name):
                    return _Entry(of(External(f"{node.module}.{name}")))
        return None

    def _stars(self, module: Module) -> Iterator[tuple[Module, ast.ImportFrom, Module | None]]:
        """The star imports that names come by, with the modules that have them and that they are from.

        Those of modules outside have none. Each module comes once: star imports can go in a circle.
        """
        seen = {module}
        waiting = [(module, node) for node in reversed(module.star_imports)]
        while waiting:
            owner, node = waiting.pop()
            taken = source(self._engine, owner, node)
            if taken is None:
                yield owner, node, None
            elif taken not in seen:
                seen.add(taken)
                yield owner, node, taken
                waiting += [(taken, one) for one in reversed(taken.star_imports)]

    def _bound(self, module: Module, name: str, binding: Binding, entry: _Entry) -> Value:
        statement = binding.statement
        match statement:
            case ast.Import():
                return dict(bind_import(self._engine, module, statement)).get(name, UNKNOWN)
            case ast.ImportFrom():
                passing = Frame(f"import in {module.path.stem}", module, statement.lineno)
                value = dict(bind_import_from(self._engine, module, statement, passing)).get(name, UNKNOWN)
                if not value:
                    explain(self._engine, module, statement, name)
                entry.frames += passing.edges
                return value
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                frame = self._frame(module, name, statement)
                entry.frames.append(frame)
                return self._once(
                    statement, lambda: self._engine.function_value(frame, module.function(statement, None, ""))
                )
            case ast.ClassDef():
                frame = self._frame(module, name, statement)
                entry.frames.append(frame)
                return self._once(statement, lambda: self._engine.class_value(frame, module.class_(statement)))
            case _:
                frame = self._frame(module, name, statement)
                entry.frames.append(frame)
                self._execute(frame, binding)
                return frame.env.get(name, UNKNOWN)

    def _once(self, statement: ast.stmt, make: object) -> Value:
        if statement not in self._values:
            self._values[statement] = UNKNOWN
            self._values[statement] = make()  # pyright: ignore[reportCallIssue, reportUnknownVariableType] -- the lambdas above
        return self._values[statement]

    def _frame(self, module: Module, name: str, statement: ast.stmt) -> Frame:
        frame = self._frames.get(statement)
        if frame is None:
            frame = self._frames[statement] = Frame(name, module, statement.lineno)
        return frame

    def _execute(self, frame: Frame, binding: Binding) -> None:
        if frame.done:
            return
        frame.done = True
        for guard in binding.guards:
            self._engine.evaluate(frame, guard)
        statement = binding.statement
        match statement:
            case ast.For() | ast.AsyncFor():
                element = self._engine.iterate(frame, statement.iter, self._engine.evaluate(frame, statement.iter))
                self._engine.assign(frame, statement.target, element)
            case ast.With() | ast.AsyncWith():
                for item in statement.items:
                    value = self._engine.evaluate(frame, item.context_expr)
                    if item.optional_vars is not None:
                        self._engine.assign(frame, item.optional_vars, value)
            case ast.AugAssign():
                for name in target_names(statement.target):
                    frame.env[name] = UNKNOWN
                self._engine.evaluate(frame, statement.value)
            case _ if type(statement).__name__ == "TypeAlias":  # `type X = ...`, from Python 3.12 on
                alias: ast.expr = getattr(statement, "value")  # noqa: B009 -- unknown to the syntax of 3.11
                for name in bound_names(statement):
                    frame.env[name] = self._engine.annotation(frame, alias)
            case _:
                self._engine.execute(frame, [statement])
        # What is bound stays; the names are read through the module, not through this frame.


def _has(module: str, name: str) -> bool:
    """Whether a module outside of the project is known to have a name that matters."""
    full = f"{module}.{name}"
    return any(known == full or known.startswith(f"{full}.") for table in _KNOWN for known in table)


def _has_all(module: str, name: str) -> bool:
    """Whether everything in a module outside of the project matters."""
    return f"{module}." in CALLS and name not in _BUILTINS
