"""From a request to the events in it, by the CloudEvents HTTP protocol binding 1.0.2; what they mean is read later."""

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from ameide_process.ingress.http._refusal import RefusalError
from ameide_process.invalid_event import InvalidReason
from ameide_process.trace_context import CAUSATION_ID, CORRELATION_ID, TRACEPARENT, TRACESTATE

BATCH_JSON = "application/cloudevents-batch+json"
BATCH_PREFIX = "application/cloudevents-batch"

MAX_BATCH_EVENTS: Final = 1_000
"""Events in one batch: as many as one signal carries."""

DUPLICATE_HEADER: Final = "duplicate-header"

_ATTRIBUTE_PREFIX = "ce-"
_CONTENT_TYPE = "content-type"
_KEPT = frozenset({_CONTENT_TYPE, TRACEPARENT, TRACESTATE, CORRELATION_ID, CAUSATION_ID})
"""Headers that belong to the event, beside its attributes. All others belong to the request: its token above all."""

_JSON_SPACE = b" \t\r\n"
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
"""A gzip header must be there."""


@dataclass(frozen=True, slots=True)
class PostedEvent:
    """One event as it was posted."""

    value: bytes
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class PostedEvents:
    """The events of one request."""

    events: tuple[PostedEvent, ...]
    batch: bool
    """They came as a batch, even where it holds one."""


def event_headers(headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[str, bytes], ...]:
    """Picks what belongs to the event from a request's headers; names in lower case, attributes decoded.

    Where `traceparent` comes twice, there is no trace context (W3C Trace Context, section 4.3).

    Raises:
        RefusalError: Another one comes twice, or is no UTF-8 once it is decoded.
    """
    kept: dict[str, bytes] = {}
    traced = True
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").lower()
        attribute = name.startswith(_ATTRIBUTE_PREFIX)
        if not attribute and name not in _KEPT:
            continue
        if name in kept and name == TRACEPARENT:
            traced = False
            continue
        if name in kept and name != TRACESTATE:
            # Each reader would pick another one. Only the trace state may come in parts (W3C Trace Context).
            reason = InvalidReason.CLOUDEVENT_MISMATCH.value if attribute else DUPLICATE_HEADER
            raise RefusalError(400, reason, f"the header {name} comes twice; send it once")
        value = decode_attribute(name, raw_value) if attribute else raw_value
        kept[name] = kept[name] + b"," + value if name in kept else value
    return tuple((name, value) for name, value in kept.items() if traced or name not in {TRACEPARENT, TRACESTATE})


def decode_attribute(name: str, value: bytes) -> bytes:
    """Decodes the header of an attribute: quoted-string first, percent-encoding next (section 3.1.3.2 of the binding).

    A `%` that begins no escape stands for itself, as most producers mean it.

    Args:
        name: For the error.
        value: As it stands in the request.

    Returns:
        UTF-8.

    Raises:
        RefusalError: It is none.
    """
    if len(value) > 1 and value[:1] == value[-1:] == b'"':
        value = _unquoted(value[1:-1])
    decoded = unquote_to_bytes(value)
    try:
        decoded.decode()
    except UnicodeDecodeError as error:
        raise RefusalError(
            400,
            InvalidReason.CLOUDEVENT_MISMATCH.value,
            f"the header {name} is no percent-encoded UTF-8 ({error.reason} at byte {error.start})",
        ) from error
    return decoded


def _unquoted(value: bytes) -> bytes:
    """Takes the backslashes of quoted pairs away (RFC 9110, section 5.6.4)."""
    plain = bytearray()
    escaped = False
    for byte in value:
        if byte == 0x5C and not escaped:
            escaped = True
            continue
        plain.append(byte)
        escaped = False
    return bytes(plain)


def decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    """Undoes a content coding without making more bytes than a body may have.

    Args:
        body: As it came.
        encoding: The Content-Encoding header; empty where there is none.
        limit: Bytes.

    Raises:
        RefusalError: The coding is not read, the body is none of it, or it grows beyond the limit.
    """
    coding = encoding.strip().lower()
    if coding in {"", "identity"}:
        return body
    if coding not in {"gzip", "x-gzip"}:
        raise RefusalError(
            415,
            "wrong-content-encoding",
            f"content encoding {encoding[:100]!r} is not read; send the body as it is, or as gzip",
            headers=(("Accept-Encoding", "gzip, identity"),),
        )
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    try:
        plain = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise RefusalError(400, "undecodable", f"the body is no gzip: {error}") from error
    if len(plain) > limit:
        raise too_large_body(limit, "decompressed")
    if not inflater.eof:
        raise RefusalError(400, "undecodable", "the gzip body ends too early")
    if inflater.unused_data:
        raise RefusalError(400, "undecodable", "bytes follow the end of the gzip body")
    return plain


def too_large_body(limit: int, what: str = "") -> RefusalError:
    """Says that a body is larger than it may be."""
    return RefusalError(
        413,
        InvalidReason.TOO_LARGE.value,
        f"the body has more than {limit} bytes{f' once {what}' if what else ''}; send smaller events, or fewer at once",
    )


def posted_events(headers: tuple[tuple[str, bytes], ...], body: bytes) -> PostedEvents:
    """Tells the events of a request apart.

    Args:
        headers: As `event_headers` picks them.
        body: Without its content coding.

    Raises:
        RefusalError: It is a batch that cannot be told apart, or of a format that is not read.
    """
    content_type = next((value for name, value in headers if name == _CONTENT_TYPE), b"")
    media_type = content_type.decode("latin-1").partition(";")[0].strip().lower()
    if not media_type.startswith(BATCH_PREFIX):
        return PostedEvents((PostedEvent(body, headers),), batch=False)
    if media_type != BATCH_JSON:
        raise RefusalError(
            415, InvalidReason.WRONG_CONTENT_TYPE.value, f"content type {media_type!r} is not read; {BATCH_JSON} is"
        )
    # What stands in the headers is the trace of the request, which each of its events belongs to.
    shared = tuple(
        (name, value) for name, value in headers if name != _CONTENT_TYPE and not name.startswith(_ATTRIBUTE_PREFIX)
    )
    of_each = ((_CONTENT_TYPE, b"application/cloudevents+json"), *shared)
    return PostedEvents(tuple(PostedEvent(value, of_each) for value in _elements(body)), batch=True)


def _elements(body: bytes) -> list[bytes]:
    """Cuts a JSON list into its elements; each keeps its bytes, so that a number stays as it was written.

    Raises:
        RefusalError: It is no JSON list, or has more elements than a batch may have.
    """
    try:
        text = body.decode()
        return _cut(text)
    except (ValueError, RecursionError) as error:
        what = str(error)[:300] or type(error).__name__
        raise RefusalError(
            400, InvalidReason.UNDECODABLE.value, f"the body is no JSON list of events: {what}"
        ) from error


def _cut(text: str) -> list[bytes]:
    """Does it.

    Raises:
        ValueError: It is no JSON list; `json.JSONDecodeError` is one.
        RecursionError: An element nests too deep.
    """
    decoder = json.JSONDecoder()
    space = _JSON_SPACE.decode()

    def skip(at: int) -> int:
        while at < len(text) and text[at] in space:
            at += 1
        return at

    def expect(at: int, wanted: str) -> str:
        found = text[at : at + 1]
        if not found or found not in wanted:
            raise json.JSONDecodeError(f"expecting {' or '.join(map(repr, wanted))}", text, at)
        return found

    at = skip(0)
    expect(at, "[")
    at = skip(at + 1)
    elements: list[bytes] = []
    more = text[at : at + 1] != "]"
    while more:
        if len(elements) == MAX_BATCH_EVENTS:
            raise RefusalError(
                413, InvalidReason.TOO_LARGE.value, f"the batch has more than {MAX_BATCH_EVENTS} events; send several"
            )
        _, end = decoder.raw_decode(text, at)
        elements.append(text[at:end].encode())
        at = skip(end)
        more = expect(at, ",]") == ","
        if more:
            at = skip(at + 1)
    at = skip(at + 1)
    if at < len(text):
        raise json.JSONDecodeError("something follows the list", text, at)
    return elements
