"""Command line: `ameide-determinism check --help`.

Exit codes: 0 nothing found; 1 findings (warnings count under `--strict`); 2 nothing, or not everything, could be
checked: wrong usage, configuration or baseline, a file that cannot be read, no workflow.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from ameide_determinism import baseline as baselines
from ameide_determinism.checker import Report, check
from ameide_determinism.configuration import Configuration, ConfigurationError, find, load
from ameide_determinism.findings import Finding, Severity
from ameide_determinism.fixes import apply_fixes
from ameide_determinism.project.discovery import PathError
from ameide_determinism.project.paths import resolved
from ameide_determinism.reporters import as_json, as_sarif, as_text, summary
from ameide_determinism.rules import RULES, page

app = typer.Typer(
    help="Finds what makes a Temporal Python workflow nondeterministic, without running it.",
    no_args_is_help=True,
    add_completion=False,
)

FOUND, FAILED = 1, 2


class Format(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


@app.callback()
def _root() -> None:
    """Finds what makes a Temporal Python workflow nondeterministic, without running it."""


@app.command("check")
def check_command(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files and folders; the configured `paths` when none is named.")
    ] = None,
    output: Annotated[Format, typer.Option("--format", help="How findings are written.")] = Format.TEXT,
    fix: Annotated[bool, typer.Option("--fix", help="Repair in place what is safe to repair.")] = False,
    explain: Annotated[str | None, typer.Option(metavar="RULE", help="Print the page of a rule.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail the check too.")] = False,
    baseline: Annotated[Path | None, typer.Option(help="File of accepted findings.")] = None,
    write_baseline: Annotated[Path | None, typer.Option(help="Write all findings as accepted, and succeed.")] = None,
    config: Annotated[Path | None, typer.Option(help="A pyproject.toml; the nearest one by default.")] = None,
    allow_no_workflow: Annotated[
        bool, typer.Option("--allow-no-workflow", help="Succeed when there is no workflow at the paths.")
    ] = False,
) -> None:
    """Check every workflow at the paths, and all that it calls.

    Exit code 0: nothing found. 1: findings; warnings count under --strict. 2: not everything could be checked.
    """
    if explain is not None:
        _explain(explain)
        return
    settings, named = _settings(paths, config)
    report = _checked(named, settings)
    if fix:
        outcome = apply_fixes(report.findings, report.modules)
        report = _checked(named, settings)
        typer.echo(f"fixed {outcome.fixed} of {outcome.fixed + len(report.findings)} findings", err=True)
    if write_baseline is not None:
        count = baselines.write(write_baseline, report.findings)
        typer.echo(f"{write_baseline}: {count} findings are accepted now", err=True)
        raise typer.Exit(_failed(report, named, allow_no_workflow=allow_no_workflow))
    findings = _new(report, baseline or settings.baseline)
    _print(findings, report, output)
    failed = _failed(report, named, allow_no_workflow=allow_no_workflow)
    if failed:
        raise typer.Exit(failed)
    if any(strict or one.severity is Severity.ERROR for one in findings):
        raise typer.Exit(FOUND)


def _explain(rule: str) -> None:
    if rule not in RULES:
        _fail(f"there is no rule {rule!r}; the rules are {', '.join(RULES)}")
    typer.echo(page(rule).rstrip())


def _settings(paths: list[Path] | None, config: Path | None) -> tuple[Configuration, list[Path]]:
    here = Path.cwd()
    start = resolved(paths[0] if paths else here)
    try:
        file = config or find(start if start.is_dir() else start.parent) or find(here)
        settings = load(file, here)
    except ConfigurationError as error:
        _fail(str(error))
    named = paths or [settings.folder / one for one in settings.paths]
    if not named:
        _fail("name files or folders to check, or set `paths` in [tool.ameide-determinism] of pyproject.toml")
    return settings, named


def _checked(paths: list[Path], settings: Configuration) -> Report:
    try:
        return check(paths, settings)
    except PathError as error:
        _fail(str(error))


def _new(report: Report, file: Path | None) -> list[Finding]:
    if file is None:
        return report.findings
    try:
        return baselines.new(report.findings, baselines.read(file))
    except baselines.BaselineError as error:
        _fail(str(error))


def _print(findings: list[Finding], report: Report, output: Format) -> None:
    match output:
        case Format.TEXT:
            if findings:
                typer.echo(as_text(findings))
            if report.workflows:
                typer.echo(summary(findings, report.workflows))
        case Format.JSON:
            typer.echo(as_json(findings))
        case Format.SARIF:
            typer.echo(as_sarif(findings))


def _failed(report: Report, paths: list[Path], *, allow_no_workflow: bool) -> int:
    """Says on stderr what was not checked; returns the exit code for it, 0 where all was."""
    for problem in report.problems:
        typer.echo(str(problem), err=True)
    if report.problems:
        return FAILED
    if not report.workflows:
        names = ", ".join(str(one) for one in paths)
        typer.echo(f"no workflow found in {names}; nothing was checked", err=True)
        return 0 if allow_no_workflow else FAILED
    return 0


def _fail(message: str) -> NoReturn:
    typer.echo(f"ameide-determinism: {message}", err=True)
    raise typer.Exit(FAILED)


def main() -> None:
    """Runs the command line."""
    app()


if __name__ == "__main__":
    sys.exit(main())
