"""Whatever arrives is an event or an `InvalidEventError`; anything else would stop the workflow for ever."""

import json
from typing import Any

import pytest
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_process.invalid_event import InvalidEventError, InvalidReason
from ameide_process.routing import to_payload
from ameide_process.testing import sample
from ameide_process.workflow._event_decoding import Event, decode
from hypothesis import example, given, settings
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from workflow_samples.workflow import DEFINITION
from workflow_stage import envelope, payment

ENCODINGS = (b"json/protobuf", b"json/plain", b"binary/protobuf")

KEY = {"idempotencyKey": "event-1"}

_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["1e999", "NaN", "-Infinity", "2024-01-01T00:00:00Z", "9999-12-31T23:59:60Z", "\ud800", "=="])
)
_json = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
_META_FIELDS = ["meta", "idempotencyKey", "key", "tenantId", "observedAt", "schemaVersion"]
_PAYLOAD_FIELDS = ["orderPlaced", "order_placed", "lines", "placedAt", "quantity", "sku", "cancelOrder", "reason"]
_field_names = st.sampled_from([*_META_FIELDS, *_PAYLOAD_FIELDS, "@type", "future"])
_near_envelopes = st.recursive(
    _scalars, lambda inner: st.dictionaries(_field_names, inner | st.lists(inner, max_size=2), max_size=4), max_leaves=8
)


def _decoded(data: bytes, encoding: bytes = b"json/protobuf") -> Event | InvalidReason:
    """The event, or why it is none."""
    try:
        return decode(DEFINITION, Payload(metadata={"encoding": encoding}, data=data))
    except InvalidEventError as error:
        return error.reason


@given(st.binary(), st.sampled_from(ENCODINGS) | st.binary())
def test_any_bytes(data: bytes, encoding: bytes) -> None:
    _decoded(data, encoding)


@given(_json | _near_envelopes, st.sampled_from(ENCODINGS))
@settings(max_examples=300)
def test_any_json(value: Any, encoding: bytes) -> None:
    _decoded(json.dumps(value).encode(), encoding)


@given(st.binary(max_size=60), st.integers(0, 200), st.integers(0, 200))
def test_any_damage_to_an_event(noise: bytes, start: int, end: int) -> None:
    for encoded, encoding in (
        (to_payload(sample(OrderFulfillmentEvent)).data, b"json/protobuf"),
        (sample(OrderFulfillmentEvent).SerializeToString(), b"binary/protobuf"),
    ):
        _decoded(encoded[:start] + noise + encoded[end:], encoding)


@pytest.mark.parametrize("depth", [50, 101, 1_000, 100_000])
@pytest.mark.parametrize("opening", [b"[", b'{"meta":', b'{"orderPlaced":{"lines":[', b'{"future":'])
def test_any_depth(opening: bytes, depth: int) -> None:
    assert _decoded(opening * depth) is InvalidReason.UNDECODABLE


@pytest.mark.parametrize("depth", [50, 101, 5_000])
def test_closed_objects_of_any_depth(depth: int) -> None:
    future = b'{"f":' * depth + b"1" + b"}" * depth
    _decoded(b'{"meta":{"idempotencyKey":"event-1"},"paymentAuthorized":{"future":%s}}' % future)


@pytest.mark.parametrize(
    "field",
    [
        {"meta": {**KEY, "schemaVersion": 10**400}},
        {"meta": {**KEY, "schemaVersion": -1}},
        {"meta": {**KEY, "schemaVersion": float("nan")}},
        {"meta": {**KEY, "schemaVersion": float("inf")}},
        {"meta": {**KEY, "schemaVersion": "0x1"}},
        {"meta": {**KEY, "observedAt": "yesterday"}},
        {"meta": {**KEY, "observedAt": "9999999-01-01T00:00:00Z"}},
        {"meta": {**KEY, "observedAt": 1}},
        {"meta": {**KEY, "key": [KEY]}},
        {"meta": {**KEY, "source": "\ud800"}},
        {"meta": [KEY]},
        {"orderPlaced": {"lines": {"sku": "a"}}},
        {"orderPlaced": {"lines": [None]}},
        {"paymentAuthorized": {}, "shipmentCreated": {}},
    ],
    ids=str,
)
def test_wrong_values(field: dict[str, Any]) -> None:
    value = {"meta": KEY, "paymentAuthorized": {"paymentId": "a"}, **field}
    assert _decoded(json.dumps(value).encode()) is InvalidReason.UNDECODABLE


@example("1" * 5000)
@given(st.from_regex(r"-?[0-9]{1,400}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,5})?", fullmatch=True))
def test_any_number(number: str) -> None:
    for field in (b'"schemaVersion":%s', b'"observedAt":"%s"', b'"schemaVersion":"%s"', b'"future":%s'):
        meta = b'{"idempotencyKey":"event-1",%s}' % (field % number.encode())
        _decoded(b'{"meta":%s,"cancelOrder":{}}' % meta)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (b"{}", InvalidReason.UNKNOWN_CASE),
        (b'{"meta":{"idempotencyKey":"event-1"}}', InvalidReason.UNKNOWN_CASE),
        (b'{"meta":{"idempotencyKey":"event-1"},"stockCounted":{}}', InvalidReason.UNKNOWN_CASE),
        (b'{"cancelOrder":{}}', InvalidReason.MISSING_IDEMPOTENCY_KEY),
        (b'{"meta":{"idempotencyKey":""},"cancelOrder":{}}', InvalidReason.MISSING_IDEMPOTENCY_KEY),
        (b"", InvalidReason.UNDECODABLE),
        (b"null", InvalidReason.UNDECODABLE),
        (b"\xff\xfe", InvalidReason.UNDECODABLE),
    ],
)
def test_why_an_event_is_none(event: bytes, reason: InvalidReason) -> None:
    assert _decoded(event) is reason


def test_all_encodings_give_the_same_event() -> None:
    event = envelope(payment("a"), "event-1")
    json_event = to_payload(event).data
    expected = Event("payment_authorized", "event-1", event.payment_authorized, event.meta)
    assert _decoded(json_event) == expected
    assert _decoded(json_event, b"json/plain") == expected
    assert _decoded(event.SerializeToString(), b"binary/protobuf") == expected
