"""Paths: where they lead, and as people read them."""

import os
from pathlib import Path


def resolved(path: Path) -> Path:
    """The absolute path without links; of a link that leads to itself, the link, which whoever reads it cannot open."""
    return Path(os.path.realpath(path))


def shown(path: Path) -> str:
    """A path relative to the working directory where it lies below it, with forward slashes."""
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()
