"""The committed sample of events, and what it must give."""

import copy
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent, OrderOutcome
from ameide_process.invalid_event import InvalidEventError
from google.protobuf.json_format import ParseDict, ParseError
from order_fulfillment_generated.contract import workflow_id

SAMPLE = Path(__file__).with_name("sample.jsonl")

UNDECODABLE = b"\xff\x00 this is no envelope \xff"
"""Published among the events; it belongs in the dead-letter stream, byte for byte."""


class SampleError(ValueError):
    """The sample cannot be read; the message begins with its file and line."""


@dataclass(frozen=True)
class Order:
    """One order of the sample."""

    order_id: str
    story: str
    outcome: str
    """Name of the `OrderOutcome` that the workflow must end with."""
    workflow_id: str
    events: tuple[OrderFulfillmentEvent, ...]
    """In the order of publishing, repetitions included."""
    late: tuple[OrderFulfillmentEvent, ...]
    """Published once the workflow has ended."""

    @property
    def duplicates(self) -> int:
        """How many events repeat an earlier one."""
        return len(self.events) - len({event.meta.idempotency_key for event in self.events})


@dataclass(frozen=True)
class Summary:
    """What a run gives, or must give."""

    delivered: int
    """Messages that the ingress acknowledged."""
    duplicates: int
    """Events dropped since they were applied before."""
    dead_letters: dict[str, int]
    """Dead letters by reason."""
    outcomes: dict[str, int]
    """Workflows by outcome."""


def load(orders: int, sample: Path = SAMPLE) -> list[Order]:
    """Reads a sample.

    Args:
        orders: How many orders; those of the sample are repeated under new ids where it has fewer.
        sample: A file with one order a line, in JSON.

    Raises:
        SampleError: A line is no order; or there is none, or no file.
    """
    try:
        lines = sample.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SampleError(f"{sample}: cannot be read: {error}") from error
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not numbered:
        raise SampleError(f"{sample}: holds no order; write one a line, in JSON")
    stories = [_checked(sample, number, line) for number, line in numbered]
    return [_order(stories[number % len(stories)], number // len(stories)) for number in range(orders)]


def interleaved(orders: list[Order]) -> Iterator[OrderFulfillmentEvent]:
    """All events but the late ones: the orders overlap, each keeps its own order of events."""
    waiting = [list(order.events) for order in orders]
    # A few orders are open at once, as in a shop; round robin among them.
    open_orders: list[list[OrderFulfillmentEvent]] = []
    while waiting or open_orders:
        while waiting and len(open_orders) < 8:
            open_orders.append(waiting.pop(0))
        for events in list(open_orders):
            yield events.pop(0)
            if not events:
                open_orders.remove(events)


def expected(orders: list[Order]) -> Summary:
    """What the sample must give."""
    late = sum(len(order.late) for order in orders)
    return Summary(
        delivered=sum(len(order.events) for order in orders) + late + 1,
        duplicates=sum(order.duplicates for order in orders),
        dead_letters={"undecodable": 1} | ({"late": late} if late else {}),
        outcomes=dict(Counter(order.outcome for order in orders)),
    )


def _checked(sample: Path, number: int, line: str) -> dict[str, Any]:
    """Returns the story that a line holds.

    Raises:
        SampleError: It holds none.
    """
    try:
        story = json.loads(line)
        _order(story, 0)
        OrderOutcome.Value(story["outcome"])
    except json.JSONDecodeError as error:
        raise SampleError(f"{sample}:{number}:{error.colno}: is no JSON: {error.msg}") from error
    except KeyError as error:
        raise SampleError(f"{sample}:{number}: has no {error.args[0]!r} where an order has one") from error
    except (AttributeError, IndexError, TypeError) as error:
        raise SampleError(f"{sample}:{number}: is not shaped as an order, see {SAMPLE.name}: {error}") from error
    except (InvalidEventError, ParseError, ValueError) as error:
        raise SampleError(f"{sample}:{number}: {error}") from error
    return story


def _order(story: dict[str, Any], repetition: int) -> Order:
    suffix = f"-{repetition + 1}" if repetition else ""
    order_id = story["orderId"] + suffix
    key = {"tenantId": story["tenantId"], "orderId": order_id}
    events = tuple(_event(event, key, suffix) for event in story["events"])
    return Order(
        order_id=order_id,
        story=story["story"],
        outcome=story["outcome"],
        workflow_id=workflow_id(events[0]),
        events=events,
        late=tuple(_event(event, key, suffix) for event in story.get("late", [])),
    )


def _event(content: dict[str, Any], key: dict[str, str], suffix: str) -> OrderFulfillmentEvent:
    payload = copy.deepcopy(content)
    meta = {
        "idempotencyKey": payload.pop("idempotencyKey") + suffix,
        "source": payload.pop("source"),
        "key": key,
        "schemaVersion": 1,
    }
    for case in payload.values():
        if "orderId" in case:
            case["orderId"] = key["orderId"]
    return ParseDict({"meta": meta, **payload}, OrderFulfillmentEvent())
