"""Message classes of a `_pb2.py` without a `.pyi` beside it: read from the descriptor in the file, written as a stub.

protoc writes no classes into a `_pb2.py`, but the descriptor that the classes are made from, in its binary form. Only
what tells map fields and messages apart is read of it, with no protobuf library, since checked projects may have any.
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MESSAGE_TYPE = 11
_REPEATED = 3
_MAP_VALUE = 2

_Fields = list[tuple[int, int | bytes]]

_HEADER = """\
from google.protobuf import message as _message
from google.protobuf.internal import containers as _containers
"""


def stub_of(tree: ast.Module) -> str | None:
    """The text of a stub for the messages of a `_pb2.py`; None: it holds no descriptor that can be read."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="AddSerializedFile"), args=[ast.Constant(value=bytes() as descriptor)]
            ):
                try:
                    text = _file(descriptor)
                    ast.parse(text)
                except (IndexError, UnicodeDecodeError, SyntaxError):
                    return None
                return text
            case _:
                pass
    return None


def _file(descriptor: bytes) -> str:
    fields = _fields(descriptor)
    package = "".join(_text(value) for number, value in fields if number == 2)
    prefix = f".{package}." if package else "."
    lines = [_HEADER]
    for number, value in fields:
        if number == 4 and isinstance(value, bytes) and _is_name(_name(value)):
            lines += _message(value, prefix, "")
    return "\n".join(lines)


def _message(descriptor: bytes, prefix: str, indent: str) -> Iterator[str]:
    fields = _fields(descriptor)
    name = next((_text(value) for number, value in fields if number == 1), "Message")
    nested = [value for number, value in fields if number == 3 and isinstance(value, bytes)]
    maps = {_name(one): one for one in nested if _is_map_entry(one)}
    yield f"{indent}class {name}(_message.Message):"
    for one in nested:
        if not _is_map_entry(one) and _is_name(_name(one)):
            yield from _message(one, prefix, f"{indent}    ")
    for number, value in fields:
        if number == 2 and isinstance(value, bytes) and _is_name(_name(value)):
            yield f"{indent}    {_field(value, maps, prefix)}"
    yield f"{indent}    DESCRIPTOR: object"


def _field(descriptor: bytes, maps: dict[str, bytes], prefix: str) -> str:
    known = dict(_fields(descriptor))
    name = _text(known.get(1, b""))
    entry = maps.get(_text(known.get(6, b"")).rpartition(".")[2])
    if entry is not None:
        parts = [dict(_fields(one)) for one in _entries(entry)]
        value = next((one for one in parts if one.get(3) == _MAP_VALUE), known)
        return f"{name}: _containers.MessageMap[object, {_type(value, prefix)}]"
    if known.get(4) == _REPEATED:
        return f"{name}: list[{_type(known, prefix)}]"
    return f"{name}: {_type(known, prefix)}"


def _type(known: dict[int, int | bytes], prefix: str) -> str:
    """The class of a message of the same file; of anything else nothing is said."""
    name = _text(known.get(6, b""))
    if known.get(5) == _MESSAGE_TYPE and name.startswith(prefix):
        return f'"{name.removeprefix(prefix)}"'
    return "object"


def _entries(message: bytes) -> list[bytes]:
    return [value for number, value in _fields(message) if number == 2 and isinstance(value, bytes)]


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


def _name(message: bytes) -> str:
    return next((_text(value) for number, value in _fields(message) if number == 1), "")


def _is_map_entry(message: bytes) -> bool:
    options = [value for number, value in _fields(message) if number == 7 and isinstance(value, bytes)]
    return any((7, 1) in _fields(one) for one in options)


def _text(value: int | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else ""


def _fields(data: bytes) -> _Fields:
    """The fields of a message in wire format: number and value.

    Raises:
        IndexError: The data ends too early, or is none.
    """
    found: _Fields = []
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, position = _varint(data, position)
            found.append((number, value))
        elif wire == _BYTES:
            length, position = _varint(data, position)
            if position + length > len(data):
                raise IndexError(length)
            found.append((number, data[position : position + length]))
            position += length
        elif wire in (_FIXED64, _FIXED32):
            position += 8 if wire == _FIXED64 else 4
        else:
            raise IndexError(wire)
    return found


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
