"""Payloads as trees that can be compared field by field and read by a person."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from ameide_core_proto.process.v1.process_runtime_pb2 import CarryOver, DeadLetterRequest
from google.protobuf import descriptor_pool
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from temporalio.api.common.v1 import Payload

Leaf: TypeAlias = str | int | float | bool | None
Tree: TypeAlias = "Leaf | Sequence[Tree] | Mapping[str, Tree]"


def arguments(payloads: Iterable[Payload], state_type: type[Message]) -> dict[str, Tree]:
    """The arguments of a call: `argument 1`, `argument 2`, ….

    Args:
        payloads: As Temporal has them.
        state_type: The state message of the process, which a carry-over holds as bytes.
    """
    return {f"argument {number}": readable(each, state_type) for number, each in enumerate(payloads, start=1)}


def readable(payload: Payload, state_type: type[Message]) -> Tree:
    """What a payload says. JSON stays as it is: what this version's types do not know is compared too."""
    encoding = payload.metadata.get("encoding", b"").decode(errors="replace")
    message_type = payload.metadata.get("messageType", b"").decode(errors="replace")
    tree: Tree = None
    if encoding.startswith("json/"):
        tree = _json(payload.data)
    elif encoding == "binary/protobuf":
        tree = _protobuf(message_type, payload.data, state_type)
    elif encoding != "binary/null":
        tree = _bytes(payload.data)
    return {"(message type)": message_type, **tree} if message_type and isinstance(tree, Mapping) else tree


def flattened(tree: Tree, path: str = "") -> dict[str, Leaf]:
    """The leaves of a tree by their path: `argument 1: lines[0].sku`."""
    if isinstance(tree, Mapping):
        separator = "" if not path else ": " if path.startswith(("argument", "result")) and ":" not in path else "."
        return {
            leaf: value
            for key, child in tree.items()
            for leaf, value in flattened(child, f"{path}{separator}{key}").items()
        } or {path: "{}"}
    if isinstance(tree, Sequence) and not isinstance(tree, str):
        return {
            leaf: value for i, child in enumerate(tree) for leaf, value in flattened(child, f"{path}[{i}]").items()
        } or {path: "[]"}
    return {path: tree}


def _json(data: bytes) -> Tree:
    try:
        return json.loads(data)
    except ValueError:
        return _bytes(data)


def _protobuf(message_type: str, data: bytes, state_type: type[Message]) -> Tree:
    try:
        message = GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(message_type)).FromString(data)
        tree = {**_fields(message), **_within(message_type, data, state_type)}
    except (KeyError, DecodeError):
        return _bytes(data)
    size = message.ByteSize()
    message.DiscardUnknownFields()
    # A field that this version does not know is in no tree.
    return tree if message.ByteSize() == size else {**tree, "(bytes)": _bytes(data)}


def _within(message_type: str, data: bytes, state_type: type[Message]) -> dict[str, Tree]:
    """What our own messages hold as bytes."""
    if message_type == CarryOver.DESCRIPTOR.full_name:
        carried = CarryOver.FromString(data)
        return {
            "state": _fields(state_type.FromString(carried.state)),
            "start": _payload(carried.start, state_type),
            "pending": [_payload(each, state_type) for each in carried.pending],
            "failures": [_unexplained(each) for each in carried.failures],
        }
    if message_type == DeadLetterRequest.DESCRIPTOR.full_name:
        letters = DeadLetterRequest.FromString(data).events
        return {"events": [{**_unexplained(each), "payload": _payload(each.payload, state_type)} for each in letters]}
    return {}


def _fields(message: Message) -> dict[str, Tree]:
    return MessageToDict(message, preserving_proto_field_name=True)


def _unexplained(message: Message) -> dict[str, Tree]:
    """Without the text for people: a version that can read an event explains otherwise why an older one rejected it."""
    return {name: value for name, value in _fields(message).items() if name != "message"}


def _payload(data: bytes, state_type: type[Message]) -> Tree:
    return readable(Payload.FromString(data), state_type)


def _bytes(data: bytes) -> str:
    return f"base64 {base64.b64encode(data).decode()}"
