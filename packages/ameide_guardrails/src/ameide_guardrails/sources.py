"""The files of a workspace that a gate reads."""

from collections.abc import Iterator
from pathlib import Path

_NOT_SOURCES = {"__pycache__", ".venv", ".nox", ".git", "node_modules"}
"""Folders that tools write."""


def files_below(folder: Path, *suffixes: str) -> Iterator[Path]:
    """Yields the files below a folder, in order.

    Args:
        folder: May be absent.
        suffixes: Such as `.py`; all files when none is given.
    """
    for path in sorted(folder.rglob("*")):
        wanted = not suffixes or path.suffix in suffixes
        if wanted and path.is_file() and _NOT_SOURCES.isdisjoint(path.relative_to(folder).parts):
            yield path
