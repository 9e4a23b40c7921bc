"""`ameide-operator`: runs the operator, or prints its CRD."""

from typing import Final

import typer

from ameide_operator.crd import process_crd_yaml

_HELP: Final = "Deploys Process resources: worker and ingress of a Temporal process, and what they need."

app = typer.Typer(no_args_is_help=True, add_completion=False, help=_HELP, pretty_exceptions_enable=False)


def main() -> None:
    """Run the command line."""
    app()


@app.callback()
def _commands() -> None:
    """Makes `crd` a command of its own while it is the only one."""


@app.command()
def crd() -> None:
    """Print the CustomResourceDefinition, for kubectl apply --server-side -f -."""
    typer.echo(process_crd_yaml(), nl=False)


if __name__ == "__main__":
    main()
