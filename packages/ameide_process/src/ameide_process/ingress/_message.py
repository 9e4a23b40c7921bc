"""What a transport delivers: a message at a position of a partition."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """An ordered part of a source, for as long as it is assigned to us.

    Compared by identity: a partition that comes back after a rebalance is another one, so that what is left of its
    earlier life can never be mistaken for it.
    """

    source: str
    """Topic, stream or path."""
    number: int
    acknowledges_each: bool = False
    """Messages are acknowledged each by itself, in any order; else all below a position at once."""
    sender_waits: bool = False
    """Who sent a message keeps it until told of its end, and waits for that: it may be refused at any time."""

    def __str__(self) -> str:
        return f"{self.source}/{self.number}"


@dataclass(slots=True)
class Message:
    """One message as it came. Never changed; not frozen, because that doubles the cost of making one."""

    partition: Partition
    position: int
    """Grows within the partition; not always by one."""
    value: bytes | None
    """None: a tombstone."""
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()
    """Name and value, in order; a name may come twice. Only Kafka knows headers without a value."""
    timestamp_ms: int | None = None
    """When the source took it, in milliseconds since 1970."""
    subject: str = ""
    """On which a NATS stream took it; other sources have none."""
    spoilt: str = ""
    """Why it can never be delivered whatever it holds, for people; empty: that is not known yet."""
