"""Where two state messages differ, field by field."""

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import Message

Fields = Mapping[str, object]
"""From the path of a field, `lines[0].sku`, to its value; a list and a map have their length at `lines.length`."""


def fields_of(message: Message) -> Fields:
    """All that is set in a message."""
    return dict(_walk(message, ""))


def differing(one: Fields, other: Fields) -> frozenset[str]:
    """The paths at which two messages differ.

    Elements of lists of different length, and of maps with different keys, are one difference: all of them.
    """
    paths = {path for path in one.keys() | other.keys() if one.get(path) != other.get(path)}
    unlike = {path.rpartition(".")[0] for path in paths if path.endswith((".length", ".keys"))}
    within = {f"{path}{opening}*" for path in unlike for opening in "[{"}
    return frozenset(paths | within)


def covers(unstable: frozenset[str], path: str) -> bool:
    """Whether a path is among those of an earlier comparison, or an element of one that is."""
    return path in unstable or any(path.startswith(prefix[:-1]) for prefix in unstable if prefix.endswith("*"))


def _walk(message: Message, prefix: str) -> Iterator[tuple[str, object]]:
    # Any: the stubs of protobuf give two classes of field descriptors.
    fields: list[tuple[Any, Any]] = list(message.ListFields())
    for field, value in fields:
        path = f"{prefix}{field.name}"
        nested = field.message_type
        if nested is not None and nested.GetOptions().map_entry:
            yield f"{path}.length", len(value)
            yield f"{path}.keys", frozenset(value)
            for key in value:
                yield from _value(value[key], f"{path}{{{key}}}")
        elif field.is_repeated:
            yield f"{path}.length", len(value)
            for index, element in enumerate(value):
                yield from _value(element, f"{path}[{index}]")
        else:
            yield from _value(value, path)


def _value(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Message):
        yield path, "set"
        yield from _walk(value, f"{path}.")
    else:
        yield path, value
