"""`ameide-operator`: runs the operator, or prints its CRD."""

import asyncio
import signal
from typing import Final

import httpx2
import typer
from lightkube.core.exceptions import ConfigError
from pydantic import ValidationError

from ameide_operator.crd import process_crd_yaml
from ameide_operator.logs import configure_logging
from ameide_operator.operator import Operator
from ameide_operator.serving import ListenError
from ameide_operator.settings import Settings

_HELP: Final = "Deploys Process resources: worker and ingress of a Temporal process, and what they need."
_EPILOG: Final = (
    "Settings: AMEIDE_OPERATOR_NAMESPACE, _WORKERS, _RESYNC_SECONDS, _MONITOR_SECONDS, _HTTP_HOST, _HTTP_PORT, "
    "_LOG_LEVEL. Exit codes: 0 ended by Ctrl-C or SIGTERM; 1 the Kubernetes API cannot be used, or the port is taken; "
    "2 wrong usage or settings."
)
_WRONG_USAGE: Final = 2

app = typer.Typer(no_args_is_help=True, add_completion=False, help=_HELP, pretty_exceptions_enable=False)


def main() -> None:
    """Run the command line."""
    app()


@app.command()
def crd() -> None:
    """Print the CustomResourceDefinition, for kubectl apply --server-side -f -."""
    typer.echo(process_crd_yaml(), nl=False)


@app.command(epilog=_EPILOG)
def run() -> None:
    """Run the operator, in a pod or with the kubeconfig that kubectl would take, until Ctrl-C or SIGTERM."""
    try:
        settings = Settings()
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            name = f"AMEIDE_OPERATOR_{str(problem['loc'][0]).upper()}"
            typer.echo(f"ameide-operator: {name} {problem['input']!r}: {problem['msg']}", err=True)
        raise typer.Exit(_WRONG_USAGE) from error
    configure_logging(settings.log_level)
    try:
        asyncio.run(_until_signal(settings))
    except ConfigError as error:
        typer.echo(f"ameide-operator: {error}; set KUBECONFIG, or run in a pod", err=True)
        raise typer.Exit(1) from error
    except ListenError as error:
        typer.echo(f"ameide-operator: {error}; set AMEIDE_OPERATOR_HTTP_PORT", err=True)
        raise typer.Exit(1) from error
    except httpx2.HTTPError as error:
        typer.echo(f"ameide-operator: the Kubernetes API cannot be used: {error}", err=True)
        raise typer.Exit(1) from error


async def _until_signal(settings: Settings) -> None:
    operator = Operator(
        namespace=settings.namespace,
        workers=settings.workers,
        resync_seconds=settings.resync_seconds,
        monitor_seconds=settings.monitor_seconds,
        http=(settings.http_host, settings.http_port),
    )
    running = asyncio.create_task(operator.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        typer.echo("# ended", err=True)


if __name__ == "__main__":
    main()
