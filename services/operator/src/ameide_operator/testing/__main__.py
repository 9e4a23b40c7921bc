"""Lets pods become ready where there are no nodes: `python -m ameide_operator.testing NAMESPACE`."""

import asyncio
import signal
from typing import Annotated

import typer
from lightkube import KubeConfig, SingleConfig
from lightkube.core.exceptions import ConfigError

from ameide_operator.testing._fake_kubelet import FakeKubelet


def serve(namespace: Annotated[str, typer.Argument(help="Whose pods become ready.")] = "default") -> None:
    """Let the pods that the operator makes become ready, until Ctrl-C.

    What somebody else writes into the status of a pod stays: kubectl patch pod POD --subresource=status.
    """
    try:
        config = KubeConfig.from_env().get()
    except ConfigError as error:
        typer.echo(f"{error}; set KUBECONFIG", err=True)
        raise typer.Exit(1) from error
    if config is None:
        typer.echo("no kubeconfig is there; set KUBECONFIG", err=True)
        raise typer.Exit(1)
    asyncio.run(_until_signal(config, namespace))


async def _until_signal(config: SingleConfig, namespace: str) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with FakeKubelet(config, namespace):
        typer.echo(f"# pods of namespace {namespace} become ready; Ctrl-C ends it")
        await ended.wait()


if __name__ == "__main__":
    typer.run(serve)
