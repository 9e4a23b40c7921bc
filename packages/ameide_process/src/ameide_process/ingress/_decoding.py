"""From the bytes of a message to its envelope and its route."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal

from google.protobuf import json_format
from google.protobuf.message import DecodeError

from ameide_process.contract import META_FIELD, EnvelopeT
from ameide_process.ingress._cloudevents import (
    BATCH_PREFIX,
    STRUCTURED_JSON,
    EventAttributes,
    is_binary_mode,
    read_binary,
    read_structured,
    refuse_byte_order_mark,
)
from ameide_process.ingress._message import Message
from ameide_process.invalid_event import InvalidEventError, InvalidReason
from ameide_process.routing import Route, Router
from ameide_process.trace_context import carried_context

CONTENT_TYPE = "content-type"
PROTOBUF_TYPES = frozenset(
    {"application/protobuf", "application/x-protobuf", "application/vnd.google.protobuf", "application/octet-stream"}
)
JSON_TYPES = frozenset({"application/json", "text/json"})

Format = Literal["protobuf", "json"]


@dataclass(frozen=True, slots=True)
class Decoded(Generic[EnvelopeT]):
    """A message that can be delivered."""

    envelope: EnvelopeT
    route: Route
    carried: dict[str, bytes]
    """Trace and correlation context."""


class Decoder(Generic[EnvelopeT]):
    """Reads the messages of one subscription.

    Four ways to write an event are told apart by its headers: `content-type: application/cloudevents+json` is a
    CloudEvent in structured mode, `ce_` or `ce-` headers one in binary mode, and everything else the bare envelope.
    The content type of the envelope decides between protobuf and protobuf-JSON; without one the subscription's format
    holds. Fields that this version does not know are ignored in both.

    The content type alone decides for structured mode (section 3 of the CloudEvents Kafka binding 1.0.2). `ce_` headers
    beside it, which section 3.3.3 allows, are a copy for whoever routes by them: they are not read, even where they
    contradict the event.
    """

    def __init__(self, router: Router[EnvelopeT], default_format: Format) -> None:
        """Makes a decoder.

        Args:
            router: Of the process.
            default_format: How an envelope is written that comes without a content type.
        """
        self._router = router
        self._type = router.envelope_type
        self._default: Format = default_format
        self._cases = router.contract.case_by_name

    def decode(self, message: Message) -> Decoded[EnvelopeT]:
        """Reads a message.

        Raises:
            InvalidEventError: It can never be delivered, and says why. Tombstones have no envelope and should not
                come here.
        """
        if message.spoilt:
            raise InvalidEventError(InvalidReason.UNDECODABLE, message.spoilt)
        value = message.value or b""
        if not message.headers:
            envelope = self._parse(value, self._default)
            return Decoded(envelope, self._route(envelope), {})
        headers = [(name, said or b"") for name, said in message.headers]
        content_type = _content_type(headers)
        attributes: EventAttributes | None = None
        if content_type is not None and content_type.startswith("application/cloudevents"):
            attributes, envelope = self._structured(value, content_type)
        else:
            if is_binary_mode(headers):
                attributes = read_binary(headers, content_type)
            envelope = self._parse(value, self._format(content_type))
        route = self._route(envelope)
        carried = carried_context(headers)
        if attributes is not None:
            self._compare(attributes, route)
            carried.update(carried_context(attributes.carried))
        return Decoded(envelope, route, carried)

    def _structured(self, value: bytes, content_type: str) -> tuple[EventAttributes, EnvelopeT]:
        if content_type.startswith(BATCH_PREFIX):
            raise InvalidEventError(
                InvalidReason.WRONG_CONTENT_TYPE,
                f"content type {content_type!r} is a batch of CloudEvents; send each event as a message of its own, "
                f"as {STRUCTURED_JSON}",
            )
        if content_type != STRUCTURED_JSON:
            raise InvalidEventError(
                InvalidReason.WRONG_CONTENT_TYPE, f"content type {content_type!r} is not read; {STRUCTURED_JSON} is"
            )
        event = read_structured(value)
        attributes, data = event.attributes, event.data
        match data:
            case dict():
                return attributes, self._with_meta(self._parse_dict(data), "json")
            case bytes() | str():
                own = attributes.content_type
                content = data if isinstance(data, bytes) else data.encode()
                return attributes, self._parse(content, self._format(_plain(own) if own else None))
            case None:
                raise InvalidEventError(InvalidReason.UNDECODABLE, "the CloudEvent has no data; it is the envelope")
            case _:
                raise InvalidEventError(
                    InvalidReason.UNDECODABLE, "the CloudEvent's data is no JSON object; it is the envelope"
                )

    def _format(self, content_type: str | None) -> Format:
        if content_type is None:
            return self._default
        if content_type in PROTOBUF_TYPES:
            return "protobuf"
        if content_type in JSON_TYPES or content_type.endswith("+json"):
            return "json"
        raise InvalidEventError(
            InvalidReason.WRONG_CONTENT_TYPE,
            f"content type {content_type!r} is not read; application/protobuf, application/json and "
            f"{STRUCTURED_JSON} are",
        )

    def _parse(self, value: bytes, form: Format) -> EnvelopeT:
        if not value:
            # To protobuf it is a message with every field unset, and would be blamed for the first of them.
            name = self._type.DESCRIPTOR.full_name
            raise InvalidEventError(InvalidReason.UNDECODABLE, f"the value is empty; it should be a {name} as {form}")
        return self._with_meta(self._parse_bytes(value, form), form)

    def _parse_bytes(self, value: bytes, form: Format) -> EnvelopeT:
        try:
            if form == "protobuf":
                return self._type.FromString(value)
            refuse_byte_order_mark(value)
            if value.lstrip()[:1] != b"{":
                # Of other JSON values the parser makes an empty message.
                raise ValueError("it is no JSON object")
            return json_format.Parse(value, self._type(), ignore_unknown_fields=True)
        except (DecodeError, json_format.ParseError, ValueError, RecursionError) as error:
            raise _undecodable(self._type.DESCRIPTOR.full_name, form, error) from error

    def _parse_dict(self, value: dict[str, object]) -> EnvelopeT:
        try:
            return json_format.ParseDict(value, self._type(), ignore_unknown_fields=True)
        except (json_format.ParseError, ValueError, RecursionError) as error:
            raise _undecodable(self._type.DESCRIPTOR.full_name, "json", error) from error

    def _with_meta(self, envelope: EnvelopeT, form: Format) -> EnvelopeT:
        """Refuses what parses and is no envelope; unknown fields are ignored, so nearly everything parses."""
        if not envelope.HasField(META_FIELD):
            raise InvalidEventError(
                InvalidReason.UNDECODABLE,
                f"the bytes are no {self._type.DESCRIPTOR.full_name} as {form}: {META_FIELD} is unset, which says key, "
                "idempotency key and schema version; another message, or another format?",
            )
        return envelope

    def _route(self, envelope: EnvelopeT) -> Route:
        return self._router.route(envelope)

    def _compare(self, attributes: EventAttributes, route: Route) -> None:
        expected = self._cases[route.case].event_type
        if attributes.type != expected:
            raise InvalidEventError(
                InvalidReason.CLOUDEVENT_MISMATCH,
                f"the CloudEvent's type is {attributes.type!r}, but the envelope's case {route.case} is {expected!r}",
            )
        if attributes.id != route.idempotency_key:
            raise InvalidEventError(
                InvalidReason.CLOUDEVENT_MISMATCH,
                f"the CloudEvent's id is {attributes.id!r}, but the envelope's idempotency key is "
                f"{route.idempotency_key!r}",
            )


def _content_type(headers: Sequence[tuple[str, bytes]]) -> str | None:
    for name, value in headers:
        if name.lower() == CONTENT_TYPE:
            return _plain(value.decode("latin-1"))
    return None


def _plain(content_type: str) -> str:
    """The media type without parameters."""
    return content_type.partition(";")[0].strip().lower()


def _undecodable(name: str, form: str, error: Exception) -> InvalidEventError:
    return InvalidEventError(InvalidReason.UNDECODABLE, f"the bytes are no {name} as {form}: {str(error)[:500]}")
