"""Functions and classes of the project, as they stand in the code."""

from __future__ import annotations

import ast
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from ameide_determinism.project.module import Module

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
ScopeNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


class FunctionInfo:
    """One function, method or lambda."""

    def __init__(self, node: FunctionNode, module: Module, owner: ClassInfo | None, prefix: str) -> None:
        self.node = node
        self.module = module
        self.owner = owner
        self.name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
        self.qualname = f"{prefix}.{self.name}" if prefix else self.name
        self.contexts = 0
        """How many combinations of arguments the function was followed with."""

    @cached_property
    def decorators(self) -> tuple[str, ...]:
        """Decorators as they are written, arguments left out: `workflow.run`."""
        if isinstance(self.node, ast.Lambda):
            return ()
        return tuple(ast.unparse(one.func if isinstance(one, ast.Call) else one) for one in self.node.decorator_list)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """The nodes of its body, those of functions and classes in it left out."""
        return own_nodes(self.node)

    @cached_property
    def is_generator(self) -> bool:
        """Whether calling it gives an iterator over what it yields."""
        return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in self.nodes)

    @cached_property
    def globals(self) -> frozenset[str]:
        """The names that it declares `global`."""
        return frozenset(name for node in self.nodes if isinstance(node, ast.Global) for name in node.names)

    @cached_property
    def nonlocals(self) -> frozenset[str]:
        """The names that it declares `nonlocal`."""
        return frozenset(name for node in self.nodes if isinstance(node, ast.Nonlocal) for name in node.names)

    @cached_property
    def cancelled(self) -> frozenset[str]:
        """The expressions, as they are written, on which it calls `cancel()`."""
        return frozenset(
            ast.unparse(node.func.value)
            for node in self.nodes
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "cancel"
        )

    @property
    def is_static(self) -> bool:
        """Whether it takes no receiver."""
        return "staticmethod" in self.decorators

    @property
    def is_classmethod(self) -> bool:
        """Whether its receiver is the class."""
        return "classmethod" in self.decorators or self.name in ("__new__", "__init_subclass__", "__class_getitem__")

    @cached_property
    def is_property(self) -> bool:
        """Whether reading the attribute calls it."""
        return any(
            one.rpartition(".")[2] in ("property", "cached_property", "abstractproperty") for one in self.decorators
        )

    @cached_property
    def is_accessor(self) -> bool:
        """Whether it sets or deletes a property of the same name."""
        return any(one in (f"{self.name}.setter", f"{self.name}.deleter") for one in self.decorators)

    @cached_property
    def is_activity(self) -> bool:
        """Whether it runs in activities when it is referred to and not called."""
        return any(one == "activity.defn" or one.endswith(".activity.defn") for one in self.decorators)

    @cached_property
    def is_abstract(self) -> bool:
        """Whether a subclass must say what it does."""
        return any(one.rpartition(".")[2] == "abstractmethod" for one in self.decorators) or (
            self.owner is not None and _says_nothing(self.node)
        )


class ClassInfo:
    """One class."""

    def __init__(self, node: ast.ClassDef, module: Module, prefix: str) -> None:
        self.node = node
        self.module = module
        self.name = node.name
        self.qualname = f"{prefix}.{node.name}" if prefix else node.name

    @cached_property
    def members(self) -> dict[str, list[ast.stmt]]:
        """The statements that bind each name of the class body, those under `if` and `try` included."""
        members: dict[str, list[ast.stmt]] = {}
        for statement in flattened(self.node.body):
            for name in bound_names(statement):
                members.setdefault(name, []).append(statement)
        return members

    @cached_property
    def decorators(self) -> tuple[str, ...]:
        """Decorators as they are written, arguments left out."""
        return tuple(ast.unparse(one.func if isinstance(one, ast.Call) else one) for one in self.node.decorator_list)

    @cached_property
    def assigned(self) -> frozenset[str]:
        """The attributes that methods of the class assign, to whatever object."""
        return frozenset(
            target.attr
            for method in self.node.body
            if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
            for one in ast.walk(method)
            if isinstance(one, ast.Assign | ast.AnnAssign)
            for target in (one.targets if isinstance(one, ast.Assign) else [one.target])
            if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name)
        )

    @cached_property
    def shared(self) -> frozenset[str]:
        """The attributes whose value is a container of the class body, which no method gives an instance of its own."""
        if self.is_dataclass:
            return frozenset()
        return frozenset(
            name
            for name, statements in self.members.items()
            if name not in self.assigned and any(makes_container(getattr(one, "value", None)) for one in statements)
        )

    @property
    def is_dataclass(self) -> bool:
        """Whether fields make its `__init__`: dataclasses and attrs."""
        return any(
            one.rpartition(".")[2] in ("dataclass", "define", "frozen", "mutable", "attrs", "attr", "s")
            for one in self.decorators
        )

    @cached_property
    def type_parameters(self) -> tuple[str, ...]:
        """Names of its type parameters: those of `Generic[...]`, of `Protocol[...]` or of `class C[T]`."""
        declared = tuple(str(getattr(one, "name", "")) for one in getattr(self.node, "type_params", ()))
        if declared:
            return declared
        names: list[str] = []
        for base in self.node.bases:
            if isinstance(base, ast.Subscript):
                arguments = base.slice.elts if isinstance(base.slice, ast.Tuple) else [base.slice]
                if ast.unparse(base.value).rpartition(".")[2] in ("Generic", "Protocol"):
                    return tuple(one.id for one in arguments if isinstance(one, ast.Name))
                names += [one.id for one in arguments if isinstance(one, ast.Name) and one.id not in names]
        return tuple(names)


_MAKERS = frozenset({"list", "dict", "set", "defaultdict", "deque", "Counter", "OrderedDict"})


def makes_container(value: ast.expr | None) -> bool:
    """Whether an expression makes a container that can be changed."""
    match value:
        case ast.List() | ast.Dict() | ast.Set() | ast.ListComp() | ast.DictComp() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in _MAKERS
        case _:
            return False


def own_nodes(scope: ast.AST) -> list[ast.AST]:
    """The nodes of a function's body, those of functions and classes in it left out."""
    found: list[ast.AST] = []
    pending: list[ast.AST] = list(scope.body) if isinstance(getattr(scope, "body", None), list) else []  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType, reportUnknownMemberType] -- every scope has a body
    if isinstance(scope, ast.Lambda):
        pending = [scope.body]
    while pending:
        node = pending.pop()
        found.append(node)
        if not isinstance(node, _SCOPES):
            for name in node._fields:
                value = getattr(node, name, None)
                if isinstance(value, list):
                    pending += [one for one in value if isinstance(one, ast.AST)]  # pyright: ignore[reportUnknownVariableType] -- checked here
                elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                    pending.append(value)
    return found


def flattened(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements in their order, those in branches, loops and `with` blocks included; compound ones come first."""
    found: list[ast.stmt] = []
    for statement in body:
        found.append(statement)
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for block in ("body", "orelse", "finalbody"):
            inner = getattr(statement, block, None)
            if isinstance(inner, list):
                found += flattened(inner)  # pyright: ignore[reportUnknownArgumentType] -- the grammar says statements
        for handler in getattr(statement, "handlers", ()):
            found += flattened(handler.body)
        for case in getattr(statement, "cases", ()):
            found += flattened(case.body)
    return found


def target_names(target: ast.expr) -> list[str]:
    """The names that an assignment to a target binds."""
    match target:
        case ast.Name():
            return [target.id]
        case ast.Tuple() | ast.List():
            return [name for one in target.elts for name in target_names(one)]
        case ast.Starred():
            return target_names(target.value)
        case _:
            return []


def bound_names(statement: ast.stmt) -> list[str]:
    """The names that a statement binds itself; what is inside of a compound statement is left out."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [statement.name]
        case ast.Assign():
            return [name for target in statement.targets for name in target_names(target)]
        case ast.AnnAssign() | ast.AugAssign():
            return target_names(statement.target)
        case ast.For() | ast.AsyncFor():
            return target_names(statement.target)
        case ast.With() | ast.AsyncWith():
            return [name for item in statement.items if item.optional_vars for name in target_names(item.optional_vars)]
        case ast.Import():
            return [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
        case ast.ImportFrom():
            return [alias.asname or alias.name for alias in statement.names if alias.name != "*"]
        case _:
            name = getattr(getattr(statement, "name", None), "id", None)  # `type X = ...`, from Python 3.12 on
            return [name] if isinstance(name, str) else []


def _says_nothing(node: FunctionNode) -> bool:
    if isinstance(node, ast.Lambda):
        return False
    for statement in node.body:
        match statement:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                continue
            case ast.Raise(exc=ast.Name(id="NotImplementedError") | ast.Call(func=ast.Name(id="NotImplementedError"))):
                continue
            case _:
                return False
    return True
