"""What is wrong in the developer's files, where, and what to write instead.

A diagnostic is a value, not an exception: all problems of a request are found and shown in one run.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from protoc_gen_process.rules import Rule


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a source file, one-based as editors count."""

    path: str
    """Path of the proto file as imports name it."""
    line: int = 1
    column: int = 1

    def shown(self, source_root: str) -> str:
        """Returns `path:line:column`.

        Args:
            source_root: Directory that the path is relative to, or an empty string.
        """
        path = f"{source_root.rstrip('/')}/{self.path}" if source_root else self.path
        return f"{path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """One broken rule."""

    place: Place
    problem: str
    """What is wrong: lower case, with the offending value."""
    remedy: str
    """What to write instead."""
    rule: Rule

    def shown(self, source_root: str) -> str:
        """Returns the line that the developer sees."""
        return f"{self.place.shown(source_root)}: {self.problem}; {self.remedy}"


class Report:
    """Collects the diagnostics of a request."""

    def __init__(self) -> None:
        self._diagnostics: set[Diagnostic] = set()

    def add(self, rule: Rule, place: Place, problem: str, remedy: str) -> None:
        """Records a broken rule."""
        self._diagnostics.add(Diagnostic(place, problem, remedy, rule))

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All that was recorded, in the order of the sources."""
        return tuple(sorted(self._diagnostics))


def summary(diagnostics: Iterable[Diagnostic], source_root: str) -> str:
    """Returns the text of a refusal.

    The count stands first, because buf prints `Failure: plugin ...:` of its own on the line where the text begins.
    """
    lines = [diagnostic.shown(source_root) for diagnostic in diagnostics]
    count = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
    return "\n".join([f"{count}; nothing was generated", *lines])
