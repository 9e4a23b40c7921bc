"""Messages with every field set, for tests that need some message and do not care which."""

from typing import Any, TypeVar

from google.protobuf import any_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

MessageT = TypeVar("MessageT", bound=Message)

_DEPTH = 5
"""Nested messages are filled this deep; a message may contain itself."""

_WELL_KNOWN = "google.protobuf."

# Fields are typed Any: the stubs give two FieldDescriptor classes, and messages hand out either.

_FLOATS = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)


def sample(message_type: type[MessageT], *, variant: int = 1) -> MessageT:
    """Makes a message with every field set; of a oneof the first. It survives JSON, as histories hold it.

    Args:
        message_type: Type of the message.
        variant: Messages of different variants have different strings and integers.
    """
    message = message_type()
    _fill(message, variant, _DEPTH)
    return message


def _fill(message: Message, variant: int, depth: int) -> None:
    if message.DESCRIPTOR.full_name.startswith(_WELL_KNOWN):
        _fill_well_known(message, variant)
    else:
        _fill_fields(message, variant, depth)


def _fill_fields(message: Message, variant: int, depth: int) -> None:
    filled_oneofs: set[str] = set()
    for field in message.DESCRIPTOR.fields:
        oneof = field.containing_oneof
        if oneof is not None:
            if oneof.full_name in filled_oneofs:
                continue
            filled_oneofs.add(oneof.full_name)
        _fill_field(message, field, variant, depth)


def _fill_well_known(message: Message, variant: int) -> None:
    """Sets a message of the library to what JSON has a form for; an Any stays empty, since it may hold anything."""
    match message:
        case Timestamp() | Duration():
            message.seconds = variant
        case FieldMask():
            message.paths.append(f"path{variant}")
        case Value():
            message.string_value = f"value-{variant}"
        case ListValue():
            message.values.add().string_value = f"value-{variant}"
        case Struct():
            message.fields["field"].string_value = f"value-{variant}"
        case any_pb2.Any() | Empty():
            pass
        case _:
            _fill_fields(message, variant, 1)  # a wrapper of one scalar


def _fill_field(message: Message, field: Any, variant: int, depth: int) -> None:
    nested = field.message_type
    if nested is not None and nested.GetOptions().map_entry:
        _fill_map(message, field, variant, depth)
    elif nested is None:
        value = _scalar(field, variant)
        if field.is_repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)
    elif depth > 0:
        child = getattr(message, field.name)
        _fill(child.add() if field.is_repeated else child, variant, depth - 1)
        if not field.is_repeated:
            child.SetInParent()


def _fill_map(message: Message, field: Any, variant: int, depth: int) -> None:
    key_field, value_field = (field.message_type.fields_by_name[name] for name in ("key", "value"))
    entries = getattr(message, field.name)
    key = _scalar(key_field, variant)
    if value_field.message_type is None:
        entries[key] = _scalar(value_field, variant)
    elif depth > 0:
        _fill(entries[key], variant, depth - 1)


def _scalar(field: Any, variant: int) -> Any:
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        if field.type == FieldDescriptor.TYPE_BYTES:
            return f"{field.name}-{variant}".encode()
        return f"{field.name}-{variant}"
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return True
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return field.enum_type.values[-1].number
    return float(variant) if field.cpp_type in _FLOATS else variant
