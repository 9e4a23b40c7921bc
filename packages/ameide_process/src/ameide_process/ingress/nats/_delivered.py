"""A message as JetStream delivers it: where it stood is in the reply subject."""

from dataclasses import dataclass

from nats.aio.msg import Msg

from ameide_process.ingress._message import Message, Partition
from ameide_process.nats_headers import read_headers

PIN = "Nats-Pin-Id"
STATUS = "Status"
DESCRIPTION = "Description"

_TOMBSTONES = ("KV-Operation", "Nats-Marker-Reason")
"""Headers of messages without a body that say that something is gone (ADR-8, ADR-43)."""

_DOMAIN_TOKENS = 11
"""Reply subjects have 9 tokens, or 11 and more with domain and account behind the first two (ADR-15)."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a reply subject says of its message."""

    times: int
    """How often the message was delivered, to whomever; 1: for the first time."""
    position: int
    """In the stream."""
    number: int
    """Of the delivery, counted over all that the consumer made."""
    time_ms: int
    """When the stream took the message, in milliseconds since 1970."""


def read_reply(reply: str) -> Delivery:
    """Reads a reply subject."""
    tokens = reply.split(".")
    shift = 2 if len(tokens) >= _DOMAIN_TOKENS else 0
    times, position, number, nanoseconds = map(int, tokens[4 + shift : 8 + shift])
    return Delivery(times, position, number, nanoseconds // 1_000_000)


def to_message(partition: Partition, delivered: Msg) -> Message:
    """Makes the engine's message of NATS's."""
    delivery = read_reply(delivered.reply)
    headers = delivered.headers or {}
    gone = not delivered.data and any(name in headers for name in _TOMBSTONES)
    return Message(
        partition,
        delivery.position,
        None if gone else delivered.data,
        None,
        [header for header in read_headers(headers) if header[0] != PIN],
        delivery.time_ms,
        delivered.subject,
    )
