"""Paths as people read them."""

from pathlib import Path


def shown(path: Path) -> str:
    """A path relative to the working directory where it lies below it, with forward slashes."""
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()
