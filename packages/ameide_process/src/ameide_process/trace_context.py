"""Trace and correlation context on its way from a message into Temporal.

W3C Trace Context (`traceparent`, `tracestate`) and the correlation and causation ids of a message travel twice: in the
metadata of each event's payload, so that events which share a signal keep their own, and in the signal's header under
the key that the SDK's OpenTelemetry interceptor reads, so that a worker with that interceptor continues the trace.
"""

import json
import re
from collections.abc import Iterable, Mapping

from temporalio.api.common.v1 import Header, Payload

TRACE_HEADER = "_tracer-data"
"""Header of `temporalio.contrib.opentelemetry.TracingInterceptor`: a JSON object of the propagator's fields."""

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
CORRELATION_ID = "correlation-id"
CAUSATION_ID = "causation-id"

_CARRIED = {
    TRACEPARENT: TRACEPARENT,
    TRACESTATE: TRACESTATE,
    CORRELATION_ID: CORRELATION_ID,
    "correlationid": CORRELATION_ID,
    CAUSATION_ID: CAUSATION_ID,
    "causationid": CAUSATION_ID,
}
"""Spellings: as a broker's header, and as a CloudEvents attribute, which has no hyphen."""

LONGEST_VALUE = 1024
"""Bytes; a longer one is nobody's trace context, and it would be stored with every event."""

_VALID_PARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_PARENT_BYTES = 55
"""W3C Trace Context, section 3.2.2."""

_CLOUDEVENTS_PREFIXES = ("ce_", "ce-")


def carried_context(headers: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    """Picks what is carried from a message's headers.

    A traceparent that is none, or that comes twice, is ignored together with the trace state: the event begins a new
    trace (W3C Trace Context, section 4.3).

    Args:
        headers: Of a message; CloudEvents attributes have their transport's prefix.
    """
    carried: dict[str, bytes] = {}
    parents: list[str] = []
    for name, value in headers:
        plain = name.lower()
        if plain.startswith(_CLOUDEVENTS_PREFIXES):
            plain = plain[3:]
        known = _CARRIED.get(plain)
        if known is not None and value and len(value) <= LONGEST_VALUE:
            carried[known] = value
            if known == TRACEPARENT:
                parents.append(name.lower())
    if len(set(parents)) < len(parents) or not _is_parent(carried.get(TRACEPARENT, b"")):
        carried.pop(TRACEPARENT, None)
        carried.pop(TRACESTATE, None)
    return carried


def _is_parent(value: bytes) -> bool:
    # Only what another version adds may follow.
    return _VALID_PARENT.match(value) is not None and (
        len(value) == _PARENT_BYTES or (value[:2] != b"00" and value[_PARENT_BYTES:][:1] == b"-")
    )


def attach(payload: Payload, carried: Mapping[str, bytes]) -> None:
    """Puts carried context into the metadata of an event's payload."""
    for name, value in carried.items():
        payload.metadata[name] = value


def signal_header(payload: Payload) -> Header | None:
    """Makes the header of a signal from the context that its first event carries; None where it carries none."""
    metadata = payload.metadata
    traced = {name: metadata[name].decode("latin-1") for name in (TRACEPARENT, TRACESTATE) if name in metadata}
    return header_of(payload, traced)


def header_of(payload: Payload, traced: Mapping[str, str]) -> Header | None:
    """The same with another trace context: that of the call, where the call is a span."""
    fields: dict[str, Payload] = {}
    if traced:
        fields[TRACE_HEADER] = json_payload(traced)
    for name in (CORRELATION_ID, CAUSATION_ID):
        if name in payload.metadata:
            fields[name] = json_payload(payload.metadata[name].decode("utf-8", errors="replace"))
    return Header(fields=fields) if fields else None


def trace_id(traceparent: str) -> str | None:
    """Returns the trace id of a W3C `traceparent`, for logs; None where there is none."""
    parts = traceparent.split("-")
    return parts[1] if len(parts) >= 4 and len(parts[1]) == 32 else None


def json_payload(value: object) -> Payload:
    """Encodes a value for a header, as the SDK's converter would."""
    return Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(value).encode())
