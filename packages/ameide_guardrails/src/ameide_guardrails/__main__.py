"""Command line of the gates: `ameide-guardrails --help`."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from ameide_process import replay

from ameide_guardrails import (
    generated_roots,
    import_directions,
    recording,
    retired_versioning,
    scaffold_markers,
    versioning,
)
from ameide_guardrails.contract import ContractFileError
from ameide_guardrails.workspace import generated_folders, person_folder, processes, root_of

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)


@app.command()
def imports() -> None:
    """Check which package imports which."""
    root = root_of(Path.cwd())
    with tempfile.TemporaryDirectory() as folder:
        contract = Path(folder) / "importlinter.ini"
        import_directions.write_contract(root, contract)
        lint_imports = Path(sys.executable).with_name("lint-imports")
        command = [str(lint_imports), "--config", str(contract), "--no-cache"]
        raise typer.Exit(subprocess.run(command, check=False, cwd=root).returncode)  # noqa: S603 -- our own command


@app.command()
def outputs() -> None:
    """Check that generators write into generated-only roots, and nobody else does."""
    root = root_of(Path.cwd())
    _report([*generated_roots.violations(root), *generated_roots.files_by_hand(root)])
    typer.echo("generators write into generated-only roots")


@app.command()
def committed() -> None:
    """Check that what is generated now is what is committed; run the generators before."""
    _report(generated_roots.uncommitted(root_of(Path.cwd())))
    typer.echo("generated files are what is committed")


@app.command()
def sources() -> None:
    """Check that no mark of the scaffold is left and that Temporal's retired versioning is not used."""
    root = root_of(Path.cwd())
    _report([*scaffold_markers.violations(root), *retired_versioning.violations(root)])
    typer.echo("nothing is left of the scaffold, and no retired versioning is used")


@app.command()
def versions() -> None:
    """Check every process against its released contract."""
    root = root_of(Path.cwd())
    found = versioning.lost_locks(root)
    for generated in generated_folders(root):
        person = person_folder(generated)
        if not versioning.is_released(person):
            typer.echo(
                f"{generated.name}: unreleased; `uvx nox -s release-contract -- {generated.name}` locks its contract"
            )
            continue
        found += _contract_violations(generated, person)
    gone = versioning.locked_processes(root) - {generated.name for generated in generated_folders(root)}
    found += [f"{name}: released, and no longer declared by any proto; restore its proto file" for name in sorted(gone)]
    _report(found)
    typer.echo("contracts keep what was released")


@app.command()
def release(
    names: Annotated[list[str] | None, typer.Argument(help="Processes; all when none is named.")] = None,
) -> None:
    """Lock present contracts as released, unless they break the released ones."""
    root = root_of(Path.cwd())
    folders = {generated.name: generated for generated in generated_folders(root)}
    unknown = sorted(set(names or ()) - folders.keys())
    if unknown:
        typer.echo(f"no process is named {', '.join(map(repr, unknown))}; there are {', '.join(folders)}", err=True)
        raise typer.Exit(2)
    chosen = [folders[name] for name in names] if names else list(folders.values())
    _report([line for generated in chosen for line in _contract_violations(generated, person_folder(generated))])
    for generated in chosen:
        versioning.lock(generated, person_folder(generated))
        typer.echo(f"{generated.name}: contract {versioning.version(generated)} is the released one")


@app.command()
def record(
    name: Annotated[str, typer.Argument(help="The process, in kebab-case.")],
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(help="Scenarios to record; those without a history when none is named."),
    ] = None,
    exports: Annotated[
        list[Path] | None,
        typer.Option("--from", help="Store what `temporal workflow show --output json` printed; every run of a chain."),
    ] = None,
    approve: Annotated[
        bool, typer.Option("--approve", help="Store what today's code does otherwise than histories say, for review.")
    ] = False,
) -> None:
    """Store histories that later code must replay, or approve what it does otherwise."""
    members = {member.name: member for member in processes(root_of(Path.cwd()))}
    if name not in members:
        typer.echo(f"no process is named {name!r}; there are {', '.join(members)}", err=True)
        raise typer.Exit(2)
    try:
        process = recording.recorded_process(members[name])
        if approve:
            _approve(process)
        elif exports:
            _say_stored(recording.take_over(process, exports))
        else:
            _record(process, scenarios or [])
    except recording.StoreError as error:
        _report([str(error)])


def _approve(process: recording.RecordedProcess) -> None:
    report = process.check()
    for path in replay.approve(report):
        typer.echo(f"{path}: {'changed; a reviewer sees it in the diff' if path.exists() else 'dropped'}")
    remaining = process.check() if not report.passed else report
    _report([] if remaining.passed else [str(remaining)])
    typer.echo("every history replays as it was recorded or approved")


def _record(process: recording.RecordedProcess, wanted: list[str]) -> None:
    scenarios = process.scenarios()
    unknown = [name for name in wanted if name not in scenarios]
    if unknown:
        known = ", ".join(scenarios)
        typer.echo(f"no scenario is named {', '.join(map(repr, unknown))}; there are {known}", err=True)
        raise typer.Exit(2)
    missing = [name for name in scenarios if not recording.is_stored(process.folder, name)]
    if not wanted and not missing:
        typer.echo(f"every scenario has a history; name one to record it anew: {', '.join(scenarios)}")
    files: dict[str, str] = {}
    for name in wanted or missing:
        typer.echo(f"{name}: recording …")
        files |= recording.record(process, name, scenarios[name])
    if files:
        typer.echo("replaying what was recorded under every hash seed …")
        _say_stored(recording.store(process, files))


def _say_stored(paths: list[Path]) -> None:
    for path in paths:
        typer.echo(f"{path}: stored; commit it")


def _contract_violations(generated: Path, person: Path) -> list[str]:
    try:
        return versioning.violations(generated, person)
    except ContractFileError as error:
        return [str(error)]


def _report(found: list[str]) -> None:
    for violation in found:
        typer.echo(violation, err=True)
    if found:
        raise typer.Exit(1)


def main() -> None:
    """Runs the command line."""
    app()


if __name__ == "__main__":
    main()
