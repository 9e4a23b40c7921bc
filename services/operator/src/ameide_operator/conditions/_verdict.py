"""How one aspect stands, before it becomes a condition."""

from dataclasses import dataclass

from ameide_operator.conditions._reasons import Reason


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one aspect stands."""

    holds: bool | None
    """Whether it is as it should be; None: not known."""
    reason: Reason
    message: str
    """For people, with what to do next."""


def available(message: str) -> Verdict:
    """It is as it should be."""
    return Verdict(holds=True, reason=Reason.AVAILABLE, message=message)


def failing(reason: Reason, message: str) -> Verdict:
    """It is not."""
    return Verdict(holds=False, reason=reason, message=message)


def unknown(reason: Reason, message: str) -> Verdict:
    """It cannot be said."""
    return Verdict(holds=None, reason=reason, message=message)
