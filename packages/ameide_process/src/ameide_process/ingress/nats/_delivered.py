"""A message as JetStream delivers it: where it stood is in the reply subject."""

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


def position_and_time(reply: str) -> tuple[int, int]:
    """Reads a reply subject.

    Returns:
        Position in the stream, and when the stream took the message, in milliseconds since 1970.
    """
    tokens = reply.split(".")
    shift = 2 if len(tokens) >= _DOMAIN_TOKENS else 0
    return int(tokens[5 + shift]), int(tokens[7 + shift]) // 1_000_000


def to_message(partition: Partition, delivered: Msg) -> Message:
    """Makes the engine's message of NATS's."""
    position, time_ms = position_and_time(delivered.reply)
    headers = delivered.headers or {}
    gone = not delivered.data and any(name in headers for name in _TOMBSTONES)
    return Message(
        partition,
        position,
        None if gone else delivered.data,
        None,
        [header for header in read_headers(headers) if header[0] != PIN],
        time_ms,
    )
