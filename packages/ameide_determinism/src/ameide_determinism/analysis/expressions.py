"""What an expression is."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Final

from ameide_determinism.analysis import narrowing, texts
from ameide_determinism.analysis.calls import evaluate_call
from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import Arguments, Frame
from ameide_determinism.analysis.operators import binary, compare
from ameide_determinism.rules.attributes import rule_of_attribute
from ameide_determinism.values import (
    INT,
    MAPPINGS,
    NONE,
    STR,
    UNKNOWN,
    External,
    Function,
    Instance,
    Text,
    Value,
    instance,
    join,
    of,
    tuple_of,
)


def evaluate(engine: Engine, frame: Frame, node: ast.expr, *, order_free: bool = False) -> Value:
    """What an expression is; hazards in it are reported on the way."""
    if order_free and isinstance(node, _ORDERED):
        return _ordered(engine, frame, node)
    handler = _HANDLERS.get(type(node))
    return handler(engine, frame, node) if handler else UNKNOWN


def _ordered(engine: Engine, frame: Frame, node: ast.expr) -> Value:
    """An expression whose order is seen by nobody: `sorted(x for x in a_set)`."""
    match node:
        case ast.GeneratorExp() | ast.ListComp() | ast.SetComp() | ast.DictComp():
            return _comprehension(engine, frame, node, order_free=True)
        case ast.List() | ast.Tuple():
            return _display(engine, frame, node, order_free=True)
        case ast.Call():
            return evaluate_call(engine, frame, node, order_free=True)
        case ast.JoinedStr():
            for part in node.values:
                if isinstance(part, ast.FormattedValue):
                    engine.evaluate(frame, part.value)
            return STR
        case ast.IfExp():
            engine.evaluate(frame, node.test)
            return join(
                engine.evaluate(frame, node.body, order_free=True), engine.evaluate(frame, node.orelse, order_free=True)
            )
        case ast.Starred():
            return engine.iterate(frame, node, engine.evaluate(frame, node.value, order_free=True), order_free=True)
        case _:
            return UNKNOWN


_ORDERED: Final = (
    ast.GeneratorExp,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.List,
    ast.Tuple,
    ast.Call,
    ast.JoinedStr,
    ast.IfExp,
    ast.Starred,
)


def _constant(_engine: Engine, _frame: Frame, node: ast.Constant) -> Value:
    match node.value:
        case str():
            return of(Text(node.value))
        case bool():
            return _BOOL
        case int():
            return INT
        case float():
            return _FLOAT
        case bytes():
            return _BYTES
        case None:
            return NONE
        case _:
            return UNKNOWN


_BOOL: Final = instance("builtins.bool")
_FLOAT: Final = instance("builtins.float")
_BYTES: Final = instance("builtins.bytes")


def _name(engine: Engine, frame: Frame, node: ast.Name) -> Value:
    holder = frame.find(node.id)
    if holder is not None and node.id not in frame.globals:
        return holder.env[node.id]
    value = engine.global_name(frame.module, node.id, frame, node)
    return _checked(engine, frame, value or UNKNOWN, node)


def _checked(engine: Engine, frame: Frame, value: Value, node: ast.AST) -> Value:
    """Reports the attributes outside of the project that are hazards by being read."""
    for atom in value:
        if isinstance(atom, External):
            rule = rule_of_attribute(atom.name)
            if rule:
                engine.report(frame, rule, node, atom.name)
    return value


def _attribute(engine: Engine, frame: Frame, node: ast.Attribute) -> Value:
    owner = engine.evaluate(frame, node.value)
    found = join(*(engine.attribute(frame, atom, node.attr, node) for atom in owner))
    refined = frame.env.get(f"{node.value.id}.{node.attr}") if isinstance(node.value, ast.Name) else None
    _checked(engine, frame, found, node)
    return refined if refined is not None else found


def _subscript(engine: Engine, frame: Frame, node: ast.Subscript) -> Value:
    owner = engine.evaluate(frame, node.value)
    key = engine.evaluate(frame, node.slice)
    found: list[Value] = []
    for atom in owner:
        match atom:
            case Instance(cls="builtins.namespace"):
                if not _spelled_out(key):
                    engine.report(frame, "computed-attribute", node, "looking a name up in a namespace")
            case Instance(items=items) if items is not None:
                index = _index(node.slice)
                if index is not None and -len(items) <= index < len(items):
                    found.append(items[index])
                elif isinstance(node.slice, ast.Slice):
                    found.append(instance("builtins.tuple", atom.element))
                else:
                    found.append(atom.element)
            case Instance(cls=str() as cls) if isinstance(node.slice, ast.Slice):
                found.append(of(Instance(cls, atom.element)))
            case Instance(cls=str() as cls) if cls in MAPPINGS or atom.element:
                found.append(atom.element)
            case Instance(cls=str() as cls) if cls == "builtins.str":
                found.append(STR)
            case Instance():
                held = engine.call_method(frame, of(atom), "__getitem__", Arguments([key]), node)
                found.append(held or _typed_item(engine, frame, atom, key, node))
            case Text():
                found.append(STR)
            case External(name=name) if rule_of_attribute(name):
                found.append(UNKNOWN)
            case External() | Function():
                found.append(of(atom))
            case _:
                found.append(of(atom))
    return join(*found)


def _typed_item(engine: Engine, frame: Frame, owner: Instance, key: Value, node: ast.Subscript) -> Value:
    """An item of a TypedDict."""
    if isinstance(owner.cls, str) or "typing.TypedDict" not in engine.mro(owner.cls):
        return UNKNOWN
    return join(*(engine.attribute(frame, owner, one.text, node) for one in key if isinstance(one, Text)))


def _spelled_out(value: Value) -> bool:
    return bool(value) and all(isinstance(atom, Text) for atom in value)


def _index(node: ast.expr) -> int | None:
    match node:
        case ast.Constant(value=int() as index):
            return index
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as index)):
            return -index
        case _:
            return None


def _display(engine: Engine, frame: Frame, node: ast.List | ast.Tuple | ast.Set, *, order_free: bool = False) -> Value:
    elements: list[Value] = []
    starred = False
    for element in node.elts:
        if isinstance(element, ast.Starred):
            starred = True
            free = order_free or isinstance(node, ast.Set)
            value = engine.evaluate(frame, element.value, order_free=free)
            elements.append(engine.iterate(frame, element.value, value, order_free=free))
        else:
            elements.append(engine.evaluate(frame, element))
    if isinstance(node, ast.Tuple) and not starred and len(elements) <= 8:
        return tuple_of(tuple(elements))
    cls = {ast.List: "builtins.list", ast.Tuple: "builtins.tuple", ast.Set: "builtins.set"}[type(node)]
    return instance(cls, join(*elements))


def _dict(engine: Engine, frame: Frame, node: ast.Dict) -> Value:
    keys: list[Value] = []
    values: list[Value] = []
    for key, one in zip(node.keys, node.values, strict=True):
        value = engine.evaluate(frame, one)
        if key is None:
            for atom in value:
                if isinstance(atom, Instance):
                    keys.append(atom.key)
                    values.append(atom.element)
        else:
            keys.append(engine.evaluate(frame, key))
            values.append(value)
    return instance("builtins.dict", join(*values), join(*keys))


def _comprehension(
    engine: Engine,
    frame: Frame,
    node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp,
    *,
    order_free: bool = False,
) -> Value:
    outer, origins = frame.env, frame.origins
    frame.env, frame.origins = dict(outer), dict(origins)
    free = order_free or isinstance(node, ast.SetComp)
    entered = 0
    for generator in node.generators:
        value = engine.evaluate(frame, generator.iter, order_free=free)
        element = engine.iterate(frame, generator.iter, value, order_free=free)
        frame.loops += 1
        entered += 1
        engine.assign(frame, generator.target, element)
        for condition in generator.ifs:
            engine.evaluate(frame, condition)
            frame.env.update(narrowing.when(engine, frame, condition, holds=True))
    if isinstance(node, ast.DictComp):
        key = engine.evaluate(frame, node.key)
        made = instance("builtins.dict", engine.evaluate(frame, node.value), key)
    else:
        made = instance(_COLLECTED.get(type(node), "builtins.generator"), engine.evaluate(frame, node.elt))
    frame.loops -= entered
    walrus = _walrus_names(frame, node) if ":=" in frame.module.text else {}
    frame.env, frame.origins = outer, origins
    frame.env.update(walrus)
    return made


def _walrus_names(frame: Frame, node: ast.expr) -> dict[str, Value]:
    """What `:=` in a comprehension binds outside of it."""
    return {
        one.target.id: frame.env[one.target.id]
        for one in ast.walk(node)
        if isinstance(one, ast.NamedExpr) and one.target.id in frame.env
    }


_COLLECTED: Final[dict[type[ast.expr], str]] = {ast.ListComp: "builtins.list", ast.SetComp: "builtins.set"}


def _boolean(engine: Engine, frame: Frame, node: ast.BoolOp) -> Value:
    before = frame.env
    found: list[Value] = []
    for operand in node.values:
        found.append(engine.evaluate(frame, operand))
        # What holds when the next operand is looked at: `isinstance(x, set) and list(x)`.
        refined = narrowing.when(engine, frame, operand, holds=isinstance(node.op, ast.And))
        if refined:
            frame.env = {**frame.env, **refined}
    walrus = {name: value for name, value in frame.env.items() if name not in before}
    frame.env = before
    frame.env.update(walrus)
    return join(*found)


def _conditional(engine: Engine, frame: Frame, node: ast.IfExp) -> Value:
    engine.evaluate(frame, node.test)
    quiet = texts.is_not_replaying(engine, frame, node.test)
    before = frame.env
    frame.quiet += quiet
    held, failed = (narrowing.when(engine, frame, node.test, holds=holds) for holds in (True, False))
    frame.env = {**before, **held}
    body = engine.evaluate(frame, node.body)
    frame.quiet -= quiet
    frame.env = {**before, **failed}
    orelse = engine.evaluate(frame, node.orelse)
    frame.env = before
    return join(body, orelse)


def _lambda(engine: Engine, frame: Frame, node: ast.Lambda) -> Value:
    info = frame.module.function(node, None, frame.title)
    _defaults(engine, frame, node)
    return of(Function(info, frame))


def _defaults(engine: Engine, frame: Frame, node: ast.Lambda) -> None:
    for default in (*node.args.defaults, *node.args.kw_defaults):
        if default is not None:
            engine.evaluate(frame, default)


def _await(engine: Engine, frame: Frame, node: ast.Await) -> Value:
    awaited = engine.evaluate(frame, node.value)
    found: list[Value] = []
    for atom in awaited:
        if isinstance(atom, Instance) and atom.cls == "asyncio.Task":
            found.append(atom.element)
        elif isinstance(atom, Instance) and not isinstance(atom.cls, str):
            given = engine.call_method(frame, of(atom), "__await__", Arguments(), node)
            found.append(UNKNOWN if given else of(atom))
        else:
            found.append(of(atom))
    return join(*found)


def _yield(engine: Engine, frame: Frame, node: ast.Yield) -> Value:
    if node.value is not None:
        frame.yields = join(frame.yields, engine.evaluate(frame, node.value))
    return UNKNOWN


def _yield_from(engine: Engine, frame: Frame, node: ast.YieldFrom) -> Value:
    value = engine.evaluate(frame, node.value)
    frame.yields = join(frame.yields, engine.iterate(frame, node.value, value))
    return UNKNOWN


def _walrus(engine: Engine, frame: Frame, node: ast.NamedExpr) -> Value:
    value = engine.evaluate(frame, node.value)
    engine.assign(frame, node.target, value, node.value)
    return value


def _unary(engine: Engine, frame: Frame, node: ast.UnaryOp) -> Value:
    value = engine.evaluate(frame, node.operand)
    if isinstance(node.op, ast.Not):
        engine.call_method(frame, value, "__bool__", Arguments(), node)
        return _BOOL
    return engine.call_method(frame, value, _UNARY[type(node.op)], Arguments(), node) or value


_UNARY: Final[dict[type[ast.unaryop], str]] = {ast.USub: "__neg__", ast.UAdd: "__pos__", ast.Invert: "__invert__"}


def _binary(engine: Engine, frame: Frame, node: ast.BinOp) -> Value:
    return binary(engine, frame, node)


def _compare(engine: Engine, frame: Frame, node: ast.Compare) -> Value:
    compare(engine, frame, node)
    return _BOOL


def _joined(engine: Engine, frame: Frame, node: ast.JoinedStr) -> Value:
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            _formatted(engine, frame, part)
    return STR


def _formatted(engine: Engine, frame: Frame, node: ast.FormattedValue) -> Value:
    value = engine.evaluate(frame, node.value)
    spec = node.format_spec
    if isinstance(spec, ast.JoinedStr):
        for part in spec.values:
            engine.evaluate(frame, part)
        rule = "n" in ast.unparse(spec)[-2:-1]
        if rule:
            engine.report(frame, "locale", node, "the format `n`")
    texts.as_text(engine, frame, node.value, value, by_repr=node.conversion == ord("r"))
    return STR


def _starred(engine: Engine, frame: Frame, node: ast.Starred) -> Value:
    return engine.iterate(frame, node.value, engine.evaluate(frame, node.value))


def _slice(engine: Engine, frame: Frame, node: ast.Slice) -> Value:
    for part in (node.lower, node.upper, node.step):
        if part is not None:
            engine.evaluate(frame, part)
    return UNKNOWN


def _call(engine: Engine, frame: Frame, node: ast.Call) -> Value:
    return evaluate_call(engine, frame, node)


_HANDLERS: Final[dict[type[ast.expr], Callable[[Engine, Frame, Any], Value]]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.List: _display,
    ast.Tuple: _display,
    ast.Set: _display,
    ast.Dict: _dict,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _comprehension,
    ast.BoolOp: _boolean,
    ast.IfExp: _conditional,
    ast.Lambda: _lambda,
    ast.Await: _await,
    ast.Yield: _yield,
    ast.YieldFrom: _yield_from,
    ast.NamedExpr: _walrus,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.Compare: _compare,
    ast.JoinedStr: _joined,
    ast.FormattedValue: _formatted,
    ast.Starred: _starred,
    ast.Slice: _slice,
    ast.Call: _call,
}
