"""One file of the project, parsed, and an index of the names that it binds."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ameide_determinism.project.definitions import ClassInfo, FunctionInfo, FunctionNode, bound_names
from ameide_determinism.project.protobuf_descriptors import stub_of

MAX_SOURCE_BYTES = 5_000_000
"""A larger file is no source that a person or a generator of ours wrote; parsing it would take minutes."""


class SourceError(Exception):
    """A file cannot be read as Python.

    Attributes:
        path: The file.
        line: One-based; 0 where none is known.
    """

    def __init__(self, path: Path, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.path = path
        self.line = line


@dataclass(frozen=True, slots=True)
class Binding:
    """A statement of a module that binds a name.

    Attributes:
        statement: The statement.
        guards: Conditions under which it runs.
    """

    statement: ast.stmt
    guards: tuple[ast.expr, ...] = ()


class Module:
    """One file, or a folder without `__init__.py` that other modules are imported from.

    Attributes:
        is_stub: Whether it only says what there is: a `.pyi`, or what a `_pb2.py` describes.
    """

    def __init__(
        self, path: Path, text: str, tree: ast.Module, *, is_folder: bool = False, is_stub: bool = False
    ) -> None:
        self.path = path
        self.text = text
        self.tree = tree
        self.is_folder = is_folder
        self.is_stub = is_stub or path.suffix == ".pyi"
        self.is_package = is_folder or path.stem == "__init__"
        self._functions: dict[FunctionNode, FunctionInfo] = {}
        self._classes: dict[ast.ClassDef, ClassInfo] = {}

    @classmethod
    def parse(cls, path: Path) -> Module:
        """Reads a file.

        Raises:
            SourceError: It cannot be read or parsed.
        """
        try:
            if path.stat().st_size > MAX_SOURCE_BYTES:
                raise SourceError(path, f"is larger than {MAX_SOURCE_BYTES:,} bytes; exclude it")
            source = path.read_bytes()
            tree = ast.parse(source, filename=str(path))
            text = source.decode("utf-8-sig")
        except OSError as error:
            raise SourceError(path, f"cannot be read: {error.strerror or error}") from error
        except UnicodeDecodeError as error:
            raise SourceError(path, f"is not UTF-8: {error.reason} at byte {error.start}") from error
        except SyntaxError as error:
            raise SourceError(path, f"does not parse: {error.msg}", error.lineno or 0) from error
        except (ValueError, RecursionError, MemoryError) as error:
            raise SourceError(path, f"does not parse: {error or type(error).__name__}") from error
        stub = stub_of(tree) if path.stem.endswith("_pb2") and path.suffix == ".py" else None
        if stub is not None:
            return cls(path, stub, ast.parse(stub), is_stub=True)
        return cls(path, text, tree)

    @classmethod
    def folder(cls, path: Path) -> Module:
        """A folder that is imported as a package and has no code."""
        return cls(path, "", ast.Module(body=[], type_ignores=[]), is_folder=True)

    @property
    def directory(self) -> Path:
        """Where its relative imports begin."""
        return self.path if self.is_folder else self.path.parent

    @cached_property
    def lines(self) -> list[str]:
        """The text by lines."""
        return self.text.splitlines()

    @property
    def depth(self) -> tuple[int, int]:
        """How many levels deep its code nests, and the line where it does."""
        deepest, at = 0, 0
        waiting: list[tuple[ast.AST, int, int]] = [(self.tree, 0, 0)]
        while waiting:
            node, level, line = waiting.pop()
            line = getattr(node, "lineno", line)
            if level > deepest:
                deepest, at = level, line
            waiting += [(one, level + 1, line) for one in ast.iter_child_nodes(node)]
        return deepest, at

    @cached_property
    def bindings(self) -> dict[str, list[Binding]]:
        """What binds each name of the module."""
        found: dict[str, list[Binding]] = {}
        self._collect(self.tree.body, (), found)
        return found

    @cached_property
    def star_imports(self) -> list[ast.ImportFrom]:
        """Its `from x import *`."""
        return [
            one
            for one in self.tree.body
            if isinstance(one, ast.ImportFrom) and any(alias.name == "*" for alias in one.names)
        ]

    def function(self, node: FunctionNode, owner: ClassInfo | None, prefix: str) -> FunctionInfo:
        """The function that a node defines; the same one each time."""
        info = self._functions.get(node)
        if info is None:
            info = self._functions[node] = FunctionInfo(node, self, owner, prefix)
        return info

    def class_(self, node: ast.ClassDef, prefix: str = "") -> ClassInfo:
        """The class that a node defines; the same one each time."""
        info = self._classes.get(node)
        if info is None:
            info = self._classes[node] = ClassInfo(node, self, prefix)
        return info

    def forget(self) -> None:
        """Forgets how often functions were followed, for another pass."""
        for info in self._functions.values():
            info.contexts = 0

    def _collect(self, body: list[ast.stmt], guards: tuple[ast.expr, ...], found: dict[str, list[Binding]]) -> None:
        for statement in body:
            for name in bound_names(statement):
                found.setdefault(name, []).append(Binding(statement, guards))
            match statement:
                case ast.If():
                    if is_main_guard(statement.test):
                        continue
                    within = guards if is_type_checking(statement.test) else (*guards, statement.test)
                    self._collect(statement.body, within, found)
                    self._collect(statement.orelse, within, found)
                case ast.Try() | ast.TryStar():
                    for block in (statement.body, statement.orelse, statement.finalbody):
                        self._collect(block, guards, found)
                    for handler in statement.handlers:
                        self._collect(handler.body, guards, found)
                case ast.With() | ast.AsyncWith():
                    self._collect(statement.body, guards, found)
                case ast.For() | ast.AsyncFor():
                    self._collect(statement.body, (*guards, statement.iter), found)
                case ast.While():
                    self._collect(statement.body, (*guards, statement.test), found)
                case _:
                    pass


def is_main_guard(test: ast.expr) -> bool:
    """Whether a condition is `__name__ == "__main__"`."""
    match test:
        case ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant(value="__main__")]):
            return True
        case ast.Compare(left=ast.Constant(value="__main__"), ops=[ast.Eq()], comparators=[ast.Name(id="__name__")]):
            return True
        case _:
            return False


def is_type_checking(test: ast.expr) -> bool:
    """Whether a condition is `TYPE_CHECKING`, which holds for type checkers alone."""
    match test:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name == "TYPE_CHECKING"
        case _:
            return False
