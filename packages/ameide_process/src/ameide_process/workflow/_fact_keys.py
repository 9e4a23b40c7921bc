"""The event id and the record key of a fact, from the fields that the proto names."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from google.protobuf.message import Message

from ameide_process.contract import EmittedFact


class FactKeyError(ValueError):
    """A field that the id of a fact is made of is unset, so two facts could share one id.

    Not a failure of the workflow: the workflow task is retried until the code is mended.
    """


def declared_id(declared: EmittedFact, message: Message) -> str | None:
    """Makes the event id from `idempotency_key_fields`; None where none are declared.

    It begins with the event type, since facts of two types may be named by the same fields.

    Raises:
        FactKeyError: A field is unset.
    """
    if not declared.idempotency_key_fields:
        return None
    values: list[str] = []
    for path in declared.idempotency_key_fields:
        value = _value(message, path)
        if value is None:
            raise FactKeyError(
                f"{path} of an emitted {declared.message_type} is unset; its event id is made of it, so set it"
            )
        values.append(value)
    return f"{declared.event_type}/{_joined(values)}"


def declared_partition_key(declared: EmittedFact, message: Message) -> str | None:
    """Makes the record key from `partition_key_fields`; None where none are declared or all are unset.

    One field is the key as it is, so that records of others with the same key meet these; several are joined by `/`.
    """
    values = [_value(message, path) or "" for path in declared.partition_key_fields]
    if not any(values):
        return None
    return values[0] if len(values) == 1 else _joined(values)


def _joined(values: Sequence[str]) -> str:
    # Encoded, so that ("a/b", "c") and ("a", "b/c") stay apart.
    return "/".join(quote(value, safe="") for value in values)


def _value(message: Any, path: str) -> str | None:
    """Renders a scalar field, an enum by name; None where the message does not say it."""
    *parents, name = path.split(".")
    for parent in parents:
        # determinism: ignore[computed-attribute] -- a field of the proto, which the generator checked
        message = getattr(message, parent)
    field = message.DESCRIPTOR.fields_by_name[name]
    # determinism: ignore[computed-attribute] -- as above
    value = getattr(message, name)
    if not (message.HasField(name) if field.has_presence else value):
        return None
    if field.enum_type is not None and value in field.enum_type.values_by_number:
        return field.enum_type.values_by_number[value].name
    return str(value)
