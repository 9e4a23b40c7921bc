"""From a raw payload to an event that a handler can take."""

from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import Parse, ParseError
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload

from ameide_process.contract import META_FIELD, PAYLOAD_ONEOF
from ameide_process.invalid_event import InvalidEventError, InvalidReason
from ameide_process.workflow._definition import ProcessDefinition
from ameide_process.workflow._inbox import SIGNAL_NAME_METADATA


@dataclass(frozen=True, slots=True)
class Event:
    """A decoded event."""

    case: str
    idempotency_key: str
    payload: Any
    meta: Any


def decode(definition: ProcessDefinition, payload: Payload) -> Event:
    """Decodes one raw payload; fields that this version does not know are ignored.

    Protobuf-JSON is what the ingress sends; plain JSON of the envelope, as Temporal's CLI sends it, and binary
    protobuf are read too.

    Raises:
        InvalidEventError: The payload is not the envelope, or lacks a payload case that this version knows, or its
            idempotency key.
    """
    if SIGNAL_NAME_METADATA in payload.metadata:
        name = payload.metadata[SIGNAL_NAME_METADATA].decode(errors="replace")
        raise InvalidEventError(InvalidReason.UNKNOWN_SIGNAL, f"the process takes no signal {name!r}")
    envelope = definition.envelope_type()
    encoding = payload.metadata.get("encoding", b"")
    try:
        if encoding in (b"json/protobuf", b"json/plain"):
            Parse(payload.data, envelope, ignore_unknown_fields=True)
        elif encoding == b"binary/protobuf":
            envelope.ParseFromString(payload.data)
        else:
            raise InvalidEventError(
                InvalidReason.UNDECODABLE, f"an event is protobuf-JSON, and this payload is {encoding!r}"
            )
    except (ParseError, DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidEventError(
            InvalidReason.UNDECODABLE, f"not a {envelope.DESCRIPTOR.full_name}: {str(error)[:200]}"
        ) from None
    case = envelope.WhichOneof(PAYLOAD_ONEOF)
    if case is None or case not in definition.contract.case_by_name:
        raise InvalidEventError(
            InvalidReason.UNKNOWN_CASE, f"no payload case of {envelope.DESCRIPTOR.full_name} that this version knows"
        )
    idempotency_key = definition.idempotency_key(envelope)
    if not idempotency_key:
        # Two events without one would pass for one event and its repetition.
        raise InvalidEventError(InvalidReason.MISSING_IDEMPOTENCY_KEY, f"the {case} event has no idempotency key")
    return Event(
        case=case,
        idempotency_key=idempotency_key,
        # determinism: ignore[computed-attribute] -- a case of the contract, checked above
        payload=getattr(envelope, case),
        meta=getattr(envelope, META_FIELD),
    )
