"""Findings as text for people, as JSON for programs, as SARIF for code scanning."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ameide_determinism.findings import Finding, Severity
from ameide_determinism.rules.catalogue import RULES

_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_text(findings: Sequence[Finding]) -> str:
    """One finding a line, its call chain below it."""
    lines: list[str] = []
    for one in findings:
        lines.append(f"{one.path}:{one.line}:{one.column}: {one.severity} {one.rule}: {one.message}")
        if len(one.chain) > 1:
            lines += [f"    {'-> ' if index else 'from '}{step}" for index, step in enumerate(one.chain)]
    return "\n".join(lines)


def summary(findings: Sequence[Finding], workflows: int) -> str:
    """How many findings there are, in one line."""
    errors = sum(one.severity is Severity.ERROR for one in findings)
    warnings = len(findings) - errors
    return f"{_count(errors, 'error')}, {_count(warnings, 'warning')} in {_count(workflows, 'workflow')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def as_json(findings: Sequence[Finding]) -> str:
    """A list of objects: path, line, column, rule, severity, message, chain."""
    return json.dumps([_object(one) for one in findings], indent=2, ensure_ascii=False)


def _object(one: Finding) -> dict[str, Any]:
    return {
        "path": one.path,
        "line": one.line,
        "column": one.column,
        "rule": one.rule,
        "severity": str(one.severity),
        "message": one.message,
        "chain": list(one.chain),
    }


def as_sarif(findings: Sequence[Finding]) -> str:
    """SARIF 2.1.0 with one run; the chain stands in each result's code flow."""
    used = sorted({one.rule for one in findings})
    rules = [
        {
            "id": name,
            "shortDescription": {"text": RULES[name].summary},
            "defaultConfiguration": {"level": str(RULES[name].severity)},
        }
        for name in used
    ]
    run = {
        "tool": {"driver": {"name": "ameide-determinism", "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, used) for one in findings],
    }
    return json.dumps({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _result(one: Finding, used: Sequence[str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": one.rule,
        "ruleIndex": used.index(one.rule),
        "level": str(one.severity),
        "message": {"text": one.message},
        "locations": [_location(one.path, one.line, one.column)],
    }
    if one.chain:
        steps = [_step(step) for step in one.chain]
        result["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    return result


def _location(path: str, line: int, column: int) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": path},
            "region": {"startLine": line, "startColumn": column},
        }
    }


def _step(step: str) -> dict[str, Any]:
    place, _, title = step.partition(" ")
    path, _, line = place.rpartition(":")
    return {"location": {**_location(path, int(line), 1), "message": {"text": title}}}
