"""Names that an import of the project asks for and that no module binds: Python refuses such code when it loads it."""

from __future__ import annotations

import ast
import re

from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.imports import source
from ameide_determinism.project.module import Module, SourceError
from ameide_determinism.project.paths import shown

_DYNAMIC = frozenset(
    {
        *("globals", "vars", "locals", "exec", "eval", "setattr", "__dict__", "__path__", "__getattr__", "modules"),
        *("import_module", "__import__", "attach"),
    }
)
"""What a module can bind any name with."""


def explain(engine: Engine, importer: Module, node: ast.ImportFrom, bound: str) -> None:
    """Notes why a name that a module takes from another of the project has no value, where that is certain."""
    name = _original(node, bound)
    taken = source(engine, importer, node)
    if taken is None or engine.global_name(taken, name, None, node):
        return
    if any(not isinstance(one.statement, ast.ImportFrom) for one in taken.bindings.get(name, ())):
        return
    if name.startswith("__") or "site-packages" in importer.path.parts or _is_conditional(importer, node):
        return
    circle = _circle(engine, taken, name)
    if circle:
        names = [shown(module.path) for module, _ in circle]
        start = names.index(min(names))
        way = [*names[start:], *names[:start], names[start]]
        module, statement = circle[start]
        message = f"imports {name!r} in a circle: {' -> '.join(way)}; define it in one of them"
        engine.modules.problem(SourceError(module.path, message, statement.lineno))
    elif _lacks(engine, importer, node, taken, name):
        message = f"imports {name!r}, which {shown(taken.path)} does not bind"
        engine.modules.problem(SourceError(importer.path, message, node.lineno))


def _circle(engine: Engine, module: Module, name: str) -> list[tuple[Module, ast.ImportFrom]]:
    """The imports that a name goes round in, each the only one that binds it in its module; empty: it does not."""
    way: dict[tuple[Module, str], ast.ImportFrom] = {}
    while (module, name) not in way:
        bindings = module.bindings.get(name, [])
        statement = bindings[0].statement if len(bindings) == 1 else None
        if not isinstance(statement, ast.ImportFrom) or _is_conditional(module, statement):
            return []
        taken = source(engine, module, statement)
        original = _original(statement, name)
        if taken is None or taken is module or _is_elsewhere(engine, taken, original):
            return []
        way[module, name] = statement
        module, name = taken, original
    keys = list(way)
    return [(key[0], way[key]) for key in keys[keys.index((module, name)) :]]


def _original(node: ast.ImportFrom, bound: str) -> str:
    return next((one.name for one in node.names if (one.asname or one.name) == bound), bound)


def _lacks(engine: Engine, importer: Module, node: ast.ImportFrom, taken: Module, name: str) -> bool:
    """Whether a module certainly has no such name."""
    if taken.is_stub or taken.is_folder or _is_elsewhere(engine, taken, name):
        return False
    whole = node.module or ""
    if not node.level and not (
        engine.modules.is_project_name(whole, importer) and engine.modules.is_unique(whole, importer)
    ):
        return False
    own = node if taken is importer else None
    if any(name in _may_bind(one) or "*" in _may_bind(one) for one in ast.walk(taken.tree) if one is not own):
        return False
    patched = re.compile(rf"\.{re.escape(name)}\b[^=\n]*=(?!=)")
    return not any(patched.search(module.text) for module in engine.modules.loaded)


def _is_elsewhere(engine: Engine, package: Module, name: str) -> bool:
    """Whether there is a module of that name, a compiled one included."""
    if not package.is_package:
        return False
    return engine.modules.submodule(package, name) is not None or any(
        one.name.partition(".")[0] == name for one in package.directory.iterdir()
    )


def _may_bind(node: ast.AST) -> list[str]:
    """The names that a node could bind, whatever the scope; `*` stands for any."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in _DYNAMIC:
            return ["*"]
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.Constant(value=str(name)):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name, *(["*"] if name in _DYNAMIC else [])]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case ast.MatchMapping(rest=str(name)):
            return [name]
        case ast.Global(names=names):
            return names
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            whole = [*(one.asname or "" for one in names), *(one.name for one in names), getattr(node, "module", "")]
            return [part for one in whole if one for part in (one.split(".") if one != "*" else ["*"])]
        case _:
            return []


def _is_conditional(module: Module, node: ast.stmt) -> bool:
    """Whether an import may be left out or fail without harm."""
    return any(
        inner is node
        for one in ast.walk(module.tree)
        if isinstance(one, ast.If | ast.Try | ast.TryStar | ast.Match | ast.While | ast.For)
        or (isinstance(one, ast.With) and "suppress" in ast.unparse(one.items[0].context_expr))
        for inner in ast.walk(one)
    )
