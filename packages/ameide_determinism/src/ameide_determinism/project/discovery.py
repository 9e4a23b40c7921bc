"""Which files are checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from ameide_determinism.project.paths import resolved

_SKIPPED = frozenset(
    {
        *("__pycache__", "node_modules", "site-packages", ".git", ".hg", ".nox", ".tox", ".venv", "venv", ".env"),
        *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".eggs", ".direnv"),
    }
)
"""Folders that hold nothing of the project itself."""


class PathError(Exception):
    """A path that was named cannot be checked."""


def find_files(paths: Iterable[Path], exclude: Sequence[str]) -> list[Path]:
    """The Python files at paths, in order, each once.

    Raises:
        PathError: A path is not there, or is a file that is not Python.
    """
    found: dict[Path, None] = {}
    seen: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found |= dict.fromkeys(resolved(one) for one in _walk(path, seen))
        elif not path.exists():
            raise PathError(f"{path}: no such file or folder")
        elif path.suffix not in (".py", ".pyi"):
            raise PathError(f"{path}: is no Python file; name folders or files that end in .py")
        else:
            found[resolved(path)] = None
    return [one for one in found if not _is_excluded(one, exclude)]


def _walk(folder: Path, seen: set[Path]) -> Iterator[Path]:
    """The files of a folder that was not seen yet: links can lead to the same one twice, and back up."""
    target = resolved(folder)
    if target in seen:
        return
    seen.add(target)
    for one in sorted(folder.iterdir()):
        if one.is_dir():
            if one.name not in _SKIPPED and not (one / "pyvenv.cfg").exists():
                yield from _walk(one, seen)
        elif one.suffix == ".py":
            yield one


def _is_excluded(path: Path, patterns: Sequence[str]) -> bool:
    text = path.as_posix()
    return any(
        fnmatch(text, f"*/{pattern.strip('/')}") or fnmatch(text, f"*/{pattern.strip('/')}/*") for pattern in patterns
    )
