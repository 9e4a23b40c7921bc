"""The demo of order fulfilment: real servers, real programs, a committed sample of events, a checked summary.

Starts Temporal's dev server and a Kafka-compatible broker, the generated worker and ingress as programs of their own,
publishes the sample, shows the orders as they move, and compares what came out with what the sample must give.
"""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Annotated

import psutil
import typer
from ameide_devstack import DevstackError, EmbeddedKafka, Program, TemporalDevServer
from ameide_process.converter import DATA_CONVERTER
from observation import Observation, observe_open, observe_phases, observe_summary
from order_fulfillment_generated.contract import CONTRACT, PROCESS_NAME
from orders_table import MAXIMUM_ROWS, orders_table
from publishing import publish, publish_late
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text
from sample_events import SAMPLE, Order, SampleError, Summary, expected, load
from temporalio.client import Client
from temporalio.service import RPCError

EVENTS_TOPIC = "orders-facts"
DEAD_LETTER_TOPIC = "order-fulfillment.dead-letter"
PARTITIONS = 4

REFRESH_SECONDS = 0.25

USAGE_EXIT_CODE = 2
"""As of wrong options: what was asked for cannot be run."""

console = Console()
app = typer.Typer(add_completion=False)


class StalledError(Exception):
    """Orders have not moved for a while; the message names them and the state that each is in."""

    def __init__(self, stalled: list[tuple[Order, str]], patience: float) -> None:
        lines = [f"  {order.order_id}  {order.story}: {state}" for order, state in stalled[:MAXIMUM_ROWS]]
        if len(stalled) > MAXIMUM_ROWS:
            lines.append(f"  … and {len(stalled) - MAXIMUM_ROWS} more")
        count = "1 order has" if len(stalled) == 1 else f"{len(stalled)} orders have"
        super().__init__("\n".join([f"{count} not ended, and nothing has moved for {patience:g} s:", *lines]))


@app.command()
def main(
    orders: Annotated[int, typer.Option(min=1, help="How many orders; those of the sample are repeated.")] = 32,
    keep: Annotated[bool, typer.Option("--keep", help="Stay up afterwards, until Ctrl-C.")] = False,
    sample: Annotated[
        Path, typer.Option(help="The orders, one a line, in JSON.", show_default="the committed")
    ] = SAMPLE,
    patience: Annotated[float, typer.Option(min=1, help="Seconds without any change before the demo gives up.")] = 60,
) -> None:
    """Run order fulfilment from event to result, on servers that this command starts and stops.

    Exits 0 when every order came to the end that the sample says, 1 when not, 2 for wrong options or a wrong sample.
    """
    try:
        passed = asyncio.run(_demo(load(orders, sample), keep=keep, patience=patience))
    except SampleError as error:
        _say_error("the sample is wrong", error)
        raise typer.Exit(USAGE_EXIT_CODE) from None
    except (DevstackError, RPCError, StalledError) as error:
        _say_error("the demo cannot go on", error)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    raise typer.Exit(0 if passed else 1)


def _say_error(what: str, error: Exception) -> None:
    console.print(f"[bold red]{what}:[/]", Text(str(error)), highlight=False, soft_wrap=True)


async def _demo(orders: list[Order], *, keep: bool, patience: float) -> bool:
    with tempfile.TemporaryDirectory(prefix="ameide-demo-") as folder:
        console.print("starting Temporal and a Kafka-compatible broker …")
        async with TemporalDevServer(ui=True) as temporal, EmbeddedKafka() as kafka:
            ui = f"{temporal.ui_address}/namespaces/{temporal.namespace}/workflows"
            console.print(f"Temporal UI, while this runs: {ui}", soft_wrap=True)
            await kafka.create_topic(EVENTS_TOPIC, partitions=PARTITIONS)
            await kafka.create_topic(DEAD_LETTER_TOPIC)
            environment = temporal.environment() | _configuration(Path(folder), kafka.bootstrap_servers)
            console.print("starting worker and ingress …")
            worker = Program("order_fulfillment_generated.worker", environment)
            ingress = Program("order_fulfillment_generated.ingress", environment)
            try:
                await asyncio.gather(worker.start(), ingress.start())
                client = await temporal.connect(data_converter=DATA_CONVERTER)
                passed = await _run(orders, client, kafka, worker, ingress, patience=patience)
                if keep:
                    console.print(f"staying up; Ctrl-C stops everything; Temporal UI: {ui}", soft_wrap=True)
                    await asyncio.Event().wait()
            finally:
                await asyncio.gather(worker.close(), ingress.close())
            return passed


def _configuration(folder: Path, bootstrap_servers: str) -> dict[str, str]:
    """Writes the files that bind the contract's logical names, and names them."""
    broker = {"kind": "kafka", "bootstrapServers": bootstrap_servers}
    # The embedded broker lets a group wait for half of the session timeout before it assigns partitions.
    source = broker | {"topic": EVENTS_TOPIC, "sessionTimeoutSeconds": 2}
    bindings = {subscription.binding_ref: source for subscription in CONTRACT.subscriptions}
    outputs = {"dead-letter": broker | {"topic": DEAD_LETTER_TOPIC}}
    files = {"INGRESS_CONFIG": bindings, "OUTPUT_CONFIG": outputs}
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    return {name: str(folder / name) for name in files} | {"PROCESS_NAME": PROCESS_NAME}


async def _run(
    orders: list[Order], client: Client, kafka: EmbeddedKafka, worker: Program, ingress: Program, *, patience: float
) -> bool:
    publishing = asyncio.create_task(publish(orders, kafka.bootstrap_servers, EVENTS_TOPIC))
    try:
        await _show_until_closed(orders, client, patience)
        await publishing
    finally:
        publishing.cancel()
    await publish_late(orders, kafka.bootstrap_servers, EVENTS_TOPIC)
    console.print()
    wanted = expected(orders)
    seen = await _settled(wanted, orders, client, kafka, ingress)
    console.print(_comparison(wanted, seen))
    console.print(f"{_footprint(worker)}; {_footprint(ingress)}")
    if seen != wanted:
        console.print("[bold red]the run differs from what the sample must give[/]")
    else:
        console.print(f"[bold green]{len(orders)} orders came to their end, as the sample demands[/]")
    return seen == wanted


async def _show_until_closed(orders: list[Order], client: Client, patience: float) -> None:
    """Shows the table until every order has ended.

    Raises:
        StalledError: Nothing moved for `patience` seconds.
    """
    last = Observation(phases={}, closed=0)
    changed_at = asyncio.get_running_loop().time()
    with Live(console=console, refresh_per_second=8, vertical_overflow="crop") as live:
        while True:
            seen = await observe_phases(orders, client)
            live.update(orders_table(orders, seen.phases, f"{seen.closed} of {len(orders)} orders have ended"))
            if seen.closed == len(orders):
                return
            now = asyncio.get_running_loop().time()
            if seen != last:
                last, changed_at = seen, now
            elif now - changed_at > patience:
                raise StalledError(await observe_open(orders, client), patience)
            await asyncio.sleep(REFRESH_SECONDS)


async def _settled(
    wanted: Summary, orders: list[Order], client: Client, kafka: EmbeddedKafka, ingress: Program
) -> Summary:
    """The summary, once it is what is wanted or has not changed for a while."""
    last: Summary | None = None
    unchanged = 0
    while True:
        seen = await observe_summary(orders, client, kafka.bootstrap_servers, DEAD_LETTER_TOPIC, ingress)
        unchanged = unchanged + 1 if seen == last else 0
        if seen == wanted or unchanged >= 10:
            return seen
        last = seen
        await asyncio.sleep(0.5)


def _comparison(wanted: Summary, seen: Summary) -> Table:
    table = Table(title="summary", title_justify="left")
    for column in ("", "expected", "seen"):
        table.add_column(column, no_wrap=True)
    rows = [
        ("messages delivered", wanted.delivered, seen.delivered),
        ("duplicates dropped", wanted.duplicates, seen.duplicates),
    ]
    for label, left, right in (
        ("dead-lettered: {}", wanted.dead_letters, seen.dead_letters),
        ("workflows: {}", wanted.outcomes, seen.outcomes),
    ):
        rows += [
            (label.format(name.removeprefix("ORDER_OUTCOME_").lower()), left.get(name, 0), right.get(name, 0))
            for name in sorted(left | right)
        ]
    for label, want, see in rows:
        table.add_row(label, str(want), str(see), style="" if want == see else "bold red")
    return table


def _footprint(program: Program) -> str:
    resident = psutil.Process(program.pid).memory_info().rss / 1e6
    return f"{program.name} ready in {program.start_seconds:.1f} s, {resident:.0f} MB resident"


if __name__ == "__main__":
    app(prog_name="uvx nox -s demo --")
