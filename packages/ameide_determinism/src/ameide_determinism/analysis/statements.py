"""Goes through statements in their order, as Python would; branches are gone through both and joined."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, Final

from ameide_determinism.analysis import cancellation, narrowing, replaying, texts
from ameide_determinism.analysis.assignments import assign, augmented, delete
from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import GLOBAL, Arguments, Frame, merged
from ameide_determinism.analysis.imports import bind_import, bind_import_from
from ameide_determinism.analysis.unbound import explain
from ameide_determinism.project.module import is_main_guard, is_type_checking
from ameide_determinism.values import UNKNOWN, External, Instance, Value, instance, join, of


def execute(engine: Engine, frame: Frame, body: Sequence[ast.stmt]) -> bool:
    """Goes through statements; returns whether the end is reached."""
    for index, statement in enumerate(body):
        following = body[index + 1] if index + 1 < len(body) else None
        if isinstance(statement, ast.Assign) and following is not None and _sorts(following, statement):
            value = engine.evaluate(frame, statement.value, order_free=True)
            assign(engine, frame, statement.targets[0], value, statement.value)
            continue
        handler = _HANDLERS.get(type(statement))
        if handler is not None and handler(engine, frame, statement) is False:
            return False
    return True


def _sorts(following: ast.stmt, statement: ast.Assign) -> bool:
    """Whether a list is sorted in the statement after the one that makes it."""
    match following:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="sort"))):
            targets = statement.targets
            return len(targets) == 1 and isinstance(targets[0], ast.Name) and targets[0].id == name
        case _:
            return False


def _expression(engine: Engine, frame: Frame, node: ast.Expr) -> None:
    engine.evaluate(frame, node.value)


def _assign(engine: Engine, frame: Frame, node: ast.Assign) -> None:
    value = engine.evaluate(frame, node.value)
    for target in node.targets:
        assign(engine, frame, target, value, node.value)


def _annotated(engine: Engine, frame: Frame, node: ast.AnnAssign) -> None:
    declared = engine.annotation(frame, node.annotation)
    if node.value is None:
        if isinstance(node.target, ast.Name) and declared:
            frame.assign(node.target.id, declared)
        return
    value = engine.evaluate(frame, node.value)
    assign(engine, frame, node.target, known_and_declared(value, declared), node.value)


def known_and_declared(value: Value, declared: Value) -> Value:
    """A value with an annotation: what is known of it, completed by what the annotation says of its elements."""
    if not declared:
        return value
    if not value:
        return declared
    bare = {atom.cls for atom in value if isinstance(atom, Instance) and not atom.element}
    more = frozenset(atom for atom in declared if isinstance(atom, Instance) and atom.cls in bare and atom.element)
    if value == instance("builtins.None"):
        return join(value, declared)
    return join(value, more)


def _augmented(engine: Engine, frame: Frame, node: ast.AugAssign) -> None:
    augmented(engine, frame, node)


def _delete(engine: Engine, frame: Frame, node: ast.Delete) -> None:
    for target in node.targets:
        delete(engine, frame, target)


def _return(engine: Engine, frame: Frame, node: ast.Return) -> bool:
    if node.value is not None:
        frame.returns = join(frame.returns, engine.evaluate(frame, node.value))
    return False


def _raise(engine: Engine, frame: Frame, node: ast.Raise) -> bool:
    for part in (node.exc, node.cause):
        if part is not None:
            engine.evaluate(frame, part)
    return False


def _assert(engine: Engine, frame: Frame, node: ast.Assert) -> None:
    engine.evaluate(frame, node.test)
    if node.msg is not None:
        engine.evaluate(frame, node.msg)
    frame.env.update(narrowing.when(engine, frame, node.test, holds=True))


def _if(engine: Engine, frame: Frame, node: ast.If) -> bool | None:
    if is_main_guard(node.test):
        return None
    if is_type_checking(node.test):
        return execute(engine, frame, node.body)
    engine.evaluate(frame, node.test)
    quiet = texts.is_not_replaying(engine, frame, node.test)
    replaying.check(engine, frame, node)
    before = frame.env
    held, failed = (narrowing.when(engine, frame, node.test, holds=holds) for holds in (True, False))
    frame.env = {**before, **held}
    frame.quiet += quiet
    through = execute(engine, frame, node.body)
    frame.quiet -= quiet
    then = frame.env
    frame.env = {**before, **failed}
    replays = texts.asks_replaying(engine, frame, node.test)
    frame.quiet += replays
    through_else = execute(engine, frame, node.orelse)
    frame.quiet -= replays
    ends = [env for env, reached in ((then, through), (frame.env, through_else)) if reached]
    frame.env = merged(*ends) if ends else before
    if not through and through_else and replays:
        frame.quiet += 1  # `if is_replaying(): return`: what follows runs only when nothing is replayed
    return bool(ends)


def _loop(
    engine: Engine, frame: Frame, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt], start: Callable[[], None]
) -> None:
    """Goes through a loop twice, so that what one round assigns is known in the next."""
    frame.loops += 1
    for _ in range(2):
        before = frame.env
        frame.env = dict(before)
        frame.exits.append([])
        start()
        reached = execute(engine, frame, body)
        ends = [before, *frame.exits.pop(), *([frame.env] if reached else [])]
        frame.env = merged(*ends)
        if frame.env == before:
            break
    frame.loops -= 1
    execute(engine, frame, orelse)


def _for(engine: Engine, frame: Frame, node: ast.For | ast.AsyncFor) -> None:
    collects = _collects(node)
    value = engine.evaluate(frame, node.iter, order_free=collects)
    element = engine.iterate(frame, node.iter, value, order_free=collects)
    origin = engine.origin(frame, _held_by(node.iter))

    def start() -> None:
        assign(engine, frame, node.target, element, origin=origin)

    _loop(engine, frame, node.body, node.orelse, start)


def _held_by(node: ast.expr) -> ast.expr:
    """Where the objects that a loop goes through are from: `self.items` in `list(self.items)`."""
    match node:
        case ast.Call(func=ast.Name(id="enumerate" | "reversed" | "zip" | "list" | "sorted"), args=[held, *_]):
            return _held_by(held)
        case _:
            return node


def _collects(node: ast.For | ast.AsyncFor) -> bool:
    """Whether a loop only puts what it sees into a set, where no order is left."""
    if node.orelse:
        return False
    for statement in node.body:
        match statement:
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(attr="add" | "discard"), args=[ast.Name() | ast.Attribute()])
            ):
                continue
            case _:
                return False
    return True


def _while(engine: Engine, frame: Frame, node: ast.While) -> bool:
    def start() -> None:
        engine.evaluate(frame, node.test)
        frame.env.update(narrowing.when(engine, frame, node.test, holds=True))

    _loop(engine, frame, node.body, node.orelse, start)
    endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
    return not (endless and not any(isinstance(one, ast.Break) for one in ast.walk(node)))


def _leave_round(_engine: Engine, frame: Frame, _node: ast.Break | ast.Continue) -> bool:
    if frame.exits:
        frame.exits[-1].append(dict(frame.env))
    return False


def _with(engine: Engine, frame: Frame, node: ast.With | ast.AsyncWith) -> bool:
    names = ("__aenter__", "__aexit__") if isinstance(node, ast.AsyncWith) else ("__enter__", "__exit__")
    managers: list[Value] = []
    for item in node.items:
        expected = cancellation.is_expected(engine, frame, node, item)
        manager = UNKNOWN if expected else engine.evaluate(frame, item.context_expr)
        managers.append(manager)
        entered = entered_value(engine, frame, manager, names[0], item.context_expr)
        if item.optional_vars is not None:
            assign(engine, frame, item.optional_vars, entered, item.context_expr)
    reached = execute(engine, frame, node.body)
    for item, manager in zip(node.items, managers, strict=True):
        ours = frozenset(atom for atom in manager if isinstance(atom, Instance) and not isinstance(atom.cls, str))
        engine.call_method(frame, ours, names[1], Arguments(open=True), item.context_expr)
    suppresses = any(any(isinstance(atom, External) and "suppress" in atom.name for atom in one) for one in managers)
    return reached or suppresses or any(_suppresses(item.context_expr) for item in node.items)


def _suppresses(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="suppress") | ast.Attribute(attr="suppress")):
            return True
        case _:
            return False


def entered_value(engine: Engine, frame: Frame, manager: Value, name: str, node: ast.AST) -> Value:
    """What `with ... as` binds."""
    found: list[Value] = []
    for atom in manager:
        match atom:
            case Instance(cls="builtins.generator", element=element):
                found.append(element)  # what a function under @contextmanager yields
            case Instance(cls=str()):
                found.append(of(atom))
            case Instance():
                found.append(engine.call_method(frame, of(atom), name, Arguments(), node) or UNKNOWN)
            case _:
                found.append(of(atom))
    return join(*found)


def _try(engine: Engine, frame: Frame, node: ast.Try | ast.TryStar) -> bool:
    cancellation.check_try(engine, frame, node)
    before = dict(frame.env)
    reached = execute(engine, frame, node.body)
    middle = merged(before, frame.env)
    if reached:
        reached = execute(engine, frame, node.orelse)
    ends = [frame.env] if reached else []
    for handler in node.handlers:
        frame.env = dict(middle)
        if handler.type is not None:
            engine.evaluate(frame, handler.type)
        if handler.name:
            frame.assign(handler.name, UNKNOWN)
        reraises = isinstance(handler.body[-1], ast.Raise)
        frame.reraising += reraises
        if execute(engine, frame, handler.body):
            ends.append(frame.env)
        frame.reraising -= reraises
    frame.env = merged(*ends) if ends else dict(middle)
    through = execute(engine, frame, node.finalbody)
    return bool(ends) and through


def _match(engine: Engine, frame: Frame, node: ast.Match) -> bool:
    subject = engine.evaluate(frame, node.subject)
    before = frame.env
    ends: list[dict[str, Value]] = []
    complete = False
    for case in node.cases:
        frame.env = dict(before)
        _pattern(engine, frame, case.pattern, subject)
        if case.guard is not None:
            engine.evaluate(frame, case.guard)
        elif isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None:
            complete = True
        if execute(engine, frame, case.body):
            ends.append(frame.env)
    if not complete:
        ends.append(before)
    frame.env = merged(*ends) if ends else before
    return bool(ends)


def _pattern(engine: Engine, frame: Frame, pattern: ast.pattern, subject: Value) -> None:
    match pattern:
        case ast.MatchAs(pattern=inner, name=name):
            value = subject
            if isinstance(inner, ast.MatchClass):
                matched = engine.annotation(frame, inner.cls)
                classes = {atom.cls for atom in matched if isinstance(atom, Instance)}
                value = frozenset(a for a in subject if isinstance(a, Instance) and a.cls in classes) or matched
            if inner is not None:
                _pattern(engine, frame, inner, subject)
            if name:
                frame.assign(name, value)
        case ast.MatchClass(cls=cls, patterns=patterns, kwd_patterns=keyword_patterns, kwd_attrs=attributes):
            matched = engine.annotation(frame, cls)
            builtin = [a for a in matched if isinstance(a, Instance) and isinstance(a.cls, str)]
            for inner in patterns:
                _pattern(engine, frame, inner, frozenset(builtin))
            for attribute, inner in zip(attributes, keyword_patterns, strict=True):
                held = join(*(engine.attribute(frame, atom, attribute, inner) for atom in matched))
                _pattern(engine, frame, inner, held)
        case ast.MatchOr(patterns=patterns):
            for inner in patterns:
                _pattern(engine, frame, inner, subject)
        case ast.MatchSequence(patterns=patterns):
            held = join(*(atom.element for atom in subject if isinstance(atom, Instance)))
            for inner in patterns:
                _pattern(engine, frame, inner, held)
        case ast.MatchStar(name=name):
            if name:
                frame.assign(name, UNKNOWN)
        case ast.MatchMapping(patterns=patterns, rest=rest):
            held = join(*(atom.element for atom in subject if isinstance(atom, Instance)))
            for inner in patterns:
                _pattern(engine, frame, inner, held)
            if rest:
                frame.assign(rest, instance("builtins.dict"))
        case ast.MatchValue(value=value):
            engine.evaluate(frame, value)
        case _:
            pass


def _function(engine: Engine, frame: Frame, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    info = frame.module.function(node, None, frame.title)
    frame.assign(node.name, engine.function_value(frame, info))


def _class(engine: Engine, frame: Frame, node: ast.ClassDef) -> None:
    frame.assign(node.name, engine.class_value(frame, frame.module.class_(node, frame.title)))


def _import(engine: Engine, frame: Frame, node: ast.Import) -> None:
    for name, value in bind_import(engine, frame.module, node):
        frame.assign(name, value, GLOBAL)


def _import_from(engine: Engine, frame: Frame, node: ast.ImportFrom) -> None:
    for name, value in bind_import_from(engine, frame.module, node, frame):
        if not value:
            explain(engine, frame.module, node, name)
        frame.assign(name, value, GLOBAL)


_HANDLERS: Final[dict[type[ast.stmt], Callable[[Engine, Frame, Any], bool | None]]] = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.Delete: _delete,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Assert: _assert,
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.Break: _leave_round,
    ast.Continue: _leave_round,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.Match: _match,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
}
