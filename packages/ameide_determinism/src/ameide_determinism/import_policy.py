"""What the modules of an implementation may import.

That is the pure part of the standard library, messages, the generated process, what the runtime has for workflows, and
what the configuration allows.

The rule is item 5 of the platform's dependency policy: whatever is imported runs in the sandbox of every workflow.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ameide_determinism.analysis.analysis import Analysis
from ameide_determinism.configuration import Configuration
from ameide_determinism.findings import Finding
from ameide_determinism.project.definitions import ClassInfo
from ameide_determinism.project.module import Module
from ameide_determinism.project.paths import shown
from ameide_determinism.rules.catalogue import RULES

_IMPURE = frozenset(
    {
        *("os", "sys", "time", "socket", "ssl", "select", "selectors", "subprocess", "threading", "_thread", "signal"),
        *("multiprocessing", "concurrent", "http", "ftplib", "smtplib", "imaplib", "poplib", "telnetlib", "xmlrpc"),
        *("socketserver", "sqlite3", "tempfile", "shutil", "glob", "secrets", "getpass", "platform", "locale", "gc"),
        *("ctypes", "importlib", "runpy", "mmap", "fcntl", "resource", "pwd", "grp", "pty", "webbrowser", "atexit"),
        *("wsgiref", "dbm", "shelve", "fileinput", "linecache", "gettext", "readline", "curses", "tkinter", "cgi"),
        *("asyncore", "asynchat", "urllib.request", "logging.handlers", "logging.config", "sched", "faulthandler"),
        *("tracemalloc", "weakref", "code", "codeop", "pdb", "bdb", "trace", "nntplib", "netrc", "queue"),
    }
)
"""Modules of the standard library that a workflow has no use for."""

_PURE = frozenset({"os.path", "http.HTTPStatus"})

_ALLOWED = (
    "google.protobuf",
    "google.type",
    "google.rpc",
    "ameide_process.workflow",
    "ameide_process.contract",
    "ameide_core_proto",
    "temporalio.workflow",
    "temporalio.common",
    "temporalio.exceptions",
    "typing_extensions",
)

_FRONT = ("entry", "worker", "ingress", "testing", "router")
"""Modules of a generated package that are not for workflow code."""


def violations(analysis: Analysis, classes: Sequence[ClassInfo], configuration: Configuration) -> Iterator[Finding]:
    """The imports that implementations, and what they import of their own package, must not have."""
    for info in classes:
        seen: set[Module] = set()
        waiting: list[tuple[Module, tuple[str, ...]]] = [(info.module, ())]
        while waiting:
            module, chain = waiting.pop(0)
            if module in seen:
                continue
            seen.add(module)
            for statement, name in _imports(module):
                place = f"{shown(module.path)}:{statement.lineno} import of {module.path.stem}"
                own = _own_module(analysis, module, info, statement, name)
                if own is not None:
                    waiting.append((own, (*chain, place)))
                elif not _is_allowed(name, configuration):
                    yield _finding(module, statement, name, (*chain, place), configuration)


def _imports(module: Module) -> Iterator[tuple[ast.stmt, str]]:
    """Every import of a module, as the dotted name of what is imported; those for type checkers alone left out."""
    pending: list[ast.AST] = [module.tree]
    while pending:
        node = pending.pop(0)
        match node:
            case ast.Import(names=names):
                yield from ((node, alias.name) for alias in names)
            case ast.ImportFrom(module=source, names=names, level=level):
                dots = "." * level
                yield from ((node, f"{dots}{source or ''}.{alias.name}") for alias in names)
            case ast.If(test=test) if ast.unparse(test).endswith("TYPE_CHECKING"):
                pending += node.orelse
            case _:
                pending += [one for one in ast.iter_child_nodes(node) if not isinstance(one, ast.expr)]


def _own_module(analysis: Analysis, module: Module, info: ClassInfo, statement: ast.stmt, name: str) -> Module | None:
    """The module of the implementation's own package that an import names."""
    package = info.module.directory
    candidates: list[Path] = []
    if isinstance(statement, ast.ImportFrom) and statement.level:
        path = analysis.modules.find_relative(statement, module)
        candidates = [path] if path is not None else []
        last = name.rpartition(".")[2]
        loaded = analysis.modules.load(path) if path is not None else None
        inner = analysis.modules.submodule(loaded, last) if loaded is not None else None
        candidates = [one for one in (inner, path) if one is not None]
    else:
        for one in (name, name.rpartition(".")[0]):
            path = analysis.modules.find(one, module) if one else None
            if path is not None:
                candidates.append(path)
    for path in candidates:
        if path.is_relative_to(package):
            return analysis.modules.load(path)
    return None


def _is_allowed(name: str, configuration: Configuration) -> bool:
    if any(_within(name, one) for one in configuration.allow_imports):
        return True
    parts = name.split(".")
    if name in _PURE or any(_within(name, one) for one in _PURE):
        return True
    if parts[0] in sys.stdlib_module_names:
        return not any(_within(name, one) for one in _IMPURE)
    if any(part.endswith("_pb2") for part in parts):
        return True
    if parts[0].endswith("_generated"):
        return len(parts) < 2 or parts[1] not in _FRONT
    if name in ("temporalio", "ameide_process"):
        return False
    return any(_within(name, one) for one in _ALLOWED)


def _within(name: str, top: str) -> bool:
    return name == top or name.startswith(f"{top}.")


def _finding(
    module: Module, statement: ast.stmt, name: str, chain: tuple[str, ...], configuration: Configuration
) -> Finding:
    rule = RULES["import-policy"]
    return Finding(
        path=shown(module.path),
        line=statement.lineno,
        column=statement.col_offset + 1,
        rule=rule.name,
        severity=configuration.severity.get(rule.name, rule.severity),
        message=f"import of {name.strip('.')}: {rule.summary}",
        chain=chain,
        source=module.lines[statement.lineno - 1].strip(),
    )
