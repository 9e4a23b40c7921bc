"""Paths of fields that identify something: dotted names from a message down to a scalar."""

from dataclasses import dataclass
from difflib import get_close_matches

from protoc_gen_process.parse.declarations import DeclaredField, DeclaredMessage, FieldKind
from protoc_gen_process.proto_types import FieldPath, ScalarKind
from protoc_gen_process.validate.scope import Scope

SCALAR_KINDS = {
    FieldKind.STRING: ScalarKind.STRING,
    FieldKind.INTEGER: ScalarKind.INTEGER,
    FieldKind.ENUM: ScalarKind.ENUM,
}
"""What can identify something. Others have no one text: floats round, bytes and bools are no names, messages are many
values."""


@dataclass(frozen=True, slots=True)
class NoPath:
    """Why a path leads nowhere."""

    problem: str
    """To be read after the path: `orders has no field 'oder_id'`."""
    remedy: str


def resolve(scope: Scope, root: DeclaredMessage, dotted: str) -> FieldPath | NoPath:
    """Follows a path as a developer wrote it.

    Args:
        scope: The process.
        root: The message that the path starts in.
        dotted: Field names joined by dots.
    """
    message = root
    names = dotted.split(".")
    for position, name in enumerate(names):
        field = message.field(name)
        if field is None:
            return NoPath(f"{message.name} has no field {name!r}", _nearest(name, message))
        problem = not_singular(field)
        if problem is not None:
            return NoPath(f"{problem}", "write a path through singular fields outside of oneofs")
        if position == len(names) - 1:
            return field_path(scope, tuple(names), field) or NoPath(
                f"{name} is of type {field.shown_type}", "write a path to a string, an integer or an enum"
            )
        if field.kind is not FieldKind.MESSAGE:
            return NoPath(f"{name} is of type {field.shown_type}, which has no fields", "end the path there")
        message = scope.message(field.type)
    return NoPath("the path is empty", "write field names joined by dots")


def field_path(scope: Scope, names: tuple[str, ...], field: DeclaredField) -> FieldPath | None:
    """Returns the path that ends in a field; None where the field cannot identify anything."""
    kind = SCALAR_KINDS.get(field.kind)
    if kind is None or not_singular(field) is not None:
        return None
    enum = scope.declarations.enums[field.type] if kind is ScalarKind.ENUM else None
    return FieldPath(names, kind, enum, field.has_presence)


def not_singular(field: DeclaredField) -> str | None:
    """Returns why a field does not hold exactly one value in each message, None where it does."""
    if field.is_repeated:
        return f"{field.name} is {'a map' if field.shown_type.startswith('map<') else 'repeated'}"
    if field.oneof is not None:
        return f"{field.name} is in oneof {field.oneof}, so it may not be there"
    return None


def _nearest(name: str, message: DeclaredMessage) -> str:
    candidates = [field.name for field in message.fields]
    nearest = get_close_matches(name, candidates, n=1)
    if nearest:
        return f"did you mean {nearest[0]}?"
    return f"its fields are {', '.join(candidates)}" if candidates else "it has no fields at all"
