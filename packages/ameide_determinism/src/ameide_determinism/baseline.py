"""Accepted findings: a file that a project commits, so that only new ones fail the check."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from ameide_determinism.findings import Finding

_VERSION = 1

Key = tuple[str, str, str]
"""Path, rule, and the line's text; not its number, which moves with every edit above it."""


class BaselineError(Exception):
    """The baseline cannot be used; the message names the file and what to do."""


def read(file: Path) -> Counter[Key]:
    """How often each finding is accepted.

    Raises:
        BaselineError: The file is missing, or was not written by `--write-baseline`.
    """
    try:
        document: Any = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or error
        raise BaselineError(f"{file}: cannot be read: {reason}; `--write-baseline {file}` writes it") from error
    except ValueError as error:
        raise BaselineError(f"{file}: is no JSON: {error}") from error
    if not isinstance(document, dict) or document.get("version") != _VERSION:  # pyright: ignore[reportUnknownMemberType] -- checked here
        raise BaselineError(f"{file}: is no baseline of version {_VERSION}; `--write-baseline {file}` writes one")
    accepted: Counter[Key] = Counter()
    entries: Any = cast("dict[str, Any]", document).get("findings")
    if not isinstance(entries, list):
        raise BaselineError(f"{file}: findings is {entries!r}; `--write-baseline {file}` writes a list")
    for one in entries:  # pyright: ignore[reportUnknownVariableType] -- checked below
        try:
            accepted[str(one["path"]), str(one["rule"]), str(one["source"])] += int(one["count"])  # pyright: ignore[reportUnknownArgumentType]
        except (KeyError, TypeError, ValueError) as error:
            raise BaselineError(f"{file}: {one!r} is no finding; write path, rule, source and count") from error
    return accepted


def write(file: Path, findings: Iterable[Finding]) -> int:
    """Writes the findings as accepted; returns how many there are."""
    counts = Counter(_key(one) for one in findings)
    entries = [
        {"path": path, "rule": rule, "source": source, "count": count}
        for (path, rule, source), count in sorted(counts.items())
    ]
    text = json.dumps({"version": _VERSION, "findings": entries}, indent=2, ensure_ascii=False)
    file.write_text(f"{text}\n", encoding="utf-8")
    return sum(counts.values())


def new(findings: Sequence[Finding], accepted: Counter[Key]) -> list[Finding]:
    """The findings that are not accepted."""
    left = accepted.copy()
    kept: list[Finding] = []
    for one in findings:
        key = _key(one)
        if left[key] > 0:
            left[key] -= 1
        else:
            kept.append(one)
    return kept


def _key(one: Finding) -> Key:
    return one.path, one.rule, one.source
