"""Which dead letters are replayed, and why the others are not. No I/O."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from ameide_process.invalid_event import InvalidReason
from ameide_process.outputs import FACT_REFUSED, DeadLetterRecord

_AGE = re.compile(r"(\d+)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Skip(StrEnum):
    """Why a dead letter that was asked for is not replayed; stable words for programs."""

    REDRIVEN = "redriven"
    OTHER_PROCESS = "other-process"
    NO_TARGET = "no-target"
    NOT_AN_EVENT = "not-an-event"
    LATE = "late"
    EXPIRED = "expired"
    FAILS_AGAIN = "fails-again"
    REDRIVEN_OFTEN = "redriven-often"
    OVER_LIMIT = "over-limit"


ADVICE = {
    Skip.REDRIVEN: "an earlier redrive replayed it; --include-redriven replays it again",
    Skip.OTHER_PROCESS: "it belongs to another process, which shares the stream; use that one's redrive",
    Skip.NO_TARGET: "where it came from is not known, is not read any more, or is HTTP; name a subscription with --to, "
    "and a topic or subject of it with --to-source, or send it again by HTTP",
    Skip.NOT_AN_EVENT: "it did not come in by the ingress: a signal by hand, or a fact that its stream refused",
    Skip.LATE: "its workflow was closed; --include-late replays it",
    Skip.EXPIRED: "older than the namespace keeps closed workflows; --include-expired replays it",
    Skip.FAILS_AGAIN: "this version cannot read it either; deploy one that can, or use --include-failing",
    Skip.REDRIVEN_OFTEN: "it came back from as many redrives as --max-redrives allows",
    Skip.OVER_LIMIT: "more than --limit; run again for the rest",
}
"""What to do about each."""


_EVENTS = frozenset(reason.value for reason in InvalidReason if reason is not InvalidReason.UNKNOWN_SIGNAL)
"""Reasons of what came in by the ingress."""

_REASONS = (*(reason.value for reason in InvalidReason), FACT_REFUSED)
"""All that a dead letter may have."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What somebody asks for; an empty part asks for all.

    Raises:
        ValueError: It asks for what no dead letter can be.
    """

    reasons: Collection[str] = ()
    subscriptions: Collection[str] = ()
    source: str = ""
    """Topic, stream or path."""
    partition: int | None = None
    from_position: int | None = None
    to_position: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    workflow_ids: Collection[str] = ()
    event_keys: Collection[str] = ()

    def __post_init__(self) -> None:
        unknown = [each for each in self.reasons if each not in _REASONS]
        if unknown:
            raise ValueError(f"no dead letter has the reason {unknown[0]!r}; known are: {', '.join(sorted(_REASONS))}")
        first, last = self.from_position, self.to_position
        if first is not None and last is not None and first > last:
            raise ValueError(f"--from-position {first} is above --to-position {last}; exchange them")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError(
                f"--since {self.since.isoformat()} is not before --until {self.until.isoformat()}; exchange them"
            )

    def matches(self, letter: DeadLetterRecord, *, workflow_id: str | None, event_key: str | None) -> bool:
        """Whether a dead letter is asked for.

        Args:
            letter: The dead letter.
            workflow_id: Where it would go, as far as it can be told.
            event_key: Its idempotency key, likewise.
        """
        source, time = letter.source, happened_at(letter)
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (not self.subscriptions or (source is not None and source.subscription in self.subscriptions))
            and (not self.source or (source is not None and source.source == self.source))
            and (self.partition is None or (source is not None and source.partition == self.partition))
            and (self.from_position is None or (source is not None and source.position >= self.from_position))
            and (self.to_position is None or (source is not None and source.position <= self.to_position))
            and (self.since is None or (time is not None and time >= self.since))
            and (self.until is None or (time is not None and time < self.until))
            and (not self.workflow_ids or workflow_id in self.workflow_ids)
            and (not self.event_keys or event_key in self.event_keys)
        )


@dataclass(frozen=True, slots=True)
class Consent:
    """What somebody takes upon himself beyond the safe cases."""

    late: bool = False
    expired: bool = False
    failing: bool = False
    redriven: bool = False
    maximum_redrives: int = 3
    """Times that one message may come back and be replayed again."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one dead letter beyond its record."""

    redriven: bool
    """An earlier redrive replayed this record."""
    redrives: int
    """Times that the message was replayed in its earlier lives."""
    target: str | None
    """Where it would go; None: nowhere."""
    fault: str
    """Why this version would dead-letter it again; empty: it would not."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for every dead letter of one redrive."""

    process: str
    consent: Consent
    now: datetime
    histories: timedelta | None = field(default=None)
    """How long the namespace keeps closed workflows; None: not known."""

    def skip(self, letter: DeadLetterRecord, known: Known) -> Skip | None:
        """Why a dead letter is not replayed; None: it is."""
        consent = self.consent
        time = happened_at(letter)
        expired = self.histories is not None and (time is None or self.now - time > self.histories)
        checks = (
            (letter.process != self.process, Skip.OTHER_PROCESS),
            (known.redriven and not consent.redriven, Skip.REDRIVEN),
            (letter.reason not in _EVENTS, Skip.NOT_AN_EVENT),
            (known.target is None, Skip.NO_TARGET),
            (letter.reason == "late" and not consent.late, Skip.LATE),
            (expired and not consent.expired, Skip.EXPIRED),
            (bool(known.fault) and not consent.failing, Skip.FAILS_AGAIN),
            (known.redrives >= consent.maximum_redrives, Skip.REDRIVEN_OFTEN),
        )
        return next((skip for holds, skip in checks if holds), None)


def happened_at(letter: DeadLetterRecord) -> datetime | None:
    """When the source took a message, or else when it was given up."""
    return (letter.source.time if letter.source else None) or letter.given_up_at


def read_time(text: str, now: datetime) -> datetime:
    """Reads a time: ISO 8601, UTC where it says no zone, or an age such as `90m`, `2h`, `3d`.

    Raises:
        ValueError: It is neither.
    """
    age = _AGE.fullmatch(text.strip())
    try:
        if age:
            return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
        time = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no time; write it as 2026-01-31T12:00 or, ago, as 90m, 2h, 3d") from None
    return time.replace(tzinfo=time.tzinfo or UTC)
