"""Writes the repairs of findings into the files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ameide_determinism.findings import Edit, Finding
from ameide_determinism.project.definitions import own_nodes
from ameide_determinism.project.module import Module
from ameide_determinism.project.paths import shown

_HOLE = "{workflow}"
_IMPORT = "from temporalio import workflow"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What repairing did.

    Attributes:
        fixed: How many findings.
        files: How many files were written.
    """

    fixed: int
    files: int


def apply_fixes(findings: Iterable[Finding], modules: Iterable[Module]) -> Outcome:
    """Repairs what can be repaired safely, and leaves a file as it was where the result would not parse."""
    by_path: dict[str, list[Finding]] = {}
    for one in findings:
        if one.fix:
            by_path.setdefault(one.path, []).append(one)
    loaded = list(modules)
    fixed = files = 0
    for module in loaded:
        wanted = [one for one in by_path.get(shown(module.path), []) if is_safe(one, module, loaded)]
        if not wanted:
            continue
        text, count = _repaired(module, wanted)
        if count and _parses(text):
            _write(module.path, text)
            fixed += count
            files += 1
    return Outcome(fixed, files)


def fixable(findings: Iterable[Finding], modules: Sequence[Module]) -> list[Finding]:
    """The findings that `apply_fixes` would repair."""
    known = {shown(module.path): module for module in modules}
    return [
        one
        for one in findings
        if one.fix and one.path in known and is_safe(one, known[one.path], modules) and _name_for(known[one.path], one)
    ]


def is_safe(finding: Finding, module: Module, modules: Iterable[Module]) -> bool:
    """Whether a repair changes nothing but workflows.

    `workflow.now()` fails outside of a workflow, so a helper that activities or a main use too is left to a person.
    """
    if not any(_HOLE in edit.text for edit in finding.fix):
        return True
    around = _enclosing(module.tree, finding.line)
    if around is None:
        return False
    top = around[0]
    if isinstance(top, ast.ClassDef) and any("defn" in ast.unparse(one) for one in top.decorator_list):
        return True
    name = re.compile(rf"\b{re.escape(getattr(top, 'name', ''))}\b")
    return all(not (name.search(other.text) and _used_outside(other, name, top)) for other in modules)


def _used_outside(module: Module, name: re.Pattern[str], definition: ast.AST) -> bool:
    """Whether code that is no workflow refers to a name."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node is definition:
            continue
        is_activity = any("activity" in ast.unparse(one) for one in node.decorator_list)
        if (is_activity or node.name in ("main", "amain")) and any(
            isinstance(one, ast.Name | ast.Attribute) and name.fullmatch(getattr(one, "id", getattr(one, "attr", "")))
            for one in own_nodes(node)
        ):
            return True
    return False


def _enclosing(tree: ast.Module, line: int) -> list[ast.AST] | None:
    """The function or class of a module that holds a line."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            if first <= line <= (node.end_lineno or node.lineno):
                return [node]
    return None


def _name_for(module: Module, finding: Finding) -> str | None:
    """The name by which a module knows `temporalio.workflow`; None: the name is taken by something else."""
    if not any(_HOLE in edit.text for edit in finding.fix):
        return "workflow"
    name = _imported_name(module)
    if name is not None:
        return name
    return None if re.search(r"\bworkflow\b\s*[=:(,)]|\bas workflow\b|import workflow\b", module.text) else "workflow"


def _imported_name(module: Module) -> str | None:
    for bindings in module.bindings.values():
        for one in bindings:
            statement = one.statement
            if isinstance(statement, ast.ImportFrom) and statement.module == "temporalio" and not statement.level:
                for alias in statement.names:
                    if alias.name == "workflow":
                        return alias.asname or "workflow"
            if isinstance(statement, ast.Import):
                for alias in statement.names:
                    if alias.name == "temporalio.workflow":
                        return alias.asname or "temporalio.workflow"
    return None


def _repaired(module: Module, findings: Sequence[Finding]) -> tuple[str, int]:
    lines = module.text.splitlines(keepends=True)
    taken: list[Edit] = []
    count = 0
    needs_import = False
    for one in findings:
        name = _name_for(module, one)
        if name is None or any(_overlaps(edit, other) for edit in one.fix for other in taken):
            continue
        taken += [
            Edit(edit.line, edit.column, edit.end_line, edit.end_column, edit.text.replace(_HOLE, name))
            for edit in one.fix
        ]
        needs_import = needs_import or (any(_HOLE in edit.text for edit in one.fix) and _imported_name(module) is None)
        count += 1
    order = sorted(enumerate(taken), key=lambda pair: (pair[1].line, pair[1].column, pair[0]), reverse=True)
    for _, edit in order:
        _apply(lines, edit)
    if needs_import:
        at = _import_line(module)
        lines.insert(at, f"{_IMPORT}\n")
    return "".join(lines), count


def _overlaps(one: Edit, other: Edit) -> bool:
    start, end = (one.line, one.column), (one.end_line, one.end_column)
    begin, stop = (other.line, other.column), (other.end_line, other.end_column)
    if start == end or begin == stop:
        return begin < start < stop or start < begin < end or (start == begin and end == stop)
    return start < stop and begin < end


def _apply(lines: list[str], edit: Edit) -> None:
    first = lines[edit.line - 1].encode()
    last = lines[edit.end_line - 1].encode()
    text = first[: edit.column] + edit.text.encode() + last[edit.end_column :]
    lines[edit.line - 1 : edit.end_line] = [text.decode(), *[""] * (edit.end_line - edit.line)]


def _import_line(module: Module) -> int:
    """Zero-based line at which an import may be put: after the last import at the top, or after the docstring."""
    line = 0
    for index, statement in enumerate(module.tree.body):
        docstring = index == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if docstring or isinstance(statement, ast.Import | ast.ImportFrom):
            line = statement.end_lineno or statement.lineno
        elif index:
            break
    return line


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def _write(path: Path, text: str) -> None:
    marked = path.read_bytes().startswith(b"\xef\xbb\xbf")
    path.write_bytes((b"\xef\xbb\xbf" if marked else b"") + text.encode())
