"""Command line of the gates: `ameide-guardrails --help`."""

import subprocess
import sys
import tempfile
from pathlib import Path

import typer

from ameide_guardrails import generated_roots, import_directions
from ameide_guardrails.workspace import root_of

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
    """Check that generators write into generated-only roots."""
    found = generated_roots.violations(root_of(Path.cwd()))
    for violation in found:
        typer.echo(violation, err=True)
    if found:
        raise typer.Exit(1)
    typer.echo("generators write into generated-only roots")


def main() -> None:
    """Runs the command line."""
    app()


if __name__ == "__main__":
    main()
