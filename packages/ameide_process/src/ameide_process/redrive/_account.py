"""What a redrive found and did, counted; the report is made from it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from ameide_process.redrive._selection import ADVICE, Skip

MAXIMUM_FAILURES = 20
"""Failures that are told one by one; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One dead letter, for people; never its content."""

    stream: str
    """Name of the dead-letter output."""
    partition: int
    position: int
    """In the dead-letter stream."""
    reason: str
    message: str
    source: str
    """Where it stood: source, partition and position."""
    time: datetime | None
    workflow_id: str | None
    event_key: str | None
    fate: str
    """`replay`, or why it is skipped."""
    fault: str = ""
    """Why this version would dead-letter it again."""


@dataclass(slots=True)
class Account:
    """Counts of one redrive."""

    redrive_id: str
    dry_run: bool
    streams: list[str] = field(default_factory=list[str])
    """What was read, for people."""
    read: int = 0
    """Dead letters in the streams."""
    foreign_records: int = 0
    """Records that are no dead letters."""
    asked_for: int = 0
    """Dead letters that the filters let pass."""
    by_reason: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """Dead letters that were asked for, by reason and fate."""
    by_target: Counter[str] = field(default_factory=Counter[str])
    """Dead letters to be replayed, by subscription and source."""
    skipped: Counter[Skip] = field(default_factory=Counter[Skip])
    samples: list[Sample] = field(default_factory=list[Sample])
    warnings: list[str] = field(default_factory=list[str])
    replayed: int = 0
    failed: int = 0
    failures: list[str] = field(default_factory=list[str])
    stopped: str = ""
    """Why the redrive ended before its end; empty: it did not."""

    @property
    def to_replay(self) -> int:
        """Dead letters that are, or would be, replayed."""
        return sum(self.by_target.values())

    @property
    def left(self) -> int:
        """Dead letters that should have been replayed and were not tried."""
        return 0 if self.dry_run else self.to_replay - self.replayed - self.failed

    @property
    def exit_code(self) -> int:
        """0: everything was done; 1: something failed, or is left."""
        return 1 if self.failed or self.stopped else 0

    def add_failure(self, text: str) -> None:
        """Counts a dead letter that could not be replayed."""
        self.failed += 1
        if len(self.failures) < MAXIMUM_FAILURES:
            self.failures.append(text)

    def to_json(self) -> Mapping[str, Any]:
        """Returns everything, for programs."""
        reasons: dict[str, dict[str, int]] = {}
        for (reason, fate), number in sorted(self.by_reason.items()):
            reasons.setdefault(reason, {})[fate] = number
        return {
            "redriveId": self.redrive_id,
            "dryRun": self.dry_run,
            "streams": self.streams,
            "read": self.read,
            "foreignRecords": self.foreign_records,
            "askedFor": self.asked_for,
            "toReplay": self.to_replay,
            "byReason": reasons,
            "byTarget": dict(sorted(self.by_target.items())),
            "skipped": {
                skip.value: {"number": number, "advice": ADVICE[skip]} for skip, number in sorted(self.skipped.items())
            },
            "warnings": self.warnings,
            "replayed": self.replayed,
            "failed": self.failed,
            "failures": self.failures,
            "left": self.left,
            "stopped": self.stopped,
            "samples": [_camel(asdict(sample)) for sample in self.samples],
        }


def _camel(sample: dict[str, Any]) -> dict[str, Any]:
    time: datetime | None = sample["time"]
    return {
        "stream": sample["stream"],
        "partition": sample["partition"],
        "position": sample["position"],
        "reason": sample["reason"],
        "message": sample["message"],
        "source": sample["source"],
        "time": time.isoformat() if time else None,
        "workflowId": sample["workflow_id"],
        "eventKey": sample["event_key"],
        "fate": sample["fate"],
        "fault": sample["fault"],
    }
