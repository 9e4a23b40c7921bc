"""Formats generated Python as the repository does, so that `buf generate` alone gives the committed bytes.

Line breaks depend on the length of names, which templates cannot know.
"""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ruff import find_ruff_bin  # pyright: ignore[reportMissingTypeStubs] -- ruff ships no types

LINE_LENGTH = 120
"""Columns; as in the repository's pyproject.toml."""
TARGET = "py311"

_IMPORT_SETTINGS = (
    # Only the package that a file is in is its first party, as in the repository.
    "--config=src = ['none']",
    # A list of imports that lost names may fit in one line.
    "--config=lint.isort.split-on-trailing-comma = false",
)


class FormattingError(RuntimeError):
    """Ruff cannot be run, or refuses what the templates made."""


def format_python(sources: Mapping[str, str]) -> dict[str, str]:
    """Removes unused imports, sorts the others and formats, all files in two calls of ruff.

    Args:
        sources: Python sources by path, relative.

    Raises:
        FormattingError: A source does not parse, or ruff cannot be run.
    """
    if not sources:
        return {}
    with tempfile.TemporaryDirectory(prefix="protoc-gen-process-") as directory:
        root = Path(directory)
        for path, source in sources.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(source, encoding="utf-8", newline="\n")
        _run_ruff(root, "check", "--select=F401,I001", "--fix", *_IMPORT_SETTINGS)
        _run_ruff(root, "format")
        return {path: (root / path).read_text(encoding="utf-8") for path in sources}


def _run_ruff(root: Path, *command: str) -> None:
    options = ["--isolated", "--no-cache", "--quiet", f"--line-length={LINE_LENGTH}", f"--target-version={TARGET}"]
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
        msg = f"cannot run ruff: {error}"
        raise FormattingError(msg) from error
    if done.returncode != 0:
        msg = f"ruff refuses the generated code: {(done.stdout + done.stderr).strip()}"
        raise FormattingError(msg)
