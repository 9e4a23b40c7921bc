"""Formats generated Python as the repository does, so that `buf generate` alone gives the committed bytes.

Line breaks depend on the length of names, which templates cannot know.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ruff import find_ruff_bin  # pyright: ignore[reportMissingTypeStubs] -- ruff ships no types

LINE_LENGTH = 120
"""Columns; as in the repository's pyproject.toml."""
TARGET = "py311"

_MEMORY = Path("/dev/shm")  # noqa: S108 -- only where to put a directory that tempfile makes and names
"""File system in memory, where the machine has one; removing files from a disk took half of the time (measured)."""

_BLOCK = 4096
"""Bytes; what the smallest file takes there."""

_IMPORT_SETTINGS = (
    # Only the package that a file is in is its first party, as in the repository.
    "--config=src = ['none']",
    # A list of imports that lost names may fit in one line.
    "--config=lint.isort.split-on-trailing-comma = false",
)

_PROTO_RULES = "--select=E501,N802,N812,N813,RUF001,RUF002,RUF003"
"""Length of lines, case of names, and characters that look like others: where generated code breaks these rules, it
has a name or a comment from the proto."""


class FormattingError(RuntimeError):
    """Ruff refuses what the templates made: the fault is the plugin's."""


class FormatterMissingError(RuntimeError):
    """Ruff cannot be run: the installation is incomplete."""


def format_python(sources: Mapping[str, str]) -> dict[str, str]:
    """Removes unused imports, sorts the others and formats, all files in one call of ruff for each.

    Args:
        sources: Python sources by path, relative.

    Raises:
        FormattingError: A source does not parse.
        FormatterMissingError: Ruff cannot be run.
    """
    if not sources:
        return {}
    broken: dict[str, set[str]] = {}
    with tempfile.TemporaryDirectory(prefix="protoc-gen-process-", dir=_place_for(sources)) as directory:
        root = Path(directory).resolve()
        for path, source in sources.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(source, encoding="utf-8", newline="\n")
        _run_ruff(root, "check", "--select=F401,I001", "--fix", *_IMPORT_SETTINGS)
        _run_ruff(root, "format")
        formatted = {path: (root / path).read_text(encoding="utf-8") for path in sources}
        findings = json.loads(_run_ruff(root, "check", "--exit-zero", "--output-format=json", _PROTO_RULES))
        for finding in findings:
            path = Path(finding["filename"]).relative_to(root).as_posix()
            broken.setdefault(path, set()).add(finding["code"])
    return {path: _exempted(source, broken.get(path, set())) for path, source in formatted.items()}


def _place_for(sources: Mapping[str, str]) -> Path | None:
    """Returns where to put the files: in memory where there is ample room, else None for tempfile's own choice."""
    # Twice for ruff, which writes a new file beside the old one, and twice for the directories.
    needed = 4 * sum(len(source.encode()) + _BLOCK for source in sources.values())
    if os.access(_MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(_MEMORY).free > needed:
        return _MEMORY
    return None


def _exempted(source: str, broken: set[str]) -> str:
    """Exempts a file, below its first line, from the rules that names and comments of its proto break."""
    if not broken:
        return source
    first_line, rest = source.split("\n", 1)
    reason = "names and comments are those of the proto"
    return f"{first_line}\n# ruff: noqa: {', '.join(sorted(broken))} -- {reason}\n{rest}"


def _run_ruff(root: Path, *command: str) -> str:
    """Runs ruff over a directory and returns its output."""
    options = ["--isolated", "--no-cache", "--quiet", f"--line-length={LINE_LENGTH}", f"--target-version={TARGET}"]
    # No file is left out, whatever its path looks like and wherever the temporary directory is.
    options += ["--config=exclude = []", "--no-respect-gitignore"]
    try:
        # Arguments are constants, and ruff is the pinned dependency.
        done = subprocess.run(  # noqa: S603 -- see above
            [find_ruff_bin(), *command, *options, "."],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        msg = f"cannot run ruff, which formats the generated code ({error}); reinstall protoc-gen-process"
        raise FormatterMissingError(msg) from error
    if done.returncode != 0:
        msg = f"ruff refuses the generated code: {(done.stdout + done.stderr).strip()}"
        raise FormattingError(msg)
    return done.stdout
