"""Inline ignores: `# determinism: ignore[rule] -- reason`, on the line of a finding or alone on the line above it."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ameide_determinism.configuration import Configuration
from ameide_determinism.findings import Finding
from ameide_determinism.project.module import Module
from ameide_determinism.project.paths import shown
from ameide_determinism.rules.catalogue import RULES

_MARK = "determinism:"
_PATTERN = re.compile(r"#\s*determinism:\s*ignore\[(?P<rules>[^\]]*)\]\s*(?:--|—|:)?\s*(?P<reason>.*)$")


@dataclass(slots=True)
class _Ignore:
    """One comment."""

    path: str
    line: int
    column: int
    rules: tuple[str, ...]
    problem: str
    source: str
    lines: tuple[int, ...]
    reached: bool
    used: bool = False


def apply_ignores(
    findings: Sequence[Finding],
    modules: Iterable[Module],
    reached: Callable[[Module, int], bool],
    configuration: Configuration,
) -> list[Finding]:
    """Drops what is ignored, and adds what is wrong with the ignores themselves.

    Args:
        findings: What was found.
        modules: What workflows lead to.
        reached: Whether a workflow leads to a line of a module; elsewhere an ignore may serve another workflow.
        configuration: Settings.
    """
    ignores = [one for module in modules for one in _ignores(module, reached)]
    by_line: dict[tuple[str, int], list[_Ignore]] = {}
    for one in ignores:
        if not one.problem:
            for line in one.lines:
                by_line.setdefault((one.path, line), []).append(one)
    kept: list[Finding] = []
    for finding in findings:
        matching = [one for one in by_line.get((finding.path, finding.line), ()) if finding.rule in one.rules]
        for one in matching:
            one.used = True
        if not matching:
            kept.append(finding)
    return kept + [
        _finding(one, configuration)
        for one in ignores
        if (one.problem or (one.reached and not one.used)) and _rule(one) not in configuration.ignore
    ]


def _rule(ignore: _Ignore) -> str:
    return "invalid-ignore" if ignore.problem else "unused-ignore"


def _finding(ignore: _Ignore, configuration: Configuration) -> Finding:
    rule = RULES[_rule(ignore)]
    message = f"{ignore.problem}; {rule.summary}" if ignore.problem else rule.summary
    return Finding(
        path=ignore.path,
        line=ignore.line,
        column=ignore.column,
        rule=rule.name,
        severity=configuration.severity.get(rule.name, rule.severity),
        message=message,
        source=ignore.source,
    )


def _ignores(module: Module, reached: Callable[[Module, int], bool]) -> list[_Ignore]:
    if _MARK not in module.text:
        return []
    found: list[_Ignore] = []
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(module.text).readline))
    except (tokenize.TokenError, SyntaxError):
        return []
    for token in tokens:
        if token.type != tokenize.COMMENT or not re.match(r"#\s*determinism:", token.string):
            continue
        line, column = token.start
        match = _PATTERN.match(token.string)
        names = tuple(one.strip() for one in match["rules"].split(",") if one.strip()) if match else ()
        alone = token.line[:column].strip() == ""
        at = _next_code_line(module, line) if alone else line
        found.append(
            _Ignore(
                path=shown(module.path),
                line=line,
                column=column + 1,
                rules=names,
                problem=_problem(match, names),
                source=token.line.strip(),
                lines=(at,),
                reached=reached(module, at),
            )
        )
    return found


def _next_code_line(module: Module, line: int) -> int:
    following = line
    while following < len(module.lines) and module.lines[following].strip().startswith("#"):
        following += 1
    return following + 1


def _problem(match: re.Match[str] | None, names: Sequence[str]) -> str:
    if match is None:
        return "this comment is not understood"
    unknown = [name for name in names if name not in RULES]
    if unknown:
        return f"there is no rule {unknown[0]!r}"
    if not names:
        return "no rule is named"
    return "" if match["reason"].strip() else "the reason is missing"
