"""What the checker says: a hazard, where it stands, and how a workflow comes to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """Whether a finding fails the check by itself."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Edit:
    """Replaces text; lines are one-based, columns are zero-based and count UTF-8 bytes, as `ast` does."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    """`{workflow}` in it stands for the name under which the module knows `temporalio.workflow`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One hazard.

    Attributes:
        path: As it was given, or relative to the working directory, with forward slashes.
        line: One-based.
        column: One-based, in characters.
        rule: Name of the rule.
        chain: How a workflow comes there, a step each: `path:line function`.
        fix: What would repair it; empty where that is not safe.
        source: The line's text, without indentation.
    """

    path: str
    line: int
    column: int
    rule: str
    severity: Severity
    message: str
    chain: tuple[str, ...] = ()
    fix: tuple[Edit, ...] = field(default=(), compare=False)
    source: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Problem:
    """What keeps the checker from checking: input that cannot be read. Never a finding, always an error."""

    path: str
    message: str
    line: int = 0

    def __str__(self) -> str:
        """As shown: `path:line: message`."""
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.message}"
