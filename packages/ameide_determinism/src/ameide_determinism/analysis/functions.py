"""Functions of the project: how arguments meet parameters, and going through the body once for each kind of call."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Final

from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import GLOBAL, Arguments, Frame
from ameide_determinism.analysis.statements import known_and_declared
from ameide_determinism.project.definitions import FunctionInfo, makes_container
from ameide_determinism.project.module import SourceError
from ameide_determinism.values import UNKNOWN, Class, External, Function, Instance, Value, instance, join, of

MAX_CONTEXTS: Final = 24
"""Kinds of calls of one function that are told apart; further ones are taken for one with unknown arguments."""

MAX_CALLS_DEEP: Final = 300
"""Calls in calls that are followed; deeper than any chain that a person reads, and within Python's own limit."""

_Key = tuple[object, ...]


class Functions:
    """All functions that were gone through, by definition and arguments."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._frames: dict[_Key, Frame] = {}
        self._defaults: dict[FunctionInfo, Frame] = {}
        self._depth = 0

    def run(self, caller: Frame | None, function: Function, arguments: Arguments, node: ast.AST) -> Value:
        """What a call returns. A generator gives an iterator over what it yields; `await` changes nothing."""
        frame = self.frame(caller, function, arguments, node)
        if frame is None:
            return UNKNOWN
        info = function.info
        result = join(frame.returns, self._dispatched(frame, function, arguments, node))
        if info.is_generator:
            return instance("builtins.generator", frame.yields)
        if not result and not isinstance(info.node, ast.Lambda):
            result = self._engine.annotation(frame, info.node.returns)
        elif not isinstance(info.node, ast.Lambda) and info.node.returns is not None:
            result = known_and_declared(result, self._engine.annotation(frame, info.node.returns))
        return result

    def _dispatched(self, frame: Frame, function: Function, arguments: Arguments, node: ast.AST) -> Value:
        """Calls what is registered for other types with a function under `singledispatch`."""
        info = function.info
        if not any("singledispatch" in one for one in info.decorators):
            return UNKNOWN
        body = info.owner.node.body if info.owner is not None else info.module.tree.body
        found: list[Value] = []
        for other in body:
            if isinstance(other, ast.FunctionDef | ast.AsyncFunctionDef) and other is not info.node:
                registered = info.module.function(other, info.owner, "")
                if f"{info.name}.register" in registered.decorators:
                    bound = Function(registered, function.closure, function.receiver, function.origin)
                    found.append(self.run(frame, bound, arguments, node))
        return join(*found)

    def frame(self, caller: Frame | None, function: Function, arguments: Arguments, node: ast.AST) -> Frame | None:
        """The frame of a call, gone through; None: it is too deep."""
        info = function.info
        env, origins = self._bind(caller, function, arguments)
        quiet = caller is not None and caller.quiet > 0
        key = self._key(function, env, origins, quiet=quiet)
        frame = self._frames.get(key)
        if frame is None:
            if info.contexts >= MAX_CONTEXTS:
                env = {name: self._declared(function, name) for name in env} | self._receiver_of(function, env)
                key = self._key(function, env, origins, quiet=quiet)
                frame = self._frames.get(key)
            info.contexts += 1
        if frame is None:
            if self._depth >= MAX_CALLS_DEEP:
                message = (
                    f"{info.qualname} is more than {MAX_CALLS_DEEP} calls away from a workflow and is not followed"
                )
                self._engine.modules.problem(SourceError(info.module.path, message, info.node.lineno))
                return None
            frame = self._frames[key] = self._new(function, env, origins, quiet=quiet)
            if caller is not None:
                caller.leads_to(frame, node)
            self._depth += 1
            self._go_through(frame, info)
            self._depth -= 1
        elif caller is not None and caller is not frame:
            caller.leads_to(frame, node)
        return frame

    def _key(self, function: Function, env: dict[str, Value], origins: dict[str, str], *, quiet: bool) -> _Key:
        return (function.info, function.closure, function.receiver, tuple(env.items()), tuple(origins.items()), quiet)

    def _receiver_of(self, function: Function, env: dict[str, Value]) -> dict[str, Value]:
        if function.receiver is None or not env:
            return {}
        first = next(iter(env))
        return {first: env[first]}

    def _new(self, function: Function, env: dict[str, Value], origins: dict[str, str], *, quiet: bool) -> Frame:
        info = function.info
        receiver = function.receiver
        if receiver is None and info.owner is not None and not info.is_static:
            # A method that a wrapper calls gets its object as a plain argument.
            first = next(iter(env.values()), UNKNOWN)
            receiver = next((one for one in first if isinstance(one, Instance | Class)), None)
        frame = Frame(
            info.qualname,
            info.module,
            info.node.lineno,
            info=info,
            owner=info.owner,
            closure=function.closure,
            receiver=receiver,
        )
        frame.env = dict(env)
        frame.origins = dict(origins)
        frame.quiet = int(quiet)
        frame.globals, frame.nonlocals = info.globals, info.nonlocals
        return frame

    def _go_through(self, frame: Frame, info: FunctionInfo) -> None:
        defaults = self._default_frame(frame, info)
        if defaults is not None:
            frame.leads_to(defaults, info.node)
        if isinstance(info.node, ast.Lambda):
            frame.returns = self._engine.evaluate(frame, info.node.body)
        else:
            self._engine.execute(frame, info.node.body)
        frame.done = True

    def _default_frame(self, frame: Frame, info: FunctionInfo) -> Frame | None:
        """The frame of the default arguments, which are made once, when the module is imported."""
        arguments = info.node.args
        values = [one for one in (*arguments.defaults, *arguments.kw_defaults) if one is not None]
        if not values or isinstance(info.node, ast.Lambda):
            return None
        if info not in self._defaults:
            made = Frame(f"defaults of {info.qualname}", info.module, info.node.lineno, closure=frame.closure)
            self._defaults[info] = made
            for one in values:
                self._engine.evaluate(made, one)
        return self._defaults[info]

    def _bind(
        self, caller: Frame | None, function: Function, arguments: Arguments
    ) -> tuple[dict[str, Value], dict[str, str]]:
        """Gives each parameter its value."""
        info = function.info
        node = info.node.args
        env: dict[str, Value] = {}
        origins: dict[str, str] = {}
        names = [*node.posonlyargs, *node.args]
        position = 0
        if function.receiver is not None and names and not info.is_static:
            receiver = names.pop(0)
            env[receiver.arg] = of(function.receiver)
            whose = GLOBAL if isinstance(function.receiver, Class) else function.origin
            if whose:
                origins[receiver.arg] = whose
        elif function.receiver is not None and node.vararg is not None and not info.is_static:
            arguments = replace(
                arguments,
                positional=[of(function.receiver), *arguments.positional],
                origins=[function.origin, *arguments.origins],
            )
        defaults = dict(zip([one.arg for one in reversed(names)], reversed(node.defaults), strict=False))
        defaults |= {one.arg: made for one, made in zip(node.kwonlyargs, node.kw_defaults, strict=True) if made}
        for parameter in names:
            given: Value | None = None
            if position < len(arguments.positional):
                given = arguments.positional[position]
                whose = arguments.origins[position] if position < len(arguments.origins) else ""
                position += 1
            else:
                given = arguments.keywords.get(parameter.arg)
                whose = arguments.keyword_origins.get(parameter.arg, "")
                if given is None and arguments.open:
                    given = arguments.spread
                if given is None and makes_container(defaults.get(parameter.arg)):
                    whose = GLOBAL  # made once, with the function, and the same in every call
            if whose:
                origins[parameter.arg] = whose
            env[parameter.arg] = self._parameter(caller, function, parameter, given, defaults.get(parameter.arg))
        for parameter in node.kwonlyargs:
            given = arguments.keywords.get(parameter.arg)
            if given is None and arguments.open:
                given = arguments.spread
            if parameter.arg in arguments.keyword_origins:
                origins[parameter.arg] = arguments.keyword_origins[parameter.arg]
            env[parameter.arg] = self._parameter(caller, function, parameter, given, defaults.get(parameter.arg))
        if node.vararg is not None:
            rest = arguments.positional[position:]
            held = join(*rest, arguments.spread)
            if function.receiver is not None and not names and function.origin:
                origins[node.vararg.arg] = function.origin
            env[node.vararg.arg] = (
                frozenset({Instance("builtins.tuple", held, UNKNOWN, tuple(rest))})
                if rest and not arguments.open
                else instance("builtins.tuple", held)
            )
        if node.kwarg is not None:
            named = {one.arg for one in (*names, *node.kwonlyargs)}
            held = join(*(value for name, value in arguments.keywords.items() if name not in named))
            env[node.kwarg.arg] = instance("builtins.dict", held, instance("builtins.str"))
        return env, origins

    def _parameter(
        self,
        caller: Frame | None,
        function: Function,
        parameter: ast.arg,
        given: Value | None,
        default: ast.expr | None,
    ) -> Value:
        declared = self._declared(function, parameter.arg, parameter)
        if given is None and default is not None:
            made = self._default_frame(self._scope(function), function.info)
            given = self._engine.evaluate(made or self._scope(function), default)
        return known_and_declared(given or UNKNOWN, declared)

    def _scope(self, function: Function) -> Frame:
        return Frame(
            function.info.qualname,
            function.info.module,
            function.info.node.lineno,
            owner=function.info.owner,
            closure=function.closure,
            receiver=function.receiver,
        )

    def _declared(self, function: Function, name: str, parameter: ast.arg | None = None) -> Value:
        if parameter is None:
            arguments = function.info.node.args
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            parameter = next((one for one in every if one.arg == name), None)
        if parameter is None or parameter.annotation is None:
            return UNKNOWN
        return self._engine.annotation(self._scope(function), parameter.annotation)


def decorated(engine: Engine, frame: Frame, info: FunctionInfo, receiver_closure: Frame | None) -> Value:
    """What a `def` binds: the function, given to its decorators one after the other."""
    plain = of(Function(info, receiver_closure))
    if isinstance(info.node, ast.Lambda):
        return plain
    value = plain
    for decorator in reversed(info.node.decorator_list):
        made = engine.evaluate(frame, decorator)
        ours = frozenset(atom for atom in made if not isinstance(atom, External))
        if not ours:
            continue
        value = engine.call(frame, ours, Arguments([value]), decorator) or plain
    return value
