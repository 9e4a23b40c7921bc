"""CloudEvents 1.0 in both modes, by the rules of the CloudEvents SDK; its data is always the envelope."""

import base64
import codecs
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cloudevents.core.base import BaseCloudEvent, EventFactory
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from ameide_process.invalid_event import InvalidEventError, InvalidReason

STRUCTURED_JSON = "application/cloudevents+json"
BATCH_PREFIX = "application/cloudevents-batch"
"""Of the media types of a list of events. The Kafka binding knows binary and structured mode only (section 1.3), and a
position can be acknowledged but as a whole."""
PREFIXES = ("ce_", "ce-")
"""Of attributes in headers: Kafka's, and that of NATS and HTTP."""


@dataclass(frozen=True, slots=True)
class EventAttributes:
    """What a CloudEvent says of its data."""

    type: str
    id: str
    content_type: str | None
    carried: tuple[tuple[str, bytes], ...]
    """Extension attributes as headers: trace context and the like."""


@dataclass(frozen=True, slots=True)
class StructuredEvent:
    """A CloudEvent that is one JSON object."""

    attributes: EventAttributes
    data: dict[str, Any] | str | bytes | None


class _RawFormat(JSONFormat):
    """Leaves the data of a binary-mode event as it is: it is the envelope, in a format that we read ourselves."""

    def read_data(self, body: bytes, datacontenttype: str | None) -> bytes:
        del datacontenttype
        return body


_RAW = _RawFormat()
_JSON = JSONFormat()
_FACTORY: EventFactory = CloudEvent


def is_binary_mode(headers: Iterable[tuple[str, bytes]]) -> bool:
    """Whether the headers hold CloudEvents attributes."""
    return any(name.lower().startswith(PREFIXES) for name, _ in headers)


def read_binary(headers: Iterable[tuple[str, bytes]], content_type: str | None) -> EventAttributes:
    """Reads the attributes of a CloudEvent in binary mode.

    Raises:
        InvalidEventError: They are not those of a CloudEvent.
    """
    attributes: dict[str, bytes] = {}
    for name, value in headers:
        if name.lower().startswith(PREFIXES):
            attributes[f"ce_{name[3:].lower()}"] = value
    # The SDK would make them up.
    _require(attributes, "ce_specversion", "ce_id", "ce_type", "ce_source")
    try:
        event = from_binary(KafkaMessage(headers=attributes, key=None, value=b""), _RAW, _FACTORY)
    except (BaseCloudEventException, ValueError, TypeError) as error:
        raise _mismatch(error) from error
    return _attributes(event, content_type)


def refuse_byte_order_mark(value: bytes) -> None:
    """Refuses JSON that begins with a byte order mark, which RFC 8259, section 8.1 forbids to write.

    Raises:
        ValueError: It does.
    """
    if value.startswith(codecs.BOM_UTF8):
        raise ValueError("it begins with a byte order mark, which JSON must not (RFC 8259); write it without")


def read_structured(value: bytes) -> StructuredEvent:
    """Reads a CloudEvent in structured mode.

    Raises:
        InvalidEventError: It is no JSON, or no CloudEvent.
    """

    def factory(attributes: dict[str, Any], data: dict[str, Any] | str | bytes | None) -> BaseCloudEvent:
        _require(attributes, "specversion", "id", "type", "source")
        return CloudEvent(attributes, data)

    try:
        refuse_byte_order_mark(value)
        _refuse_what_the_sdk_misreads(value)
        event = _JSON.read(factory, value)
        attributes = _attributes(event, event.get_datacontenttype())
    except InvalidEventError:
        raise
    except BaseCloudEventException as error:
        raise _mismatch(error) from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidEventError(InvalidReason.UNDECODABLE, f"no structured CloudEvent: {_brief(error)}") from error
    return StructuredEvent(attributes, event.get_data())


def _refuse_what_the_sdk_misreads(value: bytes) -> None:
    """Says what the SDK would fail at in terms of its own code, or take for something else.

    Raises:
        ValueError: It is no JSON object, or its `data_base64` is no base64; the SDK drops what is not of its alphabet.
    """
    first = value.lstrip()[:1]
    if first == b"[":
        raise ValueError("a JSON list is a batch of events; send each event as a message of its own")
    if first != b"{":
        raise ValueError("the value is empty" if not first else "the value is no JSON object")
    if b'"data_base64"' in value:
        # Read once more, since the SDK does not show it; data is seldom written so.
        encoded = json.loads(value).get("data_base64")
        if encoded is not None and not isinstance(encoded, str):
            raise ValueError("data_base64 is no string")
        try:
            base64.b64decode(encoded or "", validate=True)
        except ValueError as error:
            raise ValueError(f"data_base64 is no base64: {error}") from error


def _attributes(event: BaseCloudEvent, content_type: str | None) -> EventAttributes:
    carried = tuple(
        (name, value.encode())
        for name, value in event.get_attributes().items()
        if isinstance(value, str) and name in {"traceparent", "tracestate", "correlationid", "causationid"}
    )
    return EventAttributes(event.get_type(), event.get_id(), content_type, carried)


def _require(attributes: dict[str, Any], *names: str) -> None:
    missing = [name for name in names if not attributes.get(name)]
    if missing:
        raise InvalidEventError(
            InvalidReason.CLOUDEVENT_MISMATCH, f"CloudEvents attributes are missing: {', '.join(missing)}"
        )


def _mismatch(error: Exception) -> InvalidEventError:
    return InvalidEventError(InvalidReason.CLOUDEVENT_MISMATCH, f"no valid CloudEvent: {_brief(error)}")


def _brief(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:500]
