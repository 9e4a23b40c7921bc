# ruff: noqa: D102 -- `Engine` says what each method is for
"""Puts the parts of the analysis together."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

from ameide_determinism.analysis import annotations, assignments, calls, expressions, externals, iteration, statements
from ameide_determinism.analysis.frame import Arguments, Frame, Hazard
from ameide_determinism.analysis.functions import Functions, decorated
from ameide_determinism.analysis.methods import container_method, text_method
from ameide_determinism.analysis.names import Names
from ameide_determinism.analysis.objects import Classes
from ameide_determinism.findings import Edit
from ameide_determinism.project.definitions import ClassInfo, FunctionInfo
from ameide_determinism.project.module import Module
from ameide_determinism.project.resolution import Modules
from ameide_determinism.rules.attributes import rule_of_attribute
from ameide_determinism.rules.catalogue import RULES
from ameide_determinism.rules.results import ATTRIBUTE_TYPES
from ameide_determinism.values import (
    CONTAINERS,
    UNKNOWN,
    Atom,
    Class,
    External,
    Function,
    Instance,
    ModuleValue,
    Super,
    Text,
    Value,
    covered,
    instance,
    join,
    of,
)

_SEQUENCES: Final = CONTAINERS | {
    "builtins.tuple",
    "builtins.dict_keys",
    "builtins.dict_items",
    "builtins.generator",
    "builtins.iterable",
    "protobuf.map",
    "collections.Counter",
}


class Analysis:
    """One pass over what workflows execute; each method is described by `Engine`."""

    def __init__(self, modules: Modules, stored: dict[tuple[ClassInfo, str], Value] | None = None) -> None:
        self.modules = modules
        self.attributes = stored if stored is not None else {}
        self.incomplete = False
        """Whether an attribute was read before all that is assigned to it was known; another pass knows it."""
        self._read: set[tuple[ClassInfo, str]] = set()
        self._names = Names(self)
        self._functions = Functions(self)
        self._classes = Classes(self)

    def evaluate(self, frame: Frame, node: ast.expr, *, order_free: bool = False) -> Value:
        return expressions.evaluate(self, frame, node, order_free=order_free)

    def execute(self, frame: Frame, body: Sequence[ast.stmt]) -> bool:
        return statements.execute(self, frame, body)

    def call(self, frame: Frame, callee: Value, arguments: Arguments, node: ast.AST) -> Value:
        return calls.call(self, frame, callee, arguments, node)

    def run_function(self, frame: Frame | None, function: Function, arguments: Arguments, node: ast.AST) -> Value:
        return self._functions.run(frame, function, arguments, node)

    def enter(self, frame: Frame, function: Function, arguments: Arguments, node: ast.AST) -> Frame | None:
        """The frame of a call, gone through."""
        return self._functions.frame(frame, function, arguments, node)

    def global_name(self, module: Module, name: str, frame: Frame | None, node: ast.AST) -> Value | None:
        return self._names.look_up(module, name, frame, node)

    def alias(self, module: Module, name: str) -> tuple[Module, ast.expr] | None:
        return self._names.alias(module, name)

    def annotation(self, frame: Frame, node: ast.expr | None) -> Value:
        return annotations.annotation(self, frame, node)

    def iterate(self, frame: Frame, node: ast.expr, value: Value, *, order_free: bool = False) -> Value:
        return iteration.iterate(self, frame, node, value, order_free=order_free)

    def assign(self, frame: Frame, target: ast.expr, value: Value, source: ast.expr | None = None) -> None:
        assignments.assign(self, frame, target, value, source)

    def origin(self, frame: Frame, node: ast.expr) -> str:
        return assignments.origin(self, frame, node)

    def changes(self, frame: Frame, node: ast.expr, subject: str, at: ast.AST) -> None:
        assignments.changes(self, frame, node, subject, at)

    def function_value(self, frame: Frame, info: FunctionInfo) -> Value:
        return decorated(self, frame, info, frame if frame.info is not None else None)

    def class_value(self, frame: Frame, info: ClassInfo) -> Value:
        return self._classes.value(frame, info)

    def class_body(self, info: ClassInfo) -> Frame:
        return self._classes.body(info)

    def instantiate(self, frame: Frame, info: ClassInfo, arguments: Arguments, node: ast.AST) -> Value:
        return self._classes.instantiate(frame, info, arguments, node)

    def mro(self, info: ClassInfo) -> Sequence[ClassInfo | str]:
        return self._classes.mro(info)

    def type_argument(self, owner: ClassInfo, parameter: str) -> Value:
        return self._classes.type_argument(owner, parameter)

    def stored(self, owner: ClassInfo, name: str) -> Value:
        found: Value = UNKNOWN
        for cls in self.mro(owner):
            if not isinstance(cls, str):
                self._read.add((cls, name))
                found = join(found, self.attributes.get((cls, name), UNKNOWN))
        return found

    def store(self, owner: ClassInfo, name: str, value: Value) -> None:
        known = self.attributes.get((owner, name), UNKNOWN)
        if not covered(value, known):
            self.attributes[owner, name] = join(known, value)
            if (owner, name) in self._read:
                self.incomplete = True

    def external_call(
        self,
        frame: Frame,
        name: str,
        arguments: Arguments,
        node: ast.AST,
        *,
        order_free: bool = False,
        direct: bool = False,
    ) -> Value:
        return externals.external_call(self, frame, name, arguments, node, order_free=order_free, direct=direct)

    def report(
        self,
        frame: Frame,
        rule: str,
        node: ast.AST,
        subject: str,
        *,
        condition: str = "",
        fix: tuple[Edit, ...] = (),
    ) -> None:
        line, column = getattr(node, "lineno", frame.line), getattr(node, "col_offset", 0)
        key = (rule, line, column)
        message = f"{subject} {RULES[rule].summary}"
        known = frame.hazards.get(key)
        # Alternatives of a value come in no fixed order: which of several messages stands does not depend on it.
        if known is None or (bool(known.condition), known.message) > (bool(condition), message):
            frame.hazards[key] = Hazard(rule, node, message, condition, fix)

    def attribute(self, frame: Frame, owner: Atom, name: str, node: ast.AST) -> Value:
        match owner:
            case External(name=known):
                return _external_attribute(known, name)
            case ModuleValue(module=module):
                return self._module_attribute(frame, module, name, node)
            case Instance(cls=str() as cls):
                typed = ATTRIBUTE_TYPES.get(f"{cls}.{name}")
                if typed is not None:
                    return annotations.written(typed)
                return of(External(f"{cls}.{name}"))
            case Text():
                return of(External(f"builtins.str.{name}"))
            case Instance() | Class():
                found = self._classes.attribute(frame, owner, name, node)
                return found if found is not None else self._inherited(owner, name)
            case Super(info=info, receiver=receiver):
                if isinstance(receiver, Instance | Class):
                    found = self._classes.attribute(frame, receiver, name, node, after=info)
                    return found if found is not None else UNKNOWN
                return UNKNOWN
            case Function(info=info):
                return instance("builtins.str") if name in ("__name__", "__qualname__", "__doc__") else UNKNOWN
            case _:
                return UNKNOWN

    def _inherited(self, owner: Instance | Class, name: str) -> Value:
        """An attribute that a class may have from a base outside of the project."""
        info = owner.cls if isinstance(owner, Instance) else owner.info
        if isinstance(info, str) or (name.startswith("__") and name.endswith("__")):
            if name == "__class__" and not isinstance(info, str):
                return of(Class(info))
            return instance("builtins.namespace") if name == "__dict__" else UNKNOWN
        bases = [one for one in self.mro(info) if isinstance(one, str)]
        return frozenset(External(f"{one}.{name}") for one in bases)

    def _module_attribute(self, frame: Frame, module: Module, name: str, node: ast.AST) -> Value:
        if not (name.startswith("__") and name.endswith("__")):
            scope = Frame("import", module, 1) if frame.module is module else frame
            found = self._names.look_up(module, name, scope, node)
            if scope is not frame:
                for one in scope.edges:
                    frame.leads_to(one, node)
            if found is not None:
                return found
        path = self.modules.submodule(module, name)
        loaded = self.modules.load(path) if path is not None else None
        if loaded is not None:
            return of(ModuleValue(loaded))
        return instance("builtins.namespace") if name == "__dict__" else UNKNOWN

    def call_method(
        self, frame: Frame, receiver: Value, name: str, arguments: Arguments, node: ast.AST, origin: str = ""
    ) -> Value:
        found: list[Value] = []
        special = name.startswith("__") and name.endswith("__")
        for atom in receiver:
            match atom:
                case Text():
                    if not special:
                        found.append(text_method(self, frame, name, arguments, node))
                case Instance(cls="builtins.str"):
                    if not special:
                        found.append(text_method(self, frame, name, arguments, node))
                case Instance(cls=str() as cls):
                    if cls in _SEQUENCES:
                        if not special or _is_explicit(node, name):
                            found.append(container_method(self, frame, atom, name, arguments, node, origin))
                    elif not special or _is_explicit(node, name):
                        found.append(self.external_call(frame, f"{cls}.{name}", arguments, node))
                case Instance():
                    found.append(self._own_method(frame, atom, name, arguments, node, origin, special=special))
                case _:
                    pass
        return join(*found)

    def _own_method(
        self,
        frame: Frame,
        owner: Instance,
        name: str,
        arguments: Arguments,
        node: ast.AST,
        origin: str,
        *,
        special: bool,
    ) -> Value:
        where = node.func if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else node
        held = self._classes.attribute(frame, owner, name, where)
        if held is None:
            if special:
                return UNKNOWN
            for base in self.mro(owner.cls) if not isinstance(owner.cls, str) else ():
                if isinstance(base, str) and base in CONTAINERS:
                    return container_method(self, frame, Instance(base), name, arguments, node, origin)
            held = self._inherited(owner, name)
        found: list[Value] = []
        for atom in held:
            if isinstance(atom, Function) and atom.receiver is not None:
                found += self._bound(
                    frame, Function(atom.info, atom.closure, atom.receiver, origin), name, arguments, node
                )
            elif isinstance(atom, External):
                found.append(self.external_call(frame, atom.name, arguments, node))
            else:
                found.append(self.call(frame, of(atom), arguments, node))
        if not held:
            calls.run_callbacks(self, frame, arguments, node)
        return join(*found)

    def _bound(self, frame: Frame, function: Function, name: str, arguments: Arguments, node: ast.AST) -> list[Value]:
        """Calls a method, and where it is abstract what the classes below say in its place."""
        found = [self.run_function(frame, function, arguments, node)]
        owner = function.receiver
        if function.info.is_abstract and isinstance(owner, Instance) and not isinstance(owner.cls, str):
            found += [
                self.call_method(frame, instance(cls), name, arguments, node, function.origin)
                for cls in self._classes.subclasses(owner.cls)
                if name in cls.members
            ]
        return found


def _is_explicit(node: ast.AST, name: str) -> bool:
    """Whether code calls a special method by its name."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name


def _external_attribute(owner: str, name: str) -> Value:
    full = f"{owner}.{name}"
    typed = ATTRIBUTE_TYPES.get(full)
    if typed is not None and not rule_of_attribute(full):
        return annotations.written(typed)
    return of(External(full))
