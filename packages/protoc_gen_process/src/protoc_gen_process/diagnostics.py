"""What is wrong in the developer's files, where, and what to write instead.

A diagnostic is a value, not an exception: all problems of a request are found and shown in one run.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from protoc_gen_process.rules import Rule


def shown_path(path: str, source_root: str) -> str:
    """Returns the path of a proto file as editors can follow it.

    Args:
        path: The path as imports name it.
        source_root: Directory that it is relative to, or an empty string.
    """
    return f"{source_root.rstrip('/')}/{path}" if source_root else path


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
        return f"{shown_path(self.path, source_root)}:{self.line}:{self.column}"


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

    def __init__(self, source_root: str = "") -> None:
        self._source_root = source_root
        self._diagnostics: set[Diagnostic] = set()

    def add(self, rule: Rule, place: Place, problem: str, remedy: str) -> None:
        """Records a broken rule."""
        self._diagnostics.add(Diagnostic(place, problem, remedy, rule))

    def path(self, path: str) -> str:
        """Returns the path of another file, for the text of a diagnostic."""
        return shown_path(path, self._source_root)

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
