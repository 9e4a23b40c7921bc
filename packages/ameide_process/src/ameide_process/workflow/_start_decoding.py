"""From the workflow argument to the typed start message."""

from typing import Any

from google.protobuf.json_format import Parse
from temporalio.api.common.v1 import Payload

from ameide_process.workflow._definition import ProcessDefinition
from ameide_process.workflow._errors import UnknownStartError


def decode_start(definition: ProcessDefinition, payload: Payload) -> Any:
    """Decodes the start argument by its message type; fields that this version does not know are ignored.

    Raises:
        UnknownStartError: It is of no start type that this version knows.
    """
    message_type = payload.metadata.get("messageType", b"").decode()
    for start_type in definition.start_types:
        if start_type.DESCRIPTOR.full_name == message_type:
            start = start_type()
            if payload.metadata.get("encoding") == b"binary/protobuf":
                start.ParseFromString(payload.data)
            else:
                Parse(payload.data, start, ignore_unknown_fields=True)
            return start
    known = ", ".join(start_type.DESCRIPTOR.full_name for start_type in definition.start_types)
    raise UnknownStartError(f"start argument is a {message_type or 'payload without message type'!r}; known: {known}")
