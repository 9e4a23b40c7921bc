"""Where generators may write: every `out` of a buf template lies in a root that holds generated files only.

`clean: true` deletes an `out` before it is written: an `out` at a folder with sources would delete them all, and a file
that a person puts into a generated root is gone with the next generation.
"""

import subprocess
from pathlib import Path

import yaml

from ameide_guardrails.sources import files_below

GENERATED_ROOTS = (
    "packages/ameide_core_proto/gen",
    "packages/protoc_gen_process/src/protoc_gen_process/_proto",
    "build/generated",
)


_MARKS = ("DO NOT EDIT", "Do not edit manually")
"""One of them is in the first lines of every generated file."""

_UNMARKED = {"py.typed": "", "__init__.py": "from __future__ import annotations"}
"""Files that generators leave without a mark, and all that is in them."""

_HEAD = 300
"""Bytes in which the mark is."""


def files_by_hand(root: Path) -> list[str]:
    """Files in generated roots that no generator wrote, a sentence each."""
    return [
        f"{path.relative_to(root)}: no generator wrote it, and the next generation deletes it; move it elsewhere"
        for generated in GENERATED_ROOTS
        for path in files_below(root / generated)
        if not _is_generated(path)
    ]


def _is_generated(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD).decode(errors="replace")
    return any(mark in head for mark in _MARKS) or head.strip() == _UNMARKED.get(path.name)


_LOCKS = ("uv.lock", "codegen/uv.lock")
"""Follow from the generated projects."""


def uncommitted(root: Path) -> list[str]:
    """What is generated and not committed so: changed, deleted and new files, a sentence each.

    Raises:
        subprocess.CalledProcessError: The folder is in no git repository.
    """
    command = ("git", "status", "--porcelain", "--untracked-files=all", "--ignored=no", "--", *GENERATED_ROOTS, *_LOCKS)
    status = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)  # noqa: S603 -- our own
    return [
        f"{line[3:]}: {_CHANGES.get(line[:2].strip(), 'differs from what is committed')}; "
        "run `uvx nox -s regen` and commit it"
        for line in status.stdout.splitlines()
    ]


_CHANGES = {"D": "committed, and no longer generated", "??": "generated, and not committed"}


def violations(root: Path) -> list[str]:
    """What is wrong with the buf templates of a workspace, a sentence each."""
    found: list[str] = []
    for template in sorted(root.glob("buf.gen*.yaml")):
        settings = yaml.safe_load(template.read_text())
        if settings.get("clean") is not True:
            found.append(f"{template.name}: `clean: true` is missing; deleted and renamed outputs would stay")
        for plugin in settings.get("plugins", []):
            out = str(plugin.get("out", ""))
            if not _within_generated_root(root, out):
                found.append(
                    f"{template.name}: out {out!r} lies in no generated-only root; "
                    f"use one of {', '.join(GENERATED_ROOTS)}"
                )
            if plugin.get("strategy") != "all":
                found.append(f"{template.name}: out {out!r} lacks `strategy: all`; buf would call it once a directory")
    return found


def _within_generated_root(root: Path, out: str) -> bool:
    resolved = (root / out).resolve()
    return any(resolved.is_relative_to((root / generated).resolve()) for generated in GENERATED_ROOTS)
