"""How many messages a second one core decodes, validates and routes, deriving workflow id and idempotency key.

The baseline is Google's decoder alone on the same bytes. The ratio says what validation, routing and the CloudEvents
rules add to it; the rate is of this machine.
"""

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    OrderFulfillmentEvent,
    OrderKey,
    OrderLine,
    OrderPlaced,
    PaymentAuthorized,
)
from ameide_process.ingress._decoding import Decoder, Format
from ameide_process.ingress._message import Message, Partition
from google.protobuf import json_format
from order_fulfillment_generated.contract import CONTRACT
from order_fulfillment_generated.router import ROUTER
from order_fulfillment_generated.testing import event
from rich.console import Console
from rich.table import Table

EVENTS = 5000
ROUNDS = 7

LOWEST_RATES = {"protobuf": 30_000, "json": 12_000}
"""Events a second that are aimed at; shown, not a gate, since they are of a machine."""


class Encoding(NamedTuple):
    """One way to write an event."""

    name: str
    form: Format
    """How the envelope is written."""
    content_type: str | None
    cloud_event: bool


ENCODINGS = (
    Encoding("protobuf", "protobuf", None, cloud_event=False),
    Encoding("protobuf, CloudEvent", "protobuf", "application/protobuf", cloud_event=True),
    Encoding("json", "json", None, cloud_event=False),
    Encoding("json, CloudEvent", "json", "application/json", cloud_event=True),
    Encoding("json, structured CloudEvent", "json", "application/cloudevents+json", cloud_event=True),
)


LINES = [OrderLine(sku=f"sku-{number}", quantity=number) for number in range(1, 4)]

PAYLOADS: Mapping[str, Callable[[str], OrderPlaced | PaymentAuthorized]] = {
    "payment_authorized": lambda order: PaymentAuthorized(order_id=order, payment_id="p-1"),
    "order_placed": lambda order: OrderPlaced(order_id=order, lines=LINES),
}
"""By case: a flat one, and one with a list of three messages."""


def _events(case: str) -> list[OrderFulfillmentEvent]:
    make = PAYLOADS[case]
    return [event(OrderKey(tenant_id="acme", order_id=f"o-{n}"), make(f"o-{n}"), f"event-{n}") for n in range(EVENTS)]


def _message(encoding: Encoding, case: str, each: OrderFulfillmentEvent, position: int) -> Message:
    partition = Partition("memory", 0)
    value = each.SerializeToString() if encoding.form == "protobuf" else _json(each)
    if encoding.content_type is None:
        return Message(partition, position, value)
    content_type = ("content-type", encoding.content_type.encode())
    kind = CONTRACT.case_by_name[case].event_type
    attributes = {"specversion": "1.0", "id": each.meta.idempotency_key, "type": kind, "source": "/shop/acme"}
    if encoding.content_type.startswith("application/cloudevents"):
        written = ", ".join(f'"{name}": "{text}"' for name, text in attributes.items())
        return Message(partition, position, b'{%s, "data": %s}' % (written.encode(), value), headers=[content_type])
    headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
    return Message(partition, position, value, headers=[content_type, *headers])


def _json(each: OrderFulfillmentEvent) -> bytes:
    return json_format.MessageToJson(each, indent=None).encode()


def _parser(form: Format) -> Callable[[bytes], object]:
    if form == "protobuf":
        return OrderFulfillmentEvent.FromString
    return lambda value: json_format.Parse(value, OrderFulfillmentEvent(), ignore_unknown_fields=True)


def _seconds(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


def _decode_all(decoder: Decoder[OrderFulfillmentEvent], messages: Sequence[Message]) -> None:
    for message in messages:
        decoder.decode(message)


def main() -> int:
    """Measures and prints."""
    table = Table("event", "written as", "events/s of CPU", "aim", "decoder alone", "ratio")
    for case in PAYLOADS:
        events = _events(case)
        for encoding in ENCODINGS:
            table.add_row(case, encoding.name, *_measured(encoding, case, events))
    Console().print(table)
    return 0


def _measured(encoding: Encoding, case: str, events: Sequence[OrderFulfillmentEvent]) -> tuple[str, str, str, str]:
    messages = [_message(encoding, case, each, position) for position, each in enumerate(events)]
    values = [each.SerializeToString() if encoding.form == "protobuf" else _json(each) for each in events]
    decoder, parse = Decoder(ROUTER, encoding.form), _parser(encoding.form)
    pairs = [
        (_seconds(lambda: [parse(value) for value in values]), _seconds(lambda: _decode_all(decoder, messages)))
        for _ in range(ROUNDS)
    ]
    alone, all_of_it = (statistics.median(column) for column in zip(*pairs, strict=True))
    aim = LOWEST_RATES[encoding.form]
    return f"{EVENTS / all_of_it:,.0f}", f"{aim:,}", f"{EVENTS / alone:,.0f}", f"{alone / all_of_it:.2f}"


if __name__ == "__main__":
    sys.exit(main())
