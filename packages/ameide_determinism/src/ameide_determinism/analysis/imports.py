"""What import statements bind, and imports of the project that lead nowhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import Frame
from ameide_determinism.project.module import Module
from ameide_determinism.values import UNKNOWN, External, ModuleValue, Value, of


def bind_import(engine: Engine, module: Module, node: ast.Import) -> Iterator[tuple[str, Value]]:
    """Names and values of `import a.b.c` and `import a.b.c as d`."""
    for alias in node.names:
        if alias.asname:
            yield alias.asname, _module_value(engine, module, alias.name, node)
        else:
            top = alias.name.partition(".")[0]
            path = engine.modules.find(top, module)
            _module_value(engine, module, alias.name, node)
            loaded = engine.modules.load(path) if path is not None else None
            yield top, of(External(top)) if loaded is None else of(ModuleValue(loaded))


def bind_import_from(
    engine: Engine, module: Module, node: ast.ImportFrom, frame: Frame | None
) -> Iterator[tuple[str, Value]]:
    """Names and values of `from a.b import c`."""
    for alias in node.names:
        if alias.name != "*":
            yield alias.asname or alias.name, imported(engine, module, node, alias.name, frame)


def imported(engine: Engine, module: Module, node: ast.ImportFrom, name: str, frame: Frame | None) -> Value:
    """What one name of `from a.b import name` is."""
    path = source(engine, module, node)
    if path is None:
        return of(External(f"{node.module}.{name}")) if not node.level else UNKNOWN
    inner = engine.modules.submodule(path, name)
    # What a package takes from itself is not bound yet, so Python imports the submodule.
    found = engine.global_name(path, name, frame, node) if path is not module or inner is None else None
    if found is not None:
        return found
    loaded = engine.modules.load(inner) if inner is not None else None
    if loaded is not None:
        return of(ModuleValue(loaded))
    # A folder without code can share its name with an installed package.
    return of(External(f"{node.module}.{name}")) if path.is_folder and not node.level else UNKNOWN


def source(engine: Engine, module: Module, node: ast.ImportFrom) -> Module | None:
    """The module of the project that `from ... import` takes names from; None: it is outside, or missing."""
    if node.level:
        path = engine.modules.find_relative(node, module)
        if path is None:
            engine.modules.missing(module, "." * node.level + (node.module or ""), node)
            return None
    else:
        name = node.module or ""
        path = engine.modules.find(name, module)
        if path is None:
            if engine.modules.is_project_name(name, module):
                engine.modules.missing(module, name, node)
            return None
    return engine.modules.load(path)


def _module_value(engine: Engine, module: Module, name: str, node: ast.stmt) -> Value:
    path = engine.modules.find(name, module)
    if path is None:
        if "." in name and engine.modules.is_project_name(name, module):
            engine.modules.missing(module, name, node)
        return of(External(name))
    loaded = engine.modules.load(path)
    return UNKNOWN if loaded is None else of(ModuleValue(loaded))
