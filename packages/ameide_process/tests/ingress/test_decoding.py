"""Four ways to write an event, and every way to get it wrong."""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any, Literal

import pytest
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_process.ingress._decoding import Decoded, Decoder
from ameide_process.ingress._message import Message, Partition
from ameide_process.invalid_event import InvalidEventError, InvalidReason
from ameide_process.routing import Router
from google.protobuf import json_format
from hypothesis import example, given
from hypothesis import strategies as st

PARTITION = Partition("orders", 0)
PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CE = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"placed-o-1"),
    ("ce_type", b"orders.OrderPlaced.v1"),
    ("ce_source", b"/shop"),
    ("ce_time", b"2026-11-23T03:01:34.207Z"),
]


def without(headers: list[tuple[str, bytes]], name: str) -> list[tuple[str, bytes]]:
    return [(each, value) for each, value in headers if each != name]


def replaced(headers: list[tuple[str, bytes]], name: str, value: bytes) -> list[tuple[str, bytes]]:
    return [*without(headers, name), (name, value)]


@pytest.fixture
def decode(router: Router[OrderFulfillmentEvent]) -> Callable[..., Decoded[OrderFulfillmentEvent]]:
    def run(
        value: bytes, headers: Sequence[tuple[str, bytes]] = (), *, default: Literal["protobuf", "json"] = "protobuf"
    ) -> Decoded[OrderFulfillmentEvent]:
        return Decoder(router, default).decode(Message(PARTITION, 7, value, headers=headers))

    return run


@pytest.fixture
def event(order_placed: Callable[..., OrderFulfillmentEvent]) -> OrderFulfillmentEvent:
    return order_placed("o-1", sku="s")


@pytest.fixture
def as_json(event: OrderFulfillmentEvent) -> bytes:
    return json_format.MessageToJson(event).encode()


def structured(event: OrderFulfillmentEvent, **changes: object) -> bytes:
    content: dict[str, object] = {
        "specversion": "1.0",
        "id": "placed-o-1",
        "type": "orders.OrderPlaced.v1",
        "source": "/shop",
        "data": json_format.MessageToDict(event),
    }
    content.update(changes)
    return json.dumps({name: value for name, value in content.items() if value is not None}).encode()


STRUCTURED = [("content-type", b"application/cloudevents+json; charset=utf-8")]
BATCH = [("content-type", b"application/cloudevents-batch+json")]
JSON_TYPE = [("content-type", b"application/json")]


WRONG_ENVELOPES: list[tuple[Callable[[OrderFulfillmentEvent], object], InvalidReason]] = [
    (lambda e: e.meta.ClearField("idempotency_key"), InvalidReason.MISSING_IDEMPOTENCY_KEY),
    (lambda e: e.meta.ClearField("key"), InvalidReason.MISSING_KEY),
    (lambda e: e.meta.key.ClearField("order_id"), InvalidReason.MISSING_KEY),
    (lambda e: e.ClearField("order_placed"), InvalidReason.UNKNOWN_CASE),
    (lambda e: setattr(e.meta, "schema_version", 2), InvalidReason.WRONG_SCHEMA_VERSION),
    (lambda e: setattr(e.meta.key, "order_id", "\x07" * 5000), InvalidReason.KEY_TOO_LONG),
]


class TestReads:
    def test_bare_protobuf(self, decode: Callable[..., Decoded[OrderFulfillmentEvent]], event: OrderFulfillmentEvent):
        decoded = decode(event.SerializeToString())
        assert decoded.envelope == event
        assert decoded.route.workflow_id == "proc/order-fulfillment/t/o-1"
        assert decoded.route.case == "order_placed"
        assert decoded.carried == {}

    def test_bare_json_by_format_or_by_content_type(
        self, decode: Callable[..., Decoded[OrderFulfillmentEvent]], event: OrderFulfillmentEvent, as_json: bytes
    ):
        assert decode(as_json, default="json").envelope == event
        assert decode(as_json, [("Content-Type", b"application/json;charset=utf-8")]).envelope == event
        assert (
            decode(event.SerializeToString(), [("content-type", b"application/protobuf")], default="json").envelope
            == event
        )

    def test_unknown_fields_are_ignored(
        self, decode: Callable[..., Decoded[OrderFulfillmentEvent]], event: OrderFulfillmentEvent, as_json: bytes
    ):
        content = json.loads(as_json)
        content["meta"]["novelty"] = {"a": 1}
        content["newcomer"] = True
        assert decode(json.dumps(content).encode(), default="json").envelope == event
        assert decode(event.SerializeToString() + b"\xf8\xff\x03\x01").envelope.meta == event.meta

    @pytest.mark.parametrize("prefix", ["ce_", "ce-", "CE-"])
    def test_cloudevents_binary_mode(
        self, decode: Callable[..., Decoded[OrderFulfillmentEvent]], event: OrderFulfillmentEvent, prefix: str
    ):
        headers = [(prefix + name[3:], value) for name, value in CE]
        assert decode(event.SerializeToString(), headers).envelope == event

    def test_cloudevents_binary_mode_with_json_data(
        self, decode: Callable[..., Decoded[OrderFulfillmentEvent]], event: OrderFulfillmentEvent, as_json: bytes
    ):
        assert decode(as_json, [*CE, ("content-type", b"application/json")]).envelope == event

    def test_cloudevents_structured_mode(
        self, decode: Callable[..., Decoded[OrderFulfillmentEvent]], event: OrderFulfillmentEvent
    ):
        assert decode(structured(event), STRUCTURED).envelope == event

    def test_headers_beside_a_structured_event_are_not_read(
        self, decode: Callable[..., Decoded[OrderFulfillmentEvent]], event: OrderFulfillmentEvent
    ):
        # The content type decides the mode: CloudEvents Kafka binding 1.0.2, sections 3 and 3.3.3.
        contradicting = [*STRUCTURED, ("ce_id", b"other"), ("ce_type", b"orders.Other.v1"), ("ce_specversion", b"7")]
        assert decode(structured(event), contradicting).envelope == event

    def test_cloudevents_structured_mode_with_protobuf_data(
        self, decode: Callable[..., Decoded[OrderFulfillmentEvent]], event: OrderFulfillmentEvent
    ):
        value = structured(
            event,
            data=None,
            data_base64=base64.b64encode(event.SerializeToString()).decode(),
            datacontenttype="application/protobuf",
        )
        assert decode(value, STRUCTURED).envelope == event

    def test_trace_and_correlation_are_carried(
        self, decode: Callable[..., Decoded[OrderFulfillmentEvent]], event: OrderFulfillmentEvent
    ):
        headers = [*CE, ("traceparent", PARENT), ("ce_correlationid", b"c-1"), ("Causation-Id", b"c-0")]
        assert decode(event.SerializeToString(), headers).carried == {
            "traceparent": PARENT,
            "correlation-id": b"c-1",
            "causation-id": b"c-0",
        }
        value = structured(event, traceparent=PARENT.decode())
        assert decode(value, STRUCTURED).carried == {"traceparent": PARENT}

    @pytest.mark.parametrize(
        "headers",
        [
            [("traceparent", b"nonsense")],
            [("traceparent", PARENT + b"0")],
            [("traceparent", PARENT + b"-more")],
            [("traceparent", PARENT.upper())],
            [("traceparent", b"ff" + PARENT[2:])],
            [("traceparent", b"00-" + b"0" * 32 + PARENT[35:])],
            [("traceparent", PARENT[:36] + b"0" * 16 + PARENT[52:])],
            [("traceparent", PARENT), ("Traceparent", PARENT)],
            [],
        ],
    )
    def test_a_trace_context_that_is_none_costs_no_event(
        self,
        decode: Callable[..., Decoded[OrderFulfillmentEvent]],
        event: OrderFulfillmentEvent,
        headers: list[tuple[str, bytes]],
    ):
        headers = [*CE, *headers, ("tracestate", b"a=1"), ("correlation-id", b"c-1")]
        assert decode(event.SerializeToString(), headers).carried == {"correlation-id": b"c-1"}

    def test_a_later_version_of_trace_context_is_carried(
        self, decode: Callable[..., Decoded[OrderFulfillmentEvent]], event: OrderFulfillmentEvent
    ):
        later = b"cc" + PARENT[2:] + b"-what-the-future-will-be-like"
        assert decode(event.SerializeToString(), [*CE, ("traceparent", later)]).carried == {"traceparent": later}

    def test_other_headers_may_hold_anything(
        self, decode: Callable[..., Decoded[OrderFulfillmentEvent]], event: OrderFulfillmentEvent
    ):
        assert decode(event.SerializeToString(), [("x", b"\xff\xfe"), ("x", b""), ("", b"y")]).envelope == event


class TestRefuses:
    @pytest.mark.parametrize(
        ("value", "headers", "reason"),
        [
            (b"\xff\xff\xff", [], InvalidReason.UNDECODABLE),
            (b"{", [("content-type", b"application/json")], InvalidReason.UNDECODABLE),
            (b"[1, 2]", [("content-type", b"application/json")], InvalidReason.UNDECODABLE),
            (b'"text"', [("content-type", b"application/json")], InvalidReason.UNDECODABLE),
            (b"\xff", [("content-type", b"application/json")], InvalidReason.UNDECODABLE),
            (b"[" * 100_000, [("content-type", b"application/json")], InvalidReason.UNDECODABLE),
            (
                b'{"meta": {"schemaVersion": "many"}}',
                [("content-type", b"application/json")],
                InvalidReason.UNDECODABLE,
            ),
            (b"", [], InvalidReason.UNDECODABLE),
            (b"", [("content-type", b"application/json")], InvalidReason.UNDECODABLE),
            (b"x", [("content-type", b"text/plain")], InvalidReason.WRONG_CONTENT_TYPE),
            (b"x", [("content-type", b"")], InvalidReason.WRONG_CONTENT_TYPE),
            (b"x", [("content-type", b"application/cloudevents-batch+json")], InvalidReason.WRONG_CONTENT_TYPE),
            (b"x", [("content-type", b"application/cloudevents+avro")], InvalidReason.WRONG_CONTENT_TYPE),
            (b"x", STRUCTURED, InvalidReason.UNDECODABLE),
            (b"[]", STRUCTURED, InvalidReason.UNDECODABLE),
            (b"3", STRUCTURED, InvalidReason.UNDECODABLE),
            (b"{}", STRUCTURED, InvalidReason.CLOUDEVENT_MISMATCH),
        ],
    )
    def test_bytes(
        self,
        decode: Callable[..., Decoded[OrderFulfillmentEvent]],
        value: bytes,
        headers: list[tuple[str, bytes]],
        reason: InvalidReason,
    ):
        with pytest.raises(InvalidEventError) as caught:
            decode(value, headers)
        assert caught.value.reason is reason

    @pytest.mark.parametrize(
        ("value", "headers", "reason", "said"),
        [
            (b"", [], InvalidReason.UNDECODABLE, "the value is empty"),
            (b"", CE, InvalidReason.UNDECODABLE, "the value is empty"),
            (b"", STRUCTURED, InvalidReason.UNDECODABLE, "the value is empty"),
            (b"{}", JSON_TYPE, InvalidReason.UNDECODABLE, "meta is unset"),
            (b'{"orderPlaced": {}}', JSON_TYPE, InvalidReason.UNDECODABLE, "meta is unset"),
            (b"\xf8\xff\x03\x01", [], InvalidReason.UNDECODABLE, "meta is unset"),
            (b"\xef\xbb\xbf{}", JSON_TYPE, InvalidReason.UNDECODABLE, "byte order mark"),
            (b"\xef\xbb\xbf{}", STRUCTURED, InvalidReason.UNDECODABLE, "byte order mark"),
            (b" [{}]", STRUCTURED, InvalidReason.UNDECODABLE, "send each event as a message of its own"),
            (b"[{}]", BATCH, InvalidReason.WRONG_CONTENT_TYPE, "send each event as a message of its own"),
            (b"3", STRUCTURED, InvalidReason.UNDECODABLE, "no JSON object"),
        ],
    )
    def test_with_the_reason_that_helps(
        self,
        decode: Callable[..., Decoded[OrderFulfillmentEvent]],
        value: bytes,
        headers: list[tuple[str, bytes]],
        reason: InvalidReason,
        said: str,
    ):
        with pytest.raises(InvalidEventError, match=said) as caught:
            decode(value, headers)
        assert caught.value.reason is reason

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"data": {}}, "meta is unset"),
            ({"data": 3}, "data is no JSON object"),
            ({"data": None, "data_base64": ""}, "the value is empty"),
            ({"data": None, "data_base64": "!!!!"}, "data_base64 is no base64"),
            ({"data": None, "data_base64": 5}, "data_base64 is no string"),
        ],
    )
    def test_structured_data_with_the_reason_that_helps(
        self,
        decode: Callable[..., Decoded[OrderFulfillmentEvent]],
        event: OrderFulfillmentEvent,
        changes: dict[str, Any],
        said: str,
    ):
        with pytest.raises(InvalidEventError, match=said) as caught:
            decode(structured(event, **changes), STRUCTURED)
        assert caught.value.reason is InvalidReason.UNDECODABLE

    @pytest.mark.parametrize("missing", ["ce_specversion", "ce_id", "ce_type", "ce_source"])
    def test_an_absent_attribute(
        self, decode: Callable[..., Decoded[OrderFulfillmentEvent]], event: OrderFulfillmentEvent, missing: str
    ):
        with pytest.raises(InvalidEventError, match=missing[3:]) as caught:
            decode(event.SerializeToString(), without(CE, missing))
        assert caught.value.reason is InvalidReason.CLOUDEVENT_MISMATCH

    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("ce_type", b"orders.Other.v1", "type is 'orders.Other.v1'"),
            ("ce_id", b"other", "id is 'other'"),
            ("ce_specversion", b"0.3", "specversion"),
            ("ce_time", b"yesterday", "no valid CloudEvent"),
            ("ce_source", b"\xff", "no valid CloudEvent"),
            ("ce_my_extension", b"x", "my_extension"),
        ],
    )
    def test_a_wrong_attribute(
        self,
        decode: Callable[..., Decoded[OrderFulfillmentEvent]],
        event: OrderFulfillmentEvent,
        name: str,
        value: bytes,
        said: str,
    ):
        with pytest.raises(InvalidEventError, match=said) as caught:
            decode(event.SerializeToString(), replaced(CE, name, value))
        assert caught.value.reason is InvalidReason.CLOUDEVENT_MISMATCH

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"id": None}, InvalidReason.CLOUDEVENT_MISMATCH),
            ({"id": 7}, InvalidReason.CLOUDEVENT_MISMATCH),
            ({"type": "x"}, InvalidReason.CLOUDEVENT_MISMATCH),
            ({"specversion": "2.0"}, InvalidReason.CLOUDEVENT_MISMATCH),
            ({"specversion": None}, InvalidReason.CLOUDEVENT_MISMATCH),
            ({"time": 5}, InvalidReason.UNDECODABLE),
            ({"data": None}, InvalidReason.UNDECODABLE),
            ({"data": [1]}, InvalidReason.UNDECODABLE),
            ({"data": {"meta": 3}}, InvalidReason.UNDECODABLE),
            ({"data": None, "data_base64": "A"}, InvalidReason.UNDECODABLE),
            ({"datacontenttype": "text/plain", "data": "x"}, InvalidReason.WRONG_CONTENT_TYPE),
        ],
    )
    def test_a_wrong_structured_event(
        self,
        decode: Callable[..., Decoded[OrderFulfillmentEvent]],
        event: OrderFulfillmentEvent,
        changes: dict[str, Any],
        reason: InvalidReason,
    ):
        with pytest.raises(InvalidEventError) as caught:
            decode(structured(event, **changes), STRUCTURED)
        assert caught.value.reason is reason

    @pytest.mark.parametrize(("change", "reason"), WRONG_ENVELOPES)
    def test_an_envelope(
        self,
        decode: Callable[..., Decoded[OrderFulfillmentEvent]],
        event: OrderFulfillmentEvent,
        change: Callable[[OrderFulfillmentEvent], object],
        reason: InvalidReason,
    ):
        change(event)
        with pytest.raises(InvalidEventError) as caught:
            decode(event.SerializeToString())
        assert caught.value.reason is reason


@given(value=st.binary(max_size=200), content_type=st.sampled_from(["protobuf", "json", "cloudevents+json"]))
@example(b'{"specversion":"1.0","id":"a","type":"b","source":"c","data":{}}', "cloudevents+json")
def test_no_bytes_whatever_do_anything_else_than_decode_or_be_refused(
    router: Router[OrderFulfillmentEvent], value: bytes, content_type: str
):
    message = Message(PARTITION, 1, value, headers=[("content-type", f"application/{content_type}".encode())])
    try:
        decoded = Decoder(router, "protobuf").decode(message)
    except InvalidEventError:
        return
    assert isinstance(decoded.envelope, OrderFulfillmentEvent)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda s: st.lists(s) | st.dictionaries(st.text(), s),
)


@given(
    content=st.dictionaries(
        st.sampled_from(["specversion", "id", "type", "source", "data", "data_base64", "time", "subject", "Ä", "meta"]),
        JSON | st.just("1.0") | st.just("2026-11-23T03:01:34Z"),
    ),
    content_type=st.sampled_from(["json", "cloudevents+json"]),
)
def test_no_json_whatever_does_either(
    router: Router[OrderFulfillmentEvent], content: dict[str, Any], content_type: str
):
    value = json.dumps(content).encode()
    message = Message(PARTITION, 1, value, headers=[("content-type", f"application/{content_type}".encode())])
    with pytest.raises(InvalidEventError):
        Decoder(router, "protobuf").decode(message)


@pytest.mark.parametrize("name", ["traceparent", "tracestate", "correlationid", "causationid"])
def test_context_that_is_no_text_is_refused_like_any_other_bad_attribute(
    decode: Callable[..., Decoded[OrderFulfillmentEvent]], event: OrderFulfillmentEvent, name: str
):
    with pytest.raises(InvalidEventError, match="no structured CloudEvent"):
        decode(structured(event, **{name: "\ud800"}), [("content-type", b"application/cloudevents+json")])
