"""Settings: `[tool.ameide-determinism]` of the nearest pyproject.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from ameide_determinism.findings import Severity
from ameide_determinism.rules.catalogue import RULES

TABLE = "tool.ameide-determinism"


class ConfigurationError(Exception):
    """The configuration cannot be used; the message names the file and what to write."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a project says about its checks.

    Attributes:
        folder: Where the configuration stands; its paths begin there.
        paths: What is checked when the command names nothing.
        roots: Folders that modules are imported from, beside those that are found.
        exclude: Patterns of paths that are not checked as starting points.
        follow: Installed packages to look into.
        allow_imports: Modules, and what is below them, that impl modules may import too.
        ignore: Rules that are off.
        severity: Severities other than a rule's own.
        baseline: File of accepted findings.
    """

    folder: Path
    paths: tuple[str, ...] = ()
    roots: tuple[Path, ...] = ()
    exclude: tuple[str, ...] = ()
    follow: tuple[str, ...] = ()
    allow_imports: tuple[str, ...] = ()
    ignore: frozenset[str] = frozenset()
    severity: dict[str, Severity] = field(default_factory=dict[str, Severity])
    baseline: Path | None = None


_LISTS = ("paths", "roots", "exclude", "follow", "allow-imports", "ignore")


def find(start: Path) -> Path | None:
    """The nearest pyproject.toml that has our table, at a folder or above it."""
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if file.is_file() and b"ameide-determinism" in file.read_bytes() and _table(file) is not None:
            return file
    return None


def load(file: Path | None, start: Path) -> Configuration:
    """Reads the configuration.

    Args:
        file: The pyproject.toml; None: defaults.
        start: Folder that relative paths begin at when there is no file.

    Raises:
        ConfigurationError: It is missing, no TOML, or has a setting that does not exist or has another type.
    """
    if file is None:
        return Configuration(folder=start)
    table = _table(file)
    if table is None:
        raise ConfigurationError(f"{file}: has no [{TABLE}]")
    known = {*_LISTS, "severity", "baseline"}
    for name in table:
        if name not in known:
            raise ConfigurationError(f"{file}: [{TABLE}] has no setting {name!r}; there are {', '.join(sorted(known))}")
    lists = {name: _strings(file, name, table.get(name, [])) for name in _LISTS}
    for rule in lists["ignore"]:
        _check_rule(file, "ignore", rule)
    baseline = table.get("baseline")
    if baseline is not None and not isinstance(baseline, str):
        raise ConfigurationError(f"{file}: baseline is {baseline!r}; write the path of a file")
    folder = file.parent
    return Configuration(
        folder=folder,
        paths=lists["paths"],
        roots=_globbed(folder, lists["roots"]),
        exclude=lists["exclude"],
        follow=lists["follow"],
        allow_imports=lists["allow-imports"],
        ignore=frozenset(lists["ignore"]),
        severity=_severities(file, table.get("severity", {})),
        baseline=folder / baseline if baseline else None,
    )


def workspace_roots(start: Path) -> tuple[Path, ...]:
    """Source folders of the members of the uv workspace that a folder lies in: `src`, `gen`, or the member itself."""
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if not file.is_file() or b"tool.uv.workspace" not in file.read_bytes():
            continue
        try:
            members = tomllib.loads(file.read_text(encoding="utf-8"))["tool"]["uv"]["workspace"]["members"]
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError):
            return ()
        roots: list[Path] = []
        for member in _globbed(folder, members):
            named = [member / name for name in ("src", "gen") if (member / name).is_dir()]
            roots += named or [member]
        return tuple(roots)
    return ()


def _table(file: Path) -> dict[str, Any] | None:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: is no TOML: {error}") from error
    table: Any = document.get("tool", {}).get("ameide-determinism")
    if table is not None and not isinstance(table, dict):
        raise ConfigurationError(f"{file}: [{TABLE}] is {table!r}; write a table")
    return cast("dict[str, Any] | None", table)


def _strings(file: Path, name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):  # pyright: ignore[reportUnknownVariableType] -- checked here
        raise ConfigurationError(f"{file}: {name} is {value!r}; write a list of strings")
    return tuple(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] -- checked above


def _severities(file: Path, value: Any) -> dict[str, Severity]:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{file}: severity is {value!r}; write a table from rules to 'error' or 'warning'")
    found: dict[str, Severity] = {}
    for rule, severity in value.items():  # pyright: ignore[reportUnknownVariableType] -- checked below
        _check_rule(file, "severity", str(rule))  # pyright: ignore[reportUnknownArgumentType] -- keys of TOML are strings
        if severity not in ("error", "warning"):
            raise ConfigurationError(f"{file}: severity of {rule} is {severity!r}; write 'error' or 'warning'")
        found[str(rule)] = Severity(str(severity))  # pyright: ignore[reportUnknownArgumentType] -- checked above
    return found


def _check_rule(file: Path, setting: str, rule: str) -> None:
    if rule not in RULES:
        raise ConfigurationError(f"{file}: {setting} names {rule!r}; the rules are {', '.join(RULES)}")


def _globbed(folder: Path, patterns: tuple[str, ...] | list[str]) -> tuple[Path, ...]:
    return tuple(one for pattern in patterns for one in sorted(folder.glob(pattern)) if one.is_dir())
