"""Registries: dicts of a module into which the functions of that module are put while it is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import Frame
from ameide_determinism.project.module import Module
from ameide_determinism.values import MAPPINGS, Class, Function, Instance, Value, instance, join, of


def with_registered(engine: Engine, frame: Frame, name: str, value: Value) -> Value:
    """The value of a module's name; a dict holds what `name[...] = ...` puts into it, by decorators too."""
    mappings = [atom for atom in value if isinstance(atom, Instance) and atom.cls in MAPPINGS]
    if not mappings:
        return value
    put = join(*_registered(engine, frame, name))
    if not put:
        return value
    grown = [instance(atom.cls, join(atom.element, put), atom.key) for atom in mappings]
    return join(value - frozenset(mappings), *grown)


def _registered(engine: Engine, frame: Frame, name: str) -> Iterator[Value]:
    body = frame.module.tree.body
    registrars = {
        one.name for one in body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and _registers(one, name)
    }
    for statement in body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if any(_called(one) in registrars for one in statement.decorator_list):
                    yield _defined(frame.module, statement)
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=found))], value=stored) if found == name:
                yield engine.evaluate(frame, stored)
            case _:
                pass


def _registers(function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> bool:
    """Whether a function, or one in it, stores one of its parameters in a dict."""
    parameters = {one.arg for one in ast.walk(function) if isinstance(one, ast.arg)}
    for one in ast.walk(function):
        match one:
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=found))], value=ast.Name(id=stored)):
                if found == name and stored in parameters:
                    return True
            case _:
                pass
    return False


def _called(node: ast.expr) -> str:
    """`register` of `@register` and `@register("x")`."""
    while isinstance(node, ast.Call):
        node = node.func
    return node.id if isinstance(node, ast.Name) else ""


def _defined(module: Module, statement: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Value:
    # Without its decorators: what they do happens once, at import.
    if isinstance(statement, ast.ClassDef):
        return of(Class(module.class_(statement)))
    return of(Function(module.function(statement, None, "")))
