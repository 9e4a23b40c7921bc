"""What of a request is an event: pure, by the CloudEvents HTTP binding."""

import contextlib
import gzip
import json

import pytest
from ameide_process.ingress.http._refusal import RefusalError
from ameide_process.ingress.http._requests import (
    MAX_BATCH_EVENTS,
    decode_attribute,
    decompressed,
    event_headers,
    posted_events,
)
from cloudevents.core.bindings.http import to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

BATCH = (("content-type", b"application/cloudevents-batch+json"),)
# CloudEvents forbids control characters, and what is no character at all.
_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), min_size=1)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)

WHOLE = gzip.compress(b"whole", mtime=0)


@given(_TEXT)
def test_an_attribute_means_what_its_producer_wrote(text: str):
    """The SDK writes the header, as most producers of the field do."""
    event = CloudEvent({"type": "t", "source": "s", "id": "i", "specversion": "1.0", "subject": text}, None)
    header = to_binary(event, JSONFormat()).headers["ce-subject"]
    assert decode_attribute("ce-subject", header.encode("ascii")).decode() == text


@given(_TEXT)
def test_every_byte_may_be_encoded_in_either_case(text: str):
    upper = "".join(f"%{byte:02X}" for byte in text.encode())
    assert decode_attribute("ce-id", upper.encode()) == text.encode()
    assert decode_attribute("ce-id", upper.lower().encode()) == text.encode()


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="%")))
def test_a_quoted_string_is_taken_out_of_its_quotes(text: str):
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert decode_attribute("ce-id", quoted.encode()).decode() == text


@given(st.binary())
def test_any_bytes_are_decoded_or_refused(value: bytes):
    with contextlib.suppress(RefusalError):
        decode_attribute("ce-id", value).decode()


def test_decoding_happens_once():
    assert decode_attribute("ce-id", b"%2541") == b"%41"
    assert decode_attribute("ce-id", b"100% sure %zz") == b"100% sure %zz"


def test_only_what_belongs_to_the_event_is_kept():
    headers = event_headers(
        [
            (b"Authorization", b"Bearer secret"),
            (b"Cookie", b"a=b"),
            (b"CE-Id", b"a%20b"),
            (b"Content-Type", b"application/json"),
            (b"traceparent", b"00-1"),
            (b"tracestate", b"a=1"),
            (b"tracestate", b"b=2"),
        ]
    )
    assert dict(headers) == {
        "ce-id": b"a b",
        "content-type": b"application/json",
        "traceparent": b"00-1",
        "tracestate": b"a=1,b=2",
    }


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (b"ce-id", "cloudevent-mismatch"),
        (b"Content-Type", "duplicate-header"),
        (b"correlation-id", "duplicate-header"),
    ],
)
def test_a_header_that_comes_twice_is_refused(name: bytes, reason: str):
    with pytest.raises(RefusalError, match="comes twice") as refused:
        event_headers([(name, b"x"), (name.upper(), b"x")])
    assert (refused.value.status, refused.value.reason) == (400, reason)


def test_a_trace_that_has_two_parents_is_none():
    headers = [(b"traceparent", b"a"), (b"Traceparent", b"b"), (b"tracestate", b"c=1"), (b"correlation-id", b"d")]
    assert event_headers(headers) == (("correlation-id", b"d"),)


@given(st.lists(_JSON, max_size=20), st.sampled_from([None, 1]), st.sampled_from(["", " ", "\r\n\t"]))
def test_a_batch_is_cut_into_the_very_bytes_of_its_events(values: list[object], indent: int | None, space: str):
    written = [json.dumps(each, indent=indent).encode() for each in values]
    body = f"{space}[{space}".encode() + f"{space},{space}".encode().join(written) + f"{space}]{space}".encode()
    posted = posted_events((*BATCH, ("traceparent", b"00-1"), ("ce-id", b"x")), body)
    assert posted.batch
    assert [each.value for each in posted.events] == written
    for each in posted.events:
        assert dict(each.headers) == {"content-type": b"application/cloudevents+json", "traceparent": b"00-1"}


@given(st.binary(max_size=200))
def test_any_bytes_are_a_batch_or_refused(body: bytes):
    with contextlib.suppress(RefusalError):
        assert len(posted_events(BATCH, body).events) == len(json.loads(body))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "expecting '\\['"),
        (b"{}", "expecting '\\['"),
        (b"[1", "expecting ',' or '\\]'"),
        (b"[1,]", "Expecting value"),
        (b"[1] 2", "something follows"),
        (b"\xff", "invalid start byte"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_what_is_no_batch_is_refused_with_the_place(body: bytes, said: str):
    with pytest.raises(RefusalError, match=said) as refused:
        posted_events(BATCH, body)
    assert (refused.value.status, refused.value.reason) == (400, "undecodable")


def test_a_batch_has_an_end():
    assert len(posted_events(BATCH, json.dumps([{}] * MAX_BATCH_EVENTS).encode()).events) == MAX_BATCH_EVENTS
    with pytest.raises(RefusalError, match="more than 1000 events") as refused:
        posted_events(BATCH, json.dumps([{}] * (MAX_BATCH_EVENTS + 1)).encode())
    assert refused.value.status == 413


def test_a_batch_of_another_format_is_refused():
    with pytest.raises(RefusalError, match=r"cloudevents-batch\+json is") as refused:
        posted_events((("content-type", b"application/cloudevents-batch+avro"),), b"")
    assert refused.value.status == 415


@given(st.binary(max_size=2_000))
def test_gzip_is_undone_within_the_limit(body: bytes):
    assert decompressed(gzip.compress(body), "gzip", 2_000) == body
    assert decompressed(body, "", 2_000) == body


def test_a_bomb_is_refused_before_it_grows():
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < 60_000
    with pytest.raises(RefusalError, match="more than 1000 bytes once decompressed") as refused:
        decompressed(bomb, "gzip", 1_000)
    assert refused.value.status == 413


@given(st.binary(max_size=200))
def test_compressed_garbage_is_refused(body: bytes):
    with pytest.raises(RefusalError) as refused:
        decompressed(b"\x1f\x8b" + body[:50] + b"\xff", "gzip", 1_000)
    assert refused.value.status == 400


@pytest.mark.parametrize("body", [WHOLE[:-3], WHOLE + b"more", b"plain"], ids=["cut", "more", "plain"])
def test_a_gzip_that_is_none_is_refused(body: bytes):
    with pytest.raises(RefusalError) as refused:
        decompressed(body, "gzip", 1_000)
    assert (refused.value.status, refused.value.reason) == (400, "undecodable")


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd"])
def test_another_coding_is_refused_with_those_that_are_read(encoding: str):
    with pytest.raises(RefusalError) as refused:
        decompressed(b"", encoding, 1_000)
    assert refused.value.status == 415
    assert dict(refused.value.headers) == {"Accept-Encoding": "gzip, identity"}
