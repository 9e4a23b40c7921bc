"""Where workflows begin: the methods that Temporal or the engine of a process calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ameide_determinism.analysis.analysis import Analysis
from ameide_determinism.analysis.frame import WORKFLOW, Arguments, Frame
from ameide_determinism.project.definitions import ClassInfo
from ameide_determinism.project.module import Module, is_main_guard
from ameide_determinism.values import External, Function, instance

_PREFIX = "temporalio.workflow."
_KINDS = {"run": "run", "signal": "signal", "update": "update", "query": "query", "init": "init"}
_PROCESS = frozenset({"ameide_process.workflow.Process", "ameide_process.workflow._process.Process"})


@dataclass(slots=True)
class Entry:
    """A class whose methods are workflow code.

    Attributes:
        roots: Frames to begin at, each with its kind: `run`, `signal`, `update`, `query`, `validator`, `init`, `body`.
        is_process: Whether it implements a generated process.
        is_entity: Whether that is one that continues as new.
    """

    info: ClassInfo
    is_process: bool = False
    is_entity: bool = False
    roots: list[tuple[Frame, str]] = field(default_factory=list[tuple[Frame, str]])


def find_entries(analysis: Analysis, module: Module) -> Iterator[Entry]:
    """The workflow classes and process implementations of a module."""
    if "workflow" not in module.text:
        return
    for node, prefix in _classes(module.tree, ""):
        info = module.class_(node, prefix)
        if _is_workflow(analysis, module, node):
            yield Entry(info)
        elif _is_implementation(analysis, info):
            yield Entry(info, is_process=True, is_entity=_is_entity(analysis, info))


def _classes(tree: ast.AST, prefix: str) -> Iterator[tuple[ast.ClassDef, str]]:
    for node in _statements(tree):
        match node:
            case ast.ClassDef(name=name):
                yield node, prefix
                yield from _classes(node, f"{prefix}.{name}" if prefix else name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield from _classes(node, f"{prefix}.{name}" if prefix else name)
            case ast.If(test=test) if is_main_guard(test):
                pass
            case _:
                yield from _classes(node, prefix)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """The statements, handlers and cases right below a node."""
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        inner = getattr(node, block, None)
        if isinstance(inner, list):
            yield from inner


def _is_workflow(analysis: Analysis, module: Module, node: ast.ClassDef) -> bool:
    scope = Frame("decorators", module, node.lineno)
    for decorator in node.decorator_list:
        value = analysis.evaluate(scope, decorator)
        if any(isinstance(atom, External) and atom.name == f"{_PREFIX}defn" for atom in value):
            return True
        if any(isinstance(atom, Function) and _defines_workflow(atom) for atom in value):
            return True
    return False


def _defines_workflow(function: Function) -> bool:
    """Whether a decorator of the project makes workflows of classes."""
    around = (
        function.closure.info.node if function.closure is not None and function.closure.info else function.info.node
    )
    return any(
        isinstance(one, ast.Attribute) and one.attr == "defn" and "workflow" in ast.unparse(one.value)
        for one in ast.walk(around)
    )


def _is_implementation(analysis: Analysis, info: ClassInfo) -> bool:
    """Whether a person wrote a class that implements a process: two steps below `Process`."""
    bases = analysis.mro(info)
    for base in bases[1:]:
        name = base if isinstance(base, str) else f"{base.module.path.parent.name}.{base.module.path.stem}.{base.name}"
        if name in _PROCESS or name == "workflow._process.Process":
            return not _is_generated(info)
        # The generated package may not be there; its name and that of the class are its own.
        if isinstance(base, str) and re.search(r"_generated\.workflow\.\w+Process$", base):
            return True
    return False


def _is_generated(info: ClassInfo) -> bool:
    return "_generated" in info.module.path.parent.name or info.module.text.startswith("# Code generated")


def _is_entity(analysis: Analysis, info: ClassInfo) -> bool:
    """Whether the generated contract says ENTITY; a process that does not say its kind is one."""
    for base in analysis.mro(info)[1:]:
        if isinstance(base, str) or not _is_generated(base):
            continue
        path = analysis.modules.submodule(base.module, "contract") or base.module.directory / "contract.py"
        contract = analysis.modules.load(path) if path.is_file() else None
        if contract is not None and "WorkflowKind.TRANSACTION" in contract.text:
            return False
    return True


def enter(analysis: Analysis, entry: Entry) -> None:
    """Goes through all that Temporal, or the engine of a process, calls on an object of a class."""
    info = entry.info
    (receiver,) = instance(info)
    scope = Frame(info.qualname, info.module, info.node.lineno)
    analysis.class_value(scope, info) if info.node.decorator_list else None
    for cls in analysis.mro(info):
        if not isinstance(cls, str):
            entry.roots.append((analysis.class_body(cls), "body"))
    kinds = _process_methods(analysis, info) if entry.is_process else _workflow_methods(analysis, info)
    ordered = sorted(kinds.items(), key=lambda one: (one[0] != "__init__", one[1] == "run", one[0]))
    for name, kind in ordered:
        root = Frame(info.qualname, info.module, info.node.lineno)
        held = analysis.attribute(root, receiver, name, info.node)
        for atom in held:
            if not isinstance(atom, Function):
                continue
            whose = "" if name == "__init__" else WORKFLOW
            bound = Function(atom.info, atom.closure, atom.receiver, whose)
            made = analysis.enter(root, bound, Arguments(open=True), info.node)
            if made is not None:
                entry.roots.append((made, kind))
        # Decorators are executed when the class is made.
        entry.roots += [(frame, "body") for frame in root.edges if frame.info is None]


def _workflow_methods(analysis: Analysis, info: ClassInfo) -> dict[str, str]:
    """Name and kind of each method that Temporal calls."""
    found: dict[str, str] = {}
    for cls in reversed([one for one in analysis.mro(info) if not isinstance(one, str)]):
        scope = Frame(cls.qualname, cls.module, cls.node.lineno)
        for name, statements in cls.members.items():
            for statement in statements:
                if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                    continue
                if name == "__init__":
                    found[name] = "init"
                for decorator in statement.decorator_list:
                    kind = _kind(analysis, scope, decorator)
                    if kind:
                        found[name] = kind
    return found


def _kind(analysis: Analysis, scope: Frame, decorator: ast.expr) -> str:
    node = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(node, ast.Attribute) and node.attr == "validator":
        return "validator"
    for atom in analysis.evaluate(scope, node):
        if isinstance(atom, External) and atom.name.startswith(_PREFIX):
            return _KINDS.get(atom.name.removeprefix(_PREFIX), "")
    return ""


def _process_methods(analysis: Analysis, info: ClassInfo) -> dict[str, str]:
    """Name and kind of each method that the engine of a process calls."""
    found: dict[str, str] = {}
    for cls in analysis.mro(info):
        if isinstance(cls, str):
            continue
        for name in cls.members:
            if name == "__init__":
                found[name] = "init"
            elif name == "run":
                found[name] = "run"
            elif name.startswith("on_"):
                found[name] = "signal"
    return found


def import_frame(analysis: Analysis, module: Module) -> Frame:
    """The frame of what a module does when it is imported, beside binding names."""
    frame = Frame(f"import of {module.path.stem}", module, 1)
    frame.quiet = 1  # logging and printing once, at import, is nobody's replay
    _import_effects(analysis, frame, module.tree.body)
    return frame


def _import_effects(analysis: Analysis, frame: Frame, body: list[ast.stmt]) -> None:
    for statement in body:
        match statement:
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Expr() | ast.Delete() | ast.Assert():
                analysis.execute(frame, [statement])
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
                analysis.evaluate(frame, statement.value)
            case ast.If(test=test) if is_main_guard(test):
                continue
            case ast.If(body=then, orelse=orelse) | ast.For(body=then, orelse=orelse):
                _import_effects(analysis, frame, then + orelse)
            case ast.Try(body=then, orelse=orelse, finalbody=final):
                _import_effects(analysis, frame, then + orelse + final)
            case ast.With(body=then):
                _import_effects(analysis, frame, then)
            case _:
                continue
