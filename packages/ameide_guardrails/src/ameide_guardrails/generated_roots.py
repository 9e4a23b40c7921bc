"""Where generators may write: every `out` of a buf template lies in a root that holds generated files only.

`clean: true` deletes an `out` before it is written; an `out` at a folder with sources would delete them all.
"""

from pathlib import Path

import yaml

GENERATED_ROOTS = (
    "packages/ameide_core_proto/gen",
    "packages/protoc_gen_process/src/protoc_gen_process/_proto",
    "build/generated",
)


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
