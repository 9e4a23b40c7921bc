"""Classes of the project: bases, attributes, and what making an object executes."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import UNSEEN, Arguments, Frame
from ameide_determinism.analysis.functions import decorated
from ameide_determinism.project.definitions import ClassInfo
from ameide_determinism.project.module import SourceError
from ameide_determinism.project.paths import shown
from ameide_determinism.values import UNKNOWN, Atom, Class, External, Function, Instance, Value, instance, join, of

_DATACLASS_BASES: Final = frozenset({"pydantic.BaseModel", "msgspec.Struct", "typing.NamedTuple", "sqlmodel.SQLModel"})

_PROCESS: Final = frozenset({"ameide_process.workflow.Process", "ameide_process.workflow._process.Process"})
_PROCESS_ATTRIBUTES: Final = ("state", "key", "activities")
"""What the type arguments of the base of a process are for, in their order."""


class Classes:
    """The classes that were looked at."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._mros: dict[ClassInfo, tuple[ClassInfo | str, ...]] = {}
        self._arguments: dict[ClassInfo, dict[str, Value]] = {}
        self._bodies: dict[ClassInfo, Frame] = {}
        self._closures: dict[ClassInfo, Frame | None] = {}
        self._made: set[ClassInfo] = set()
        self._bases: dict[ClassInfo, list[ClassInfo]] = {}

    def value(self, frame: Frame, info: ClassInfo) -> Value:
        """What a `class` statement binds: the class, or what decorators of the project make of it."""
        if frame.info is not None:
            self._closures[info] = frame
        plain = of(Class(info))
        value = plain
        for decorator in reversed(info.node.decorator_list):
            made = self._engine.evaluate(frame, decorator)
            ours = frozenset(atom for atom in made if not isinstance(atom, External))
            if ours:
                value = self._engine.call(frame, ours, Arguments([value]), decorator) or value
        return value if any(isinstance(atom, Class) for atom in value) else plain

    def mro(self, info: ClassInfo) -> tuple[ClassInfo | str, ...]:
        """A class and its bases, nearest first."""
        if info not in self._mros:
            self._mros[info] = (info,)
            order: list[ClassInfo | str] = [info]
            scope = self._scope(info)
            for node in info.node.bases:
                base = node.value if isinstance(node, ast.Subscript) else node
                found = self._engine.evaluate(scope, base)
                for atom in found:
                    if isinstance(atom, Class) and atom.info is not info:
                        if len(found) == 1:
                            self._own_base(info, atom.info)
                        order += self.mro(atom.info)
                    elif isinstance(atom, External):
                        order.append(atom.name)
            last = {one: index for index, one in enumerate(order)}
            self._mros[info] = tuple(one for index, one in enumerate(order) if last[one] == index)
        return self._mros[info]

    def _own_base(self, info: ClassInfo, base: ClassInfo) -> None:
        """Notes that a class derives from itself by way of a class whose only possible base it is."""
        self._bases.setdefault(info, []).append(base)
        seen: set[ClassInfo] = set()
        waiting = [(base, (info,))]
        while waiting:
            one, way = waiting.pop()
            if one is info:
                first = min(way, key=lambda cls: (str(cls.module.path), cls.node.lineno))
                places = ", ".join(f"{shown(cls.module.path)}:{cls.node.lineno} {cls.name}" for cls in way)
                message = f"class {first.name!r} is its own base, by way of {places}"
                self._engine.modules.problem(SourceError(first.module.path, message, first.node.lineno))
                return
            if one not in seen:
                seen.add(one)
                waiting += [(cls, (*way, one)) for cls in self._bases.get(one, [])]

    def type_argument(self, info: ClassInfo, parameter: str) -> Value:
        """What has the type that a class, or a base on the way, gives to a type parameter."""
        if info not in self._arguments:
            found: dict[str, Value] = {}
            self._arguments[info] = found
            for cls in self.mro(info):
                if isinstance(cls, str):
                    continue
                scope = self._scope(cls)
                for node in cls.node.bases:
                    if not isinstance(node, ast.Subscript):
                        continue
                    given = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
                    for atom in self._engine.evaluate(scope, node.value):
                        names: Sequence[str] = ()
                        if isinstance(atom, Class):
                            names = atom.info.type_parameters
                        elif isinstance(atom, External) and atom.name in _PROCESS:
                            names = _PROCESS_ATTRIBUTES
                        for name, one in zip(names, given, strict=False):
                            value = self._engine.annotation(scope, one)
                            if value and name not in found:
                                found[name] = value
        return self._arguments[info].get(parameter, UNKNOWN)

    def body(self, info: ClassInfo) -> Frame:
        """The frame of a class body, gone through without its methods."""
        if info not in self._bodies:
            frame = self._bodies[info] = Frame(f"class {info.qualname}", info.module, info.node.lineno)
            frame.closure = self._closures.get(info)
            plain = [
                one
                for one in info.node.body
                if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            ]
            for statement in plain:
                if isinstance(statement, ast.AnnAssign) and statement.value is None:
                    continue
                self._engine.execute(frame, [statement])
            for keyword in info.node.keywords:
                self._engine.evaluate(frame, keyword.value)
        return self._bodies[info]

    def subclasses(self, info: ClassInfo) -> list[ClassInfo]:
        """The classes of the modules read so far that derive from a class."""
        found: list[ClassInfo] = []
        for module in self._engine.modules.loaded:
            for node in module.tree.body:
                if isinstance(node, ast.ClassDef) and node.bases:
                    cls = module.class_(node)
                    if cls is not info and info in self.mro(cls):
                        found.append(cls)
        return found

    def _scope(self, info: ClassInfo) -> Frame:
        return Frame(info.qualname, info.module, info.node.lineno, closure=self._closures.get(info))

    def instantiate(self, frame: Frame, info: ClassInfo, arguments: Arguments, node: ast.AST) -> Value:
        """What calling a class gives, once everything that this executes was gone through."""
        made = instance(info)
        (receiver,) = made
        bases = self.mro(info)
        stub = info.module.is_stub
        if stub or any(
            isinstance(one, str) and one.rpartition(".")[2] in ("Enum", "StrEnum", "IntEnum") for one in bases
        ):
            return made
        for cls in bases:
            if not isinstance(cls, str):
                frame.leads_to(self.body(cls), node)
        self._made.add(info)
        if any(isinstance(one, str) and one.endswith(".BaseSettings") for one in bases):
            self._engine.report(frame, "environment", node, f"{info.name}()")
        self._subclass_hooks(frame, info, node)
        self._metaclass(frame, info, node)
        for name in ("__new__", "__init__"):
            held = self._function(info, name)
            if held is not None:
                owner: Atom = Class(info) if name == "__new__" else receiver
                self._engine.run_function(frame, Function(held.info, held.closure, owner), arguments, node)
        if self._function(info, "__init__") is None:
            self._fields(frame, info, receiver, arguments, node)
        after = self._function(info, "__post_init__") or self._function(info, "model_post_init")
        if after is not None:
            self._engine.run_function(frame, Function(after.info, after.closure, receiver), UNSEEN, node)
        return made

    def _metaclass(self, frame: Frame, info: ClassInfo, node: ast.AST) -> None:
        for cls in self.mro(info):
            if isinstance(cls, str):
                continue
            for keyword in cls.node.keywords:
                if keyword.arg != "metaclass":
                    continue
                for atom in self._engine.evaluate(self._scope(cls), keyword.value):
                    hook = self._function(atom.info, "__call__") if isinstance(atom, Class) else None
                    if hook is not None:
                        bound = Function(hook.info, hook.closure, Class(info))
                        self._engine.run_function(frame, bound, UNSEEN, node)

    def _subclass_hooks(self, frame: Frame, info: ClassInfo, node: ast.AST) -> None:
        for cls in self.mro(info)[1:]:
            if not isinstance(cls, str) and "__init_subclass__" in cls.members:
                hook = self._function(cls, "__init_subclass__")
                if hook is not None:
                    self._engine.run_function(frame, Function(hook.info, hook.closure, Class(info)), Arguments(), node)
                return

    def _fields(self, frame: Frame, info: ClassInfo, receiver: Atom, arguments: Arguments, node: ast.AST) -> None:
        """Goes through the defaults of the fields that a call does not give."""
        fields: dict[str, tuple[ClassInfo, ast.AnnAssign | ast.Assign]] = {}
        for cls in reversed(self.mro(info)):
            if isinstance(cls, str):
                continue
            for statement in cls.node.body:
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                    fields[statement.target.id] = (cls, statement)
                elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                    fields[statement.targets[0].id] = (cls, statement)
        for position, (name, (cls, statement)) in enumerate(fields.items()):
            given = (
                arguments.positional[position] if position < len(arguments.positional) else arguments.keywords.get(name)
            )
            if given is not None:
                self._engine.store(info, name, given)
                continue
            factory = _factory(statement.value)
            if factory is None:
                continue
            made_in = self.body(cls)
            held = Frame(f"default of {cls.qualname}.{name}", cls.module, statement.lineno, closure=made_in.closure)
            held.env = made_in.env
            frame.leads_to(held, node)
            for atom in self._engine.evaluate(held, factory):
                if isinstance(atom, External):
                    value = self._engine.external_call(held, atom.name, Arguments(), factory)
                else:
                    value = self._engine.call(held, of(atom), Arguments(), factory)
                self._engine.store(info, name, value)

    def _function(self, info: ClassInfo, name: str) -> Function | None:
        for cls in self.mro(info):
            if isinstance(cls, str):
                continue
            for statement in reversed(cls.members.get(name, [])):
                if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                    return Function(cls.module.function(statement, cls, cls.qualname), self._closures.get(cls))
        return None

    def attribute(
        self, frame: Frame, owner: Instance | Class, name: str, node: ast.AST, after: ClassInfo | None = None
    ) -> Value | None:
        """What an attribute of an object or a class is; None: it has none that is known.

        Behind `after` only, where that is given: what `super()` sees.
        """
        info = owner.cls if isinstance(owner, Instance) else owner.info
        if isinstance(info, str):
            return None
        stored = self._engine.stored(info, name) if after is None else UNKNOWN
        skipping = after is not None
        for cls in self.mro(info):
            if skipping:
                skipping = cls is not after
                continue
            if isinstance(cls, str):
                if cls in _PROCESS and name in _PROCESS_ATTRIBUTES:
                    return join(stored, self.type_argument(info, name)) or None
                continue
            if name in cls.members:
                held = self._member(frame, cls, owner, name, node)
                return join(stored, held) if held is not None else stored or None
        if stored:
            return stored
        if isinstance(owner, Instance) and info not in self._made and "__init__" in info.members:
            self._prepare(info)
            stored = self._engine.stored(info, name)
            if stored:
                return stored
        getter = self._function(info, "__getattr__") or self._function(info, "__getattribute__")
        if getter is not None and not (name.startswith("__") and name.endswith("__")):
            bound = Function(getter.info, getter.closure, owner)
            return self._engine.run_function(frame, bound, Arguments([UNKNOWN]), node)
        return None

    def _prepare(self, info: ClassInfo) -> None:
        """Goes through `__init__` of an object that the code only names the type of, to learn its attributes."""
        self._made.add(info)
        held = self._function(info, "__init__")
        if held is not None:
            (receiver,) = instance(info)
            self._engine.run_function(
                None, Function(held.info, held.closure, receiver), Arguments(open=True), info.node
            )

    def _member(self, frame: Frame, cls: ClassInfo, owner: Instance | Class, name: str, node: ast.AST) -> Value | None:
        found: list[Value] = []
        for statement in cls.members[name]:
            match statement:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    value = self._method(frame, cls, owner, statement, node)
                    if value is not None:
                        found.append(value)
                case ast.ClassDef():
                    found.append(of(Class(cls.module.class_(statement, cls.qualname))))
                case ast.AnnAssign() if statement.value is None:
                    scope = self._scope(cls)
                    scope.owner = cls
                    scope.receiver = owner
                    found.append(self._engine.annotation(scope, statement.annotation))
                case _:
                    found.append(self._held(frame, cls, owner, name, node))
        return join(*found)

    def _held(self, frame: Frame, cls: ClassInfo, owner: Instance | Class, name: str, node: ast.AST) -> Value:
        """An attribute of the class body; a descriptor is asked for what it gives."""
        body = self.body(cls)
        frame.leads_to(body, node)
        held = body.env.get(name, UNKNOWN)
        for atom in held:
            if isinstance(atom, Instance) and not isinstance(atom.cls, str):
                given = self._engine.call_method(frame, of(atom), "__get__", Arguments([of(owner)], open=True), node)
                if given:
                    return given
            if isinstance(atom, Function) and atom.receiver is None and isinstance(owner, Instance):
                return of(Function(atom.info, atom.closure, owner))
        is_enum = any(
            isinstance(one, str) and one.rpartition(".")[2] in ("Enum", "StrEnum", "IntEnum", "Flag")
            for one in self.mro(cls)
        )
        return instance(cls) if is_enum and isinstance(owner, Class) else held

    def _method(
        self,
        frame: Frame,
        cls: ClassInfo,
        owner: Instance | Class,
        statement: ast.FunctionDef | ast.AsyncFunctionDef,
        node: ast.AST,
    ) -> Value | None:
        info = cls.module.function(statement, cls, cls.qualname)
        if info.is_accessor:
            return None
        closure = self._closures.get(cls)
        if info.is_property:
            if isinstance(owner, Class):
                return UNKNOWN
            whose = self._engine.origin(frame, node.value) if isinstance(node, ast.Attribute) else ""
            return self._engine.run_function(frame, Function(info, closure, owner, whose), Arguments(), node)
        receiver: Atom | None = owner if isinstance(owner, Instance) else None
        if info.is_classmethod:
            receiver = Class(owner.cls) if isinstance(owner, Instance) and not isinstance(owner.cls, str) else owner
        if info.is_static:
            receiver = None
        # Decorators of the project wrap the plain function; the wrapper gets the object as its first argument.
        scope = Frame(f"decorators of {info.qualname}", cls.module, statement.lineno, closure=closure)
        value = decorated(self._engine, scope, info, closure)
        if scope.hazards or scope.edges:
            frame.leads_to(scope, node)
        return frozenset(
            Function(one.info, one.closure, receiver, one.origin) if isinstance(one, Function) else one for one in value
        )


def _factory(value: ast.expr | None) -> ast.expr | None:
    """What makes the default of a field: `field(default_factory=...)`."""
    if isinstance(value, ast.Call):
        for keyword in value.keywords:
            if keyword.arg in ("default_factory", "factory"):
                return keyword.value
        if ast.unparse(value.func).rpartition(".")[2] == "Factory" and value.args:
            return value.args[0]
    return None
