"""Binding names, attributes and items, and noticing whose object is changed by it."""

from __future__ import annotations

import ast

from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import GLOBAL, WORKFLOW, Arguments, Frame
from ameide_determinism.analysis.iteration import elements
from ameide_determinism.analysis.methods import grow
from ameide_determinism.analysis.operators import augmented_method, combined
from ameide_determinism.project.definitions import ClassInfo, FunctionInfo
from ameide_determinism.values import MAPPINGS, UNKNOWN, Class, External, Function, Instance, Text, Value, join, of


def assign(
    engine: Engine,
    frame: Frame,
    target: ast.expr,
    value: Value,
    source: ast.expr | None = None,
    *,
    origin: str | None = None,
) -> None:
    """Binds a target to a value.

    The target may now be another name of the object of `source`; whose object that is, is found from there unless
    `origin` says it.
    """
    match target:
        case ast.Name(id=name):
            if name in frame.globals:
                engine.report(frame, "global-state", target, f"assigning the module's variable {name}:")
            whose = origin if origin is not None else (engine.origin(frame, source) if source is not None else "")
            frame.assign(name, value, whose)
        case ast.Tuple() | ast.List():
            _unpack(engine, frame, target, value, source)
        case ast.Starred(value=inner):
            assign(engine, frame, inner, value, None, origin=origin)
        case ast.Attribute():
            _set_attribute(engine, frame, target, value)
        case ast.Subscript():
            _set_item(engine, frame, target, value)
        case _:
            pass


def _unpack(engine: Engine, frame: Frame, target: ast.Tuple | ast.List, value: Value, source: ast.expr | None) -> None:
    parts = target.elts
    # A set of one element has one order; unpacking into one name fails for any other.
    alone = len(parts) == 1 and not isinstance(parts[0], ast.Starred)
    element = engine.iterate(frame, source if source is not None else target, value, order_free=alone)
    rows = [atom.items for atom in value if isinstance(atom, Instance) and atom.items and len(atom.items) == len(parts)]
    sources = source.elts if isinstance(source, ast.Tuple | ast.List) and len(source.elts) == len(parts) else None
    for index, part in enumerate(parts):
        known = join(*(row[index] for row in rows)) if rows else element
        if isinstance(part, ast.Starred):
            assign(engine, frame, part.value, of(Instance("builtins.list", element)), None)
        else:
            assign(engine, frame, part, known, sources[index] if sources else None)


def _set_attribute(engine: Engine, frame: Frame, target: ast.Attribute, value: Value) -> None:
    owner = engine.evaluate(frame, target.value)
    if isinstance(target.value, ast.Name):
        frame.env.pop(f"{target.value.id}.{target.attr}", None)
    engine.changes(frame, target.value, f"assigning {target.attr}", target)
    for atom in owner:
        match atom:
            case Instance(cls=cls) if not isinstance(cls, str):
                setter = _setter(engine, atom, target.attr)
                if setter is not None:
                    bound = Function(setter, None, atom, engine.origin(frame, target.value))
                    engine.run_function(frame, bound, Arguments([value]), target)
                else:
                    engine.store(cls, target.attr, value)
                    _descriptor(engine, frame, atom, target, value)
            case Class(info=info):
                engine.store(info, target.attr, value)
            case _:
                pass


def _setter(engine: Engine, owner: Instance, name: str) -> FunctionInfo | None:
    if isinstance(owner.cls, str):
        return None
    for base in engine.mro(owner.cls):
        if isinstance(base, str):
            continue
        for statement in base.members.get(name, ()):
            if isinstance(statement, ast.FunctionDef):
                info = base.module.function(statement, base, base.qualname)
                if f"{name}.setter" in info.decorators:
                    return info
    return None


def _descriptor(engine: Engine, frame: Frame, owner: Instance, target: ast.Attribute, value: Value) -> None:
    if isinstance(owner.cls, str):
        return
    for base in engine.mro(owner.cls):
        if isinstance(base, str):
            continue
        for statement in base.members.get(target.attr, ()):
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
                body = engine.class_body(base)
                held = body.env.get(target.attr, UNKNOWN)
                engine.call_method(frame, held, "__set__", Arguments([of(owner), value]), target)
                return


def _set_item(engine: Engine, frame: Frame, target: ast.Subscript, value: Value) -> None:
    owner = engine.evaluate(frame, target.value)
    key = engine.evaluate(frame, target.slice)
    engine.changes(frame, target.value, "assigning an item", target)
    for atom in owner:
        if not isinstance(atom, Instance):
            continue
        if isinstance(atom.cls, str):
            if atom.cls == "builtins.namespace":
                _set_in_namespace(engine, frame, target, key)
            if isinstance(target.slice, ast.Slice):
                engine.iterate(frame, target, value)
                value = elements(value)
            grow(engine, frame, target.value, atom, value, key if atom.cls in MAPPINGS else UNKNOWN)
        else:
            engine.call_method(frame, of(atom), "__setitem__", Arguments([key, value]), target)


def _set_in_namespace(engine: Engine, frame: Frame, target: ast.Subscript, key: Value) -> None:
    if "globals" in ast.unparse(target.value):
        engine.report(frame, "global-state", target, "assigning in globals()")
    elif not key or not all(isinstance(atom, Text) for atom in key):
        engine.report(frame, "computed-attribute", target, "assigning in a namespace")


def augmented(engine: Engine, frame: Frame, node: ast.AugAssign) -> None:
    """Goes through `target op= value`."""
    target = node.target
    left = engine.evaluate(frame, target)
    right = engine.evaluate(frame, node.value)
    if isinstance(node.op, ast.Add) and any(isinstance(one, Instance) and one.cls == "builtins.list" for one in left):
        right = join(of(Instance("builtins.list", engine.iterate(frame, node.value, right))))
    called = engine.call_method(frame, left, augmented_method(node.op), Arguments([right]), node)
    made = called or combined(engine, frame, node.op, left, right, node)
    if isinstance(target, ast.Name):
        whose = frame.origins.get(target.id, "")
        mutable = any(isinstance(atom, Instance) and atom.cls in ("builtins.list", "builtins.set") for atom in left)
        if whose and mutable:
            engine.changes(frame, target, "changing it in place", node)
        assign(engine, frame, target, made, origin=whose if mutable else "")
    else:
        assign(engine, frame, target, made)


def delete(engine: Engine, frame: Frame, target: ast.expr) -> None:
    """Goes through `del target`."""
    match target:
        case ast.Name(id=name):
            if name in frame.globals:
                engine.report(frame, "global-state", target, f"deleting the module's variable {name}:")
            frame.env.pop(name, None)
        case ast.Attribute(value=owner):
            engine.changes(frame, owner, f"deleting {target.attr}", target)
        case ast.Subscript(value=owner):
            value = engine.evaluate(frame, owner)
            key = engine.evaluate(frame, target.slice)
            engine.changes(frame, owner, "deleting an item", target)
            ours = frozenset(one for one in value if isinstance(one, Instance) and not isinstance(one.cls, str))
            engine.call_method(frame, ours, "__delitem__", Arguments([key]), target)
        case ast.Tuple() | ast.List():
            for one in target.elts:
                delete(engine, frame, one)
        case _:
            pass


_VIEWS = frozenset({"get", "setdefault", "values", "items", "keys", "copy_to"})


def origin(engine: Engine, frame: Frame, node: ast.expr) -> str:
    """Whose object an expression is: of the workflow, of a module or class, or of this call alone (empty)."""
    current = node
    while True:
        match current:
            case ast.Attribute(value=inner, attr=attribute):
                if attribute == "__class__":
                    return GLOBAL
                if _is_class_state(engine, frame, inner, attribute):
                    return GLOBAL
                current = inner
            case ast.Subscript(slice=ast.Slice()):
                return ""  # a copy
            case ast.Subscript(value=inner) | ast.Starred(value=inner) | ast.NamedExpr(value=inner):
                current = inner
            case ast.Await(value=inner):
                current = inner
            case ast.Call(func=ast.Attribute(value=inner, attr=attribute)) if attribute in _VIEWS:
                current = inner
            case ast.Call(func=ast.Name(id="type"), args=[_]):
                return GLOBAL
            case ast.Name(id=name):
                return _origin_of_name(frame, name)
            case ast.IfExp(body=body, orelse=orelse):
                return origin(engine, frame, body) or origin(engine, frame, orelse)
            case ast.BoolOp(values=values):
                return next((found for one in values if (found := origin(engine, frame, one))), "")
            case _:
                return ""


def _origin_of_name(frame: Frame, name: str) -> str:
    if name not in frame.globals:
        holder = frame.find(name)
        if holder is not None:
            return holder.origins.get(name, "")
    if name in frame.module.bindings or frame.module.star_imports:
        return GLOBAL
    return ""


def _is_class_state(engine: Engine, frame: Frame, node: ast.expr, attribute: str) -> bool:
    """Whether `self.attribute` is a container of the class that no instance has of its own."""
    holder = frame.find(node.id) if isinstance(node, ast.Name) else None
    if holder is None or not isinstance(node, ast.Name):
        return False
    for atom in holder.env[node.id]:
        if not isinstance(atom, Instance) or isinstance(atom.cls, str):
            continue
        for base in engine.mro(atom.cls):
            if isinstance(base, str) or attribute in base.assigned:
                break
            if attribute in base.members:
                return attribute in base.shared and not _is_model(engine, base)
    return False


def _is_model(engine: Engine, info: ClassInfo) -> bool:
    """Whether a class copies its defaults for each instance, as pydantic does."""
    return any(
        isinstance(base, str) and base.rpartition(".")[2] in ("BaseModel", "Struct", "Enum")
        for base in engine.mro(info)
    )


def changes(engine: Engine, frame: Frame, node: ast.expr, subject: str, at: ast.AST) -> None:
    """Notes that the object of an expression is changed; reported where it is not this call's own."""
    whose = origin(engine, frame, node)
    if whose == GLOBAL:
        if (
            frame.find("self") is not None
            and isinstance(node, ast.Name)
            and node.id == "cls"
            and frame.title.endswith("__new__")
        ):
            return
        engine.report(frame, "global-state", at, f"{subject} on an object of a module or a class:")
    elif whose == WORKFLOW:
        engine.report(frame, "query-changes-state", at, subject, condition="query")
    else:
        for atom in engine.evaluate(frame, node):
            if isinstance(atom, Class) or (isinstance(atom, External) and "." not in atom.name):
                engine.report(frame, "global-state", at, f"{subject} on a class or module:")
