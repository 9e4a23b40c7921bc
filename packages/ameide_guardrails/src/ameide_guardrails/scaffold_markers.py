"""What `uvx nox -s new` left to be written: its stubs are marked, and a process is not done while a mark is left."""

import re
from pathlib import Path

from ameide_guardrails.sources import files_below

_MARK = re.compile(r"(#|//)\s*scaffold\s*:", re.IGNORECASE)
"""In a comment of the line that is to be replaced."""

_SUFFIXES = (".py", ".proto")
_PLACES = ("primitives", "packages/ameide_core_proto/src")


def violations(root: Path) -> list[str]:
    """Where a mark is left, a sentence each."""
    return [
        f"{path.relative_to(root)}:{number}: left by the scaffold: write it and remove the mark: {line.strip()}"
        for place in _PLACES
        for path in files_below(root / place, *_SUFFIXES)
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if _MARK.search(line)
    ]
