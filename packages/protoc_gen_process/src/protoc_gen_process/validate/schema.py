"""What the messages of a process look like, all that they refer to included."""

from collections.abc import Iterable

from protoc_gen_process.parse.declarations import Declarations, DeclaredField, FieldKind
from protoc_gen_process.proto_types import FieldSchema, Schema

_GOOGLE = "google.protobuf."
"""Well-known types are released by others."""


def schema_of(roots: Iterable[str], declarations: Declarations) -> Schema:
    """Returns the schema of messages and of all messages and enums that their fields refer to, each once.

    Args:
        roots: Full names of messages.
        declarations: Where they are declared.
    """
    messages: dict[str, tuple[FieldSchema, ...]] = {}
    enums: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in messages or name.startswith(_GOOGLE):
            continue
        fields = declarations.messages[name].fields
        messages[name] = tuple(_field(field) for field in sorted(fields, key=lambda field: field.number))
        waiting.extend(field.type for field in fields if field.kind is FieldKind.MESSAGE)
        enums.update(field.type for field in fields if field.kind is FieldKind.ENUM)
    return Schema(
        messages=tuple(sorted(messages.items())),
        enums=tuple(declarations.enums[name] for name in sorted(enums) if not name.startswith(_GOOGLE)),
    )


def _field(field: DeclaredField) -> FieldSchema:
    if field.map_key is not None:
        shown = f"map<{field.map_key}, {field.type}>"
    elif field.is_repeated:
        shown = f"repeated {field.type}"
    else:
        shown = field.type
    is_optional = field.has_presence and field.oneof is None and field.kind is not FieldKind.MESSAGE
    return FieldSchema(field.name, field.number, shown, is_optional, field.oneof)
