"""Checks paths: from files to findings."""

from __future__ import annotations

import ast
import gc
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ameide_determinism.analysis.analysis import Analysis
from ameide_determinism.analysis.chains import Reached, reached
from ameide_determinism.analysis.entries import Entry, enter, find_entries, import_frame
from ameide_determinism.analysis.frame import Frame
from ameide_determinism.configuration import Configuration, workspace_roots
from ameide_determinism.findings import Finding, Problem
from ameide_determinism.ignores import apply_ignores
from ameide_determinism.import_policy import violations
from ameide_determinism.project.definitions import ClassInfo
from ameide_determinism.project.discovery import find_files
from ameide_determinism.project.module import Module
from ameide_determinism.project.paths import resolved, shown
from ameide_determinism.project.resolution import Modules
from ameide_determinism.rules.catalogue import RULES
from ameide_determinism.values import Value

_PASSES = 3
"""What one pass learns of attributes, the next one uses; more than this changes nothing in code that people write."""

_STACK = 20_000
"""Calls of Python's own that deep expressions may need; chains of the checked code are bounded separately."""


@dataclass(slots=True)
class Report:
    """The outcome of a check.

    Attributes:
        findings: Sorted by place.
        problems: What kept something from being checked.
        files: How many files were looked at as starting points.
        workflows: How many workflow classes were found.
        modules: What was read.
    """

    findings: list[Finding] = field(default_factory=list[Finding])
    problems: list[Problem] = field(default_factory=list[Problem])
    files: int = 0
    workflows: int = 0
    modules: list[Module] = field(default_factory=list[Module])


def check(paths: Sequence[Path], configuration: Configuration | None = None) -> Report:
    """Checks every workflow in files and folders.

    Args:
        paths: Files and folders; those that hold no workflow are looked into where a workflow leads there.
        configuration: Settings; defaults when not given.

    Raises:
        PathError: A path is not there.
    """
    settings = configuration or Configuration(folder=Path.cwd())
    limit = sys.getrecursionlimit()
    collecting = gc.isenabled()
    sys.setrecursionlimit(max(limit, _STACK))
    gc.disable()  # syntax trees are many objects that all stay: collecting takes a third of the time and frees nothing
    try:
        return _check(paths, settings)
    finally:
        sys.setrecursionlimit(limit)
        if collecting:
            gc.enable()


def _check(paths: Sequence[Path], settings: Configuration) -> Report:
    files = find_files(paths, settings.exclude)
    modules = Modules(
        [*settings.roots, *_given_roots(paths), *_workspaces(paths)],
        follow=settings.follow,
        installed=_installed(settings),
    )
    try:
        return _report(modules, files, settings)
    except RecursionError:
        return Report(
            problems=[*_problems(modules), _deepest(modules.loaded)], files=len(files), modules=modules.loaded
        )


def _report(modules: Modules, files: Sequence[Path], settings: Configuration) -> Report:
    starting = [module for file in files if (module := modules.load(file)) is not None]
    entries, analysis = _analyse(modules, starting)
    roots = _roots(entries) + _imports(analysis, entries, starting)
    found = [
        *(_finding(one, settings) for one in reached(roots) if not one.frame.module.is_stub),
        *(one for one in violations(analysis, [entry.info for entry in entries if entry.is_process], settings)),
    ]
    unique = _shortest(one for one in found if one.rule not in settings.ignore)
    spans = _spans(roots)
    visited = sorted({*spans, *(entry.info.module for entry in entries)}, key=lambda one: str(one.path))
    findings = apply_ignores(
        unique, visited, lambda module, line: any(a <= line <= b for a, b in spans.get(module, ())), settings
    )
    return Report(
        findings=sorted(findings, key=lambda one: (one.path, one.line, one.column, one.rule)),
        problems=_problems(modules),
        files=len(files),
        workflows=len(entries),
        modules=modules.loaded,
    )


def _problems(modules: Modules) -> list[Problem]:
    return [Problem(shown(one.path), str(one), one.line) for one in modules.problems]


def _deepest(modules: Sequence[Module]) -> Problem:
    """Says which file holds the code that is nested too deep to be gone through."""
    module = max(modules, key=lambda one: one.depth[0])
    levels, line = module.depth
    return Problem(shown(module.path), f"nests {levels:,} levels deep, too deep to be checked; split it", line)


def _analyse(modules: Modules, starting: Sequence[Module]) -> tuple[list[Entry], Analysis]:
    stored: dict[tuple[ClassInfo, str], Value] = {}
    for _ in range(_PASSES):
        analysis = Analysis(modules, stored)
        entries = [entry for module in starting for entry in find_entries(analysis, module)]
        for entry in entries:
            enter(analysis, entry)
        if not analysis.incomplete:
            break
        for module in modules.loaded:
            module.forget()
    return entries, analysis  # pyright: ignore[reportPossiblyUnboundVariable] -- there is at least one pass


def _roots(entries: Iterable[Entry]) -> list[tuple[Frame, str]]:
    roots: list[tuple[Frame, str]] = []
    for entry in entries:
        roots += entry.roots
        if entry.is_entity:
            roots += [(frame, "entity") for frame, kind in entry.roots if kind == "run"]
    return roots


def _imports(analysis: Analysis, entries: Sequence[Entry], starting: Sequence[Module]) -> list[tuple[Frame, str]]:
    """What the modules of workflows do when they are imported, and constants that nothing reads but a worker makes."""
    found: list[tuple[Frame, str]] = []
    everything: list[str] | None = None
    reached_modules = {entry.info.module for entry in entries}
    reached_modules |= {frame.module for frame in _visited(_roots(entries)) if frame.info is not None}
    for module in sorted(reached_modules, key=lambda one: str(one.path)):
        if module.is_stub:
            continue
        found.append((import_frame(analysis, module), "body"))
    for module in dict.fromkeys(entry.info.module for entry in entries):
        for name, bindings in module.bindings.items():
            if not all(isinstance(one.statement, ast.Assign | ast.AnnAssign) for one in bindings):
                continue
            scope = Frame(name, module, bindings[0].statement.lineno)
            analysis.global_name(module, name, scope, bindings[0].statement)
            made = [(frame, "body") for frame in scope.edges]
            if not any(True for _ in reached(made)):
                continue
            everything = everything or [one.text for one in (*starting, *analysis.modules.loaded)]
            pattern = re.compile(rf"\b{re.escape(name)}\b")
            uses = sum(len(pattern.findall(text)) for text in dict.fromkeys(everything))
            if uses <= len(bindings):
                found += made
    return found


def _spans(roots: Iterable[tuple[Frame, str]]) -> dict[Module, list[tuple[int, int]]]:
    """The lines of functions that workflows lead to."""
    spans: dict[Module, list[tuple[int, int]]] = {}
    for frame in _visited(roots):
        node = frame.info.node if frame.info is not None else None
        end = (node.end_lineno if node is not None else None) or frame.line
        spans.setdefault(frame.module, []).append((frame.line, end))
    return spans


def _visited(roots: Iterable[tuple[Frame, str]]) -> set[Frame]:
    seen: set[Frame] = set()
    waiting = [frame for frame, _ in roots]
    while waiting:
        frame = waiting.pop()
        if frame not in seen:
            seen.add(frame)
            waiting.extend(frame.edges)
    return seen


def _finding(one: Reached, settings: Configuration) -> Finding:
    module = one.frame.module
    line = getattr(one.hazard.node, "lineno", one.frame.line)
    source = module.lines[line - 1] if 0 < line <= len(module.lines) else ""
    offset = getattr(one.hazard.node, "col_offset", 0)
    column = len(source.encode()[:offset].decode(errors="ignore")) + 1
    rule = RULES[one.hazard.rule]
    return Finding(
        path=shown(module.path),
        line=line,
        column=column,
        rule=rule.name,
        severity=settings.severity.get(rule.name, rule.severity),
        message=one.hazard.message,
        chain=tuple(f"{shown(frame.module.path)}:{at} {frame.title}" for frame, at in one.steps),
        fix=one.hazard.fix,
        source=source.strip(),
    )


def _shortest(findings: Iterable[Finding]) -> list[Finding]:
    """One finding a place and rule, with the shortest chain."""
    best: dict[tuple[str, int, int, str], Finding] = {}
    for one in findings:
        key = (one.path, one.line, one.column, one.rule)
        known = best.get(key)
        if known is None or (len(one.chain), one.chain) < (len(known.chain), known.chain):
            best[key] = one
    return list(best.values())


def _given_roots(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        folder = resolved(path if path.is_dir() else path.parent)
        while (folder / "__init__.py").exists():
            folder = folder.parent
        found += [folder, *([folder / "src"] if (folder / "src").is_dir() else [])]
    return found


def _workspaces(paths: Iterable[Path]) -> list[Path]:
    return [root for path in paths for root in workspace_roots(resolved(path))]


def _installed(settings: Configuration) -> list[Path]:
    if not settings.follow:
        return []
    found = [Path(one) for one in sys.path if one and Path(one).is_dir()]
    return [*sorted((settings.folder / ".venv").glob("lib/python*/site-packages")), *found]
