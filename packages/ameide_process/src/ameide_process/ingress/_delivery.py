"""One message on its way through the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.api.common.v1 import Payload

from ameide_process.ingress._ending import Ending
from ameide_process.ingress._message import Message
from ameide_process.routing import Route

if TYPE_CHECKING:
    from ameide_process.ingress._lane import Lane


class Delivery:
    """A message that was delivered and is not committed.

    Mutable and slotted: there is one for every message in flight.

    Attributes:
        message: The message.
        received_at: When it was delivered, in seconds of the engine's clock.
        size: Bytes that it counts for: the message and its payload. Fixed once it is admitted.
        ending: How it ended: Temporal or the dead-letter stream has it, or it needs neither. None until then.
            An accepted one counts for its key until it is committed.
        lane: Events of its key; None before it is decoded, or when it cannot be.
        route: Where it goes; None as long as `lane` is.
        payload: The event as Temporal gets it.
        refusal: Why the dead-letter stream has not taken it; empty: it need not, or may still at its first try.
    """

    __slots__ = ("ending", "lane", "message", "payload", "received_at", "refusal", "route", "size")

    def __init__(self, message: Message, received_at: float) -> None:
        self.message = message
        self.received_at = received_at
        self.size = len(message.value or b"") + OVERHEAD_BYTES
        self.ending: Ending | None = None
        self.lane: Lane | None = None
        self.route: Route | None = None
        self.payload: Payload | None = None
        self.refusal = ""


OVERHEAD_BYTES = 1_000
"""Python's own cost of a message in flight, about, so that a million empty ones count too."""
