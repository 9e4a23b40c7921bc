"""What the parts of the analysis ask of each other; `Analysis` puts the parts together."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ameide_determinism.analysis.frame import Arguments, Frame
    from ameide_determinism.findings import Edit
    from ameide_determinism.project.definitions import ClassInfo, FunctionInfo
    from ameide_determinism.project.module import Module
    from ameide_determinism.project.resolution import Modules
    from ameide_determinism.values import Atom, Function, Value


class Engine(Protocol):
    """The analysis, as its parts see it."""

    modules: Modules

    def evaluate(self, frame: Frame, node: ast.expr, *, order_free: bool = False) -> Value:
        """What an expression is. `order_free`: whoever uses it does not see its order."""
        ...

    def execute(self, frame: Frame, body: Sequence[ast.stmt]) -> bool:
        """Goes through statements; returns whether the end is reached."""
        ...

    def call(self, frame: Frame, callee: Value, arguments: Arguments, node: ast.AST) -> Value:
        """What calling a value gives."""
        ...

    def call_method(
        self, frame: Frame, receiver: Value, name: str, arguments: Arguments, node: ast.AST, origin: str = ""
    ) -> Value:
        """What calling a method gives; nothing where it is not known or not there."""
        ...

    def run_function(self, frame: Frame | None, function: Function, arguments: Arguments, node: ast.AST) -> Value:
        """What a function of the project returns."""
        ...

    def attribute(self, frame: Frame, owner: Atom, name: str, node: ast.AST) -> Value:
        """What an attribute is."""
        ...

    def global_name(self, module: Module, name: str, frame: Frame | None, node: ast.AST) -> Value | None:
        """What a name of a module is; None: the module has none of that name."""
        ...

    def alias(self, module: Module, name: str) -> tuple[Module, ast.expr] | None:
        """The type that a name of a module is an alias of, as it is written, and where; None: it is no such alias."""
        ...

    def annotation(self, frame: Frame, node: ast.expr | None) -> Value:
        """What has the annotated type."""
        ...

    def iterate(self, frame: Frame, node: ast.expr, value: Value, *, order_free: bool = False) -> Value:
        """What iterating a value gives; reports one that has no order."""
        ...

    def assign(self, frame: Frame, target: ast.expr, value: Value, source: ast.expr | None = None) -> None:
        """Binds a target."""
        ...

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
        """Notes a hazard."""
        ...

    def origin(self, frame: Frame, node: ast.expr) -> str:
        """Whose object an expression is, see `Frame.origins`."""
        ...

    def changes(self, frame: Frame, node: ast.expr, subject: str, at: ast.AST) -> None:
        """Notes that the object of an expression is changed."""
        ...

    def function_value(self, frame: Frame, info: FunctionInfo) -> Value:
        """What a `def` binds: the function, as its decorators leave it."""
        ...

    def class_value(self, frame: Frame, info: ClassInfo) -> Value:
        """What a `class` statement binds."""
        ...

    def class_body(self, info: ClassInfo) -> Frame:
        """The frame of a class body."""
        ...

    def instantiate(self, frame: Frame, info: ClassInfo, arguments: Arguments, node: ast.AST) -> Value:
        """What calling a class gives."""
        ...

    def mro(self, info: ClassInfo) -> Sequence[ClassInfo | str]:
        """A class and its bases in the order in which attributes are looked for; names are external classes."""
        ...

    def stored(self, owner: ClassInfo, name: str) -> Value:
        """What was assigned to an attribute of an instance so far."""
        ...

    def store(self, owner: ClassInfo, name: str, value: Value) -> None:
        """Notes what is assigned to an attribute of an instance."""
        ...

    def type_argument(self, owner: ClassInfo, parameter: str) -> Value:
        """What has the type that a class gives to a type parameter of one of its bases."""
        ...

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
        """What calling something outside of the project gives. `direct`: the call names it, and nothing else."""
        ...
