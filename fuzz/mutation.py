"""Turns the fuzzer's bytes into a message: a good one with so many things broken."""

import gzip
import json
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    CancelOrder,
    EventMeta,
    OrderFulfillmentEvent,
    OrderKey,
    OrderLine,
    OrderPlaced,
)
from google.protobuf import json_format
from order_fulfillment_generated.contract import CONTRACT

Headers: TypeAlias = list[tuple[str, bytes]]
Content: TypeAlias = tuple[bytes | None, Headers]


class Choices(Protocol):
    """What is used of atheris.FuzzedDataProvider."""

    def ConsumeIntInRange(self, low: int, high: int, /) -> int: ...  # noqa: N802 - atheris's name
    def ConsumeBytes(self, count: int, /) -> bytes: ...  # noqa: N802
    def remaining_bytes(self) -> int: ...


def mutated(choices: Choices) -> Content:
    """Makes a message; the same bytes make the same message."""
    value, headers = GOOD[choices.ConsumeIntInRange(0, len(GOOD) - 1)]
    content: Content = (value, list(headers))
    while choices.remaining_bytes() > 0:
        content = CHANGES[choices.ConsumeIntInRange(0, len(CHANGES) - 1)](content, choices)
    return content


def _good() -> list[Content]:
    key = OrderKey(tenant_id="acme", order_id="o-1")
    placed = OrderPlaced(order_id="o-1", lines=[OrderLine(sku="s", quantity=1)])
    placed.placed_at.FromSeconds(1_700_000_000)
    events = (
        OrderFulfillmentEvent(meta=EventMeta(key=key, idempotency_key="1", schema_version=1), order_placed=placed),
        OrderFulfillmentEvent(
            meta=EventMeta(key=key, idempotency_key="2", schema_version=1), cancel_order=CancelOrder(reason="late")
        ),
    )
    return [content for each in events for content in _written(each)]


def _written(each: OrderFulfillmentEvent) -> list[Content]:
    binary, text = each.SerializeToString(), json_format.MessageToJson(each, indent=None).encode()
    attributes = {
        "specversion": "1.0",
        "id": each.meta.idempotency_key,
        "type": CONTRACT.case_by_name[each.WhichOneof("payload") or ""].event_type,
        "source": "/shop",
        "time": "2026-11-23T03:01:34.207Z",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    in_headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    structured = json.dumps({**attributes, "data": json.loads(text)}).encode()
    return [
        (binary, []),
        (text, []),
        (binary, [("content-type", b"application/protobuf"), *in_headers]),
        (text, [("content-type", b"application/json"), *in_headers]),
        (structured, [("content-type", b"application/cloudevents+json")]),
    ]


GOOD: Final[Sequence[Content]] = _good()

NAMES: Final = (
    "content-type",
    "ce_specversion",
    "ce_id",
    "ce_type",
    "ce_source",
    "ce_time",
    "ce_data",
    "CE_ID",
    "é",
    "",
)
VALUES: Final = (
    b"", b"1.0", b"0.3", b"2.0", b"application/json", b"application/cloudevents+json", b"application/protobuf; x=y",
    b"application/cloudevents-batch+json", b"text/plain", b"\xff\xfe", b"\x00", b"null", b"9" * 400,
)  # fmt: skip


def _cut(content: Content, choices: Choices) -> Content:
    value = content[0] or b""
    return value[: choices.ConsumeIntInRange(0, len(value))], content[1]


def _replace(content: Content, choices: Choices) -> Content:
    value = content[0] or b""
    at = choices.ConsumeIntInRange(0, len(value))
    replaced = choices.ConsumeIntInRange(0, 8)
    return value[:at] + choices.ConsumeBytes(choices.ConsumeIntInRange(0, 8)) + value[at + replaced :], content[1]


def _repeat(content: Content, choices: Choices) -> Content:
    value = (content[0] or b"")[:4_000]
    start = choices.ConsumeIntInRange(0, len(value))
    end = choices.ConsumeIntInRange(start, len(value))
    return value[:end] + value[start:], content[1]


def _random(content: Content, choices: Choices) -> Content:
    return choices.ConsumeBytes(choices.ConsumeIntInRange(0, 200)), content[1]


def _nothing(content: Content, choices: Choices) -> Content:
    return None, content[1]


def _compress(content: Content, choices: Choices) -> Content:
    return gzip.compress(content[0] or b"", mtime=0), [*content[1], ("content-encoding", b"gzip")]


def _nest(content: Content, choices: Choices) -> Content:
    depth = choices.ConsumeIntInRange(0, 2_000)
    return b'{"a":' * depth + (content[0] or b"")[:100] + b"}" * depth, content[1]


def _drop_header(content: Content, choices: Choices) -> Content:
    headers = content[1]
    if headers:
        at = choices.ConsumeIntInRange(0, len(headers) - 1)
        headers = headers[:at] + headers[at + 1 :]
    return content[0], headers


def _add_header(content: Content, choices: Choices) -> Content:
    name = NAMES[choices.ConsumeIntInRange(0, len(NAMES) - 1)]
    value = VALUES[choices.ConsumeIntInRange(0, len(VALUES) - 1)]
    at = choices.ConsumeIntInRange(0, len(content[1]))
    return content[0], [*content[1][:at], (name, value), *content[1][at:]]


def _change_header(content: Content, choices: Choices) -> Content:
    headers = list(content[1])
    if headers:
        at = choices.ConsumeIntInRange(0, len(headers) - 1)
        headers[at] = (headers[at][0], choices.ConsumeBytes(choices.ConsumeIntInRange(0, 40)))
    return content[0], headers


CHANGES: Final[Sequence[Callable[[Content, Choices], Content]]] = (
    _cut, _replace, _replace, _repeat, _random, _nothing, _compress, _nest, _drop_header, _add_header, _change_header,
)  # fmt: skip
