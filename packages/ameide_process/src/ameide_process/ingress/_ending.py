"""How a message ends: what the transport may tell the one who sent it."""

from dataclasses import dataclass
from enum import StrEnum

from ameide_process.ingress._message import Message
from ameide_process.invalid_event import InvalidReason


class Outcome(StrEnum):
    """What became of a message; also a label of metrics."""

    ACCEPTED = "accepted"
    """Temporal has it."""
    DUPLICATE = "duplicate"
    """Its workflow is closed, and had applied it."""
    TOMBSTONE = "tombstone"
    """It is no event, and needs nothing."""
    DEAD_LETTER = "dead_letter"
    """It can never be handled, and the dead-letter stream has it."""
    REFUSED = "refused"
    """It can never be handled, and stays with its producer, who is told why."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a message."""

    outcome: Outcome
    reason: InvalidReason | None = None
    """Of what can never be handled."""
    explanation: str = ""
    """The reason as a sentence for people."""


ACCEPTED = Ending(Outcome.ACCEPTED)
DUPLICATE = Ending(Outcome.DUPLICATE)
TOMBSTONE = Ending(Outcome.TOMBSTONE)


@dataclass(frozen=True, slots=True)
class EndedMessage:
    """A message that has ended, and how."""

    message: Message
    ending: Ending
