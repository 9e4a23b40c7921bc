"""`ameide-devstack`: a real server in the foreground, until Ctrl-C."""

import asyncio
import shlex
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Protocol, Self, TypeVar

import typer
from aiokafka.errors import KafkaError, TopicAlreadyExistsError  # pyright: ignore[reportMissingTypeStubs] # ships none
from nats.errors import Error as NatsError

from ameide_devstack._apache_kafka import APACHE_KAFKA_BUILD, ApacheKafka
from ameide_devstack._build_cache import built
from ameide_devstack._embedded_kafka import EmbeddedKafka
from ameide_devstack._errors import DevstackError
from ameide_devstack._helm import HELM_BUILD
from ameide_devstack._kafka_broker import KafkaBroker
from ameide_devstack._kubernetes import Kubernetes
from ameide_devstack._kubernetes_binaries import KUBERNETES_BUILDS, kubernetes_binary
from ameide_devstack._nats_server import NatsServer
from ameide_devstack._temporal_dev_server import TemporalDevServer
from ameide_devstack._temporal_server import TEMPORAL_SERVER_BUILD, TemporalServer
from ameide_devstack._temporal_server_config import TemporalSecurity


class _Foreground(Protocol):
    """What a command keeps running: a server, or several that are of use only together."""

    name: str

    @property
    def pid(self) -> int: ...
    @property
    def log_path(self) -> Path: ...
    async def wait_for_exit(self) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...


_ServerT = TypeVar("_ServerT", bound=_Foreground)
_EPILOG: Final = (
    "Exit codes: 0 ended by Ctrl-C or SIGTERM; 1 the server could not start, or ended by itself; 2 wrong usage."
)
_BUILD_EPILOG: Final = "Exit codes: 0 all is there; 1 a build failed; 2 wrong usage."
_HELP: Final = "Starts real servers, each in the foreground until Ctrl-C, and prints their addresses."

_DataDir = Annotated[
    Path | None,
    typer.Option(file_okay=False, help="Folder for data and log, kept. Without it, a temporary one, deleted."),
]
_Topics = Annotated[
    list[str] | None,
    typer.Option("--topic", metavar="NAME[:PARTITIONS]", help="Topic to create; give it again for more."),
]
_Streams = Annotated[
    list[str] | None,
    typer.Option("--stream", metavar="NAME=SUBJECT[,SUBJECT]", help="Stream to create; give it again for more."),
]
_FrontendPort = Annotated[int, typer.Option(min=0, max=65535, help="Port of the gRPC frontend; 0 takes a free one.")]
_KafkaPort = Annotated[int, typer.Option(min=0, max=65535, help="Port of the broker; 0 takes a free one.")]

app = typer.Typer(no_args_is_help=True, add_completion=False, help=_HELP, pretty_exceptions_enable=False)


def main() -> None:
    """Run the command line."""
    app()


@app.command(epilog=_EPILOG)
def temporal(
    *,
    port: _FrontendPort = 7233,
    ui: Annotated[bool, typer.Option(help="Serve the web UI.")] = True,
    ui_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the web UI; 0 takes a free one.")] = 8233,
    namespace: Annotated[str, typer.Option(help="Namespace to register.")] = "default",
    db_filename: Annotated[
        Path | None, typer.Option(dir_okay=False, help="SQLite file that keeps all state. Without it, state is lost.")
    ] = None,
) -> None:
    """Start the Temporal dev server."""

    async def announce(server: TemporalDevServer) -> None:
        _print_variables(server.environment())
        if ui:
            typer.echo(f"# web UI: {server.ui_address}")

    database = None if db_filename is None else db_filename.absolute()
    _serve(
        lambda: TemporalDevServer(
            namespace=namespace, ui=ui, port=port or None, ui_port=ui_port or None, db_filename=database
        ),
        announce,
    )


@app.command(epilog=_EPILOG)
def temporal_server(
    *,
    security: Annotated[
        TemporalSecurity, typer.Option(help="What a client needs to be let in.")
    ] = TemporalSecurity.MUTUAL_TLS_AND_TOKEN,
    port: _FrontendPort = 7233,
    namespace: Annotated[
        list[str] | None, typer.Option(help="Namespace to register; give it again for more.", show_default="default")
    ] = None,
    data_dir: _DataDir = None,
) -> None:
    """Start the full Temporal server, built on first use, and print the variables that let a client in."""
    first, *more = namespace or ["default"]

    async def announce(server: TemporalServer) -> None:
        _print_variables(server.environment())

    _serve(
        lambda: TemporalServer(
            security=security, namespace=first, more_namespaces=more, port=port or None, data_dir=data_dir
        ),
        announce,
    )


@app.command(epilog=_EPILOG)
def kafka(*, port: _KafkaPort = 9092, topics: _Topics = None) -> None:
    """Start the embedded Kafka-compatible broker; it forgets all in the end."""
    _serve(lambda: EmbeddedKafka(port=port or None), _kafka_announcement(topics))


@app.command(epilog=_EPILOG)
def apache_kafka(*, port: _KafkaPort = 9092, topics: _Topics = None, data_dir: _DataDir = None) -> None:
    """Start Apache Kafka, downloaded on first use; needs Java 17."""
    _serve(lambda: ApacheKafka(port=port or None, data_dir=data_dir), _kafka_announcement(topics))


@app.command(epilog=_EPILOG)
def nats(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of clients; 0 takes a free one.")] = 4222,
    streams: _Streams = None,
    data_dir: _DataDir = None,
) -> None:
    """Start NATS with JetStream."""
    wanted = [_stream(text) for text in streams or ()]

    async def announce(server: NatsServer) -> None:
        for name, subjects in wanted:
            await server.create_stream(name, subjects)
        typer.echo(f"NATS_URL=nats://{server.address}")

    _serve(lambda: NatsServer(port=port or None, data_dir=data_dir), announce)


@app.command(epilog=_EPILOG)
def kubernetes(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the API; 0 takes a free one.")] = 6443,
    data_dir: _DataDir = None,
) -> None:
    """Start a Kubernetes API server with etcd and controllers, built on first use; there are no nodes to run pods."""

    async def announce(server: Kubernetes) -> None:
        _print_variables(server.environment())

    _serve(lambda: Kubernetes(port=port or None, data_dir=data_dir), announce)


@app.command(epilog=_BUILD_EPILOG)
def build() -> None:
    """Download and build what is not there yet, so that later starts take seconds; needs Maven and Go."""

    async def build_all() -> None:
        for wanted in (APACHE_KAFKA_BUILD, TEMPORAL_SERVER_BUILD, HELM_BUILD):
            typer.echo(f"{wanted.name}: {await built(wanted)}")
        for binary, wanted in KUBERNETES_BUILDS.items():
            typer.echo(f"{wanted.name}: {(await kubernetes_binary(binary)).parent}")

    _run(build_all())


def _kafka_announcement(topics: list[str] | None) -> Callable[[KafkaBroker], Awaitable[None]]:
    """Read the topics now, so that a wrong one is reported before anything starts."""
    wanted = [_topic(text) for text in topics or ()]

    async def announce(server: KafkaBroker) -> None:
        for name, partitions in wanted:
            try:
                await server.create_topic(name, partitions=partitions)
            except TopicAlreadyExistsError:
                typer.echo(f"# topic {name} is there already; its partitions stay as they are")
        typer.echo(f"KAFKA_BOOTSTRAP_SERVERS={server.bootstrap_servers}")

    return announce


def _topic(text: str) -> tuple[str, int]:
    name, colon, partitions = text.partition(":")
    if not name or (colon and not (partitions.isdecimal() and int(partitions) > 0)):
        msg = f"{text!r} is not NAME or NAME:PARTITIONS; write for example orders:8"
        raise typer.BadParameter(msg, param_hint="--topic")
    return name, int(partitions or 1)


def _stream(text: str) -> tuple[str, list[str]]:
    name, _, subjects = text.partition("=")
    if not name or not all(subjects.split(",")):
        msg = f"{text!r} is not NAME=SUBJECT[,SUBJECT]; write for example orders=orders.>"
        raise typer.BadParameter(msg, param_hint="--stream")
    return name, subjects.split(",")


def _print_variables(variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def _serve(make: Callable[[], _ServerT], announce: Callable[[_ServerT], Awaitable[None]]) -> None:
    async def serve() -> None:
        async with make() as server:
            await announce(server)
            typer.echo(f"# {server.name} is ready, process {server.pid}, log {server.log_path}; Ctrl-C ends it")
            await server.wait_for_exit()

    _run(serve())


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end, or until a signal asks to end, which is no failure."""

    async def until_signal() -> None:
        task = asyncio.create_task(work)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            typer.echo("# ended", err=True)

    try:
        asyncio.run(until_signal())
    except (DevstackError, KafkaError, NatsError) as error:
        typer.echo(f"ameide-devstack: {error}", err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    main()
