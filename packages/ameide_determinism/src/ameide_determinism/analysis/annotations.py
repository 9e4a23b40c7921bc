"""What has an annotated type."""

from __future__ import annotations

import ast
from functools import cache
from typing import Final

from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import Frame
from ameide_determinism.rules.results import CLASS_ALIASES
from ameide_determinism.values import (
    MAPPINGS,
    NONE,
    STR,
    UNKNOWN,
    Class,
    External,
    Instance,
    Value,
    instance,
    join,
    of,
    tuple_of,
)

_TRANSPARENT: Final = frozenset(
    {
        "Annotated",
        "ClassVar",
        "Final",
        "InitVar",
        "Optional",
        "ReadOnly",
        "Required",
        "NotRequired",
        "Awaitable",
        "Union",
        "Mapped",
    }
)
"""Forms of `typing` whose objects are those of their arguments."""

_BUILTIN: Final = frozenset(
    {"set", "frozenset", "list", "dict", "tuple", "str", "int", "float", "bool", "bytes", "object", "bytearray"}
)


@cache
def written(text: str) -> Value:
    """What has a type that the checker's own tables write: `list[pathlib.Path]`."""
    return _of_node(ast.parse(text, mode="eval").body) if text else UNKNOWN


def _of_node(node: ast.expr) -> Value:
    match node:
        case ast.Name(id=name):
            return instance(f"builtins.{name}") if name in _BUILTIN else UNKNOWN
        case ast.Attribute():
            name = ast.unparse(node)
            return instance(CLASS_ALIASES.get(name, name) if not name.startswith("random") else name)
        case ast.Subscript(value=value, slice=ast.Tuple(elts=[key, element])):
            return frozenset(
                Instance(atom.cls, _of_node(element), _of_node(key))
                for atom in _of_node(value)
                if isinstance(atom, Instance)
            )
        case ast.Subscript(value=value, slice=argument):
            return frozenset(
                Instance(atom.cls, _of_node(argument)) for atom in _of_node(value) if isinstance(atom, Instance)
            )
        case _:
            return UNKNOWN


def annotation(engine: Engine, frame: Frame, node: ast.expr | None) -> Value:
    """What has the annotated type: objects of a class, of a container with known elements, of one of several types."""
    match node:
        case None:
            return UNKNOWN
        case ast.Constant(value=None):
            return NONE
        case ast.Constant(value=str() as text):
            try:
                return annotation(engine, frame, ast.parse(text, mode="eval").body)
            except (SyntaxError, ValueError):
                return UNKNOWN
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            return join(annotation(engine, frame, left), annotation(engine, frame, right))
        case ast.Subscript():
            return _subscript(engine, frame, node)
        case ast.Name() | ast.Attribute():
            return _named(engine, frame, node)
        case _:
            return UNKNOWN


def _named(engine: Engine, frame: Frame, node: ast.Name | ast.Attribute) -> Value:
    if isinstance(node, ast.Name) and frame.owner is not None and frame.receiver is not None:
        cls = getattr(frame.receiver, "cls", None)
        if cls is not None and not isinstance(cls, str):
            argument = engine.type_argument(cls, node.id)
            if argument:
                return argument
    if isinstance(node, ast.Name) and frame.find(node.id) is None:
        alias = engine.alias(frame.module, node.id)
        if alias is not None:
            module, written_out = alias
            return annotation(engine, Frame(node.id, module, written_out.lineno), written_out)
    value = engine.evaluate(frame, node)
    return join(*(typed(atom) for atom in value))


def typed(atom: object) -> Value:
    """An object of a type, given the type."""
    match atom:
        case Class():
            return instance(atom.info)
        case External(name="builtins.str"):
            return STR
        case External(name="typing.Any" | "builtins.object" | "typing.Self"):
            return UNKNOWN
        case External(name=name):
            return instance(CLASS_ALIASES.get(name, name))
        case Instance():
            return of(atom)  # an alias whose value is an annotation itself: `Ids = set[str]`
        case _:
            return UNKNOWN


def _subscript(engine: Engine, frame: Frame, node: ast.Subscript) -> Value:
    arguments = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    name = node.value.id if isinstance(node.value, ast.Name) else getattr(node.value, "attr", "")
    if name in _TRANSPARENT:
        taken = arguments[:1] if name == "Annotated" else arguments
        held = join(*(annotation(engine, frame, one) for one in taken))
        return join(held, NONE) if name == "Optional" else held
    if name == "Literal":
        return UNKNOWN
    if name in ("type", "Type", "Callable", "Coroutine"):
        return annotation(engine, frame, arguments[-1]) if name == "Coroutine" else UNKNOWN
    base = annotation(engine, frame, node.value)
    found: list[Value] = []
    for atom in base:
        if not isinstance(atom, Instance) or not isinstance(atom.cls, str):
            found.append(of(atom))
        elif atom.cls in MAPPINGS and len(arguments) == 2:
            element = annotation(engine, frame, arguments[1])
            found.append(instance(atom.cls, element, annotation(engine, frame, arguments[0])))
        elif atom.cls == "builtins.tuple":
            if len(arguments) == 2 and isinstance(arguments[1], ast.Constant) and arguments[1].value is Ellipsis:
                found.append(instance("builtins.tuple", annotation(engine, frame, arguments[0])))
            else:
                found.append(tuple_of(tuple(annotation(engine, frame, one) for one in arguments)))
        else:
            found.append(instance(atom.cls, annotation(engine, frame, arguments[0])))
    return join(*found)
