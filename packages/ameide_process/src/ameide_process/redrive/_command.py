"""The command line of redrive; generated code calls it with the router of its process."""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, NoReturn

import structlog
import typer
from rich.console import Console
from rich.progress import Progress as ProgressBar
from rich.progress import TaskID

from ameide_process.configuration import StartupError
from ameide_process.redrive._account import Account
from ameide_process.redrive._fallback import Fallback
from ameide_process.redrive._program import INTERRUPTED, Progress
from ameide_process.redrive._report import print_account
from ameide_process.redrive._run import Request, redrive
from ameide_process.redrive._selection import Consent, Filter, read_time
from ameide_process.redrive._stream import DeadLetterStreamError
from ameide_process.routing import Router

INTERRUPTED_EXIT_CODE = 130
"""As shells say it of SIGINT."""


class Format(Enum):
    """How the result is printed."""

    TABLE = "table"
    JSON = "json"


def run_redrive(router: Router[Any]) -> NoReturn:
    """Runs the command `<process>-redrive` with the arguments of this program, and exits.

    Exit codes: 0 done, a dry run included; 1 something failed or is left; 2 wrong arguments or configuration; 130
    interrupted.

    Args:
        router: Of the process.
    """
    redrive_app(router, os.environ)()
    sys.exit(0)


def redrive_app(router: Router[Any], environ: Mapping[str, str]) -> typer.Typer:
    """Makes the command.

    Args:
        router: Of the process.
        environ: What it is told from outside: that of the ingress.
    """
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    name = router.contract.name

    @app.command(
        name=f"{name}-redrive",
        help=f"Replay dead letters of {name}: send them back to where they came from, so that the ingress takes them "
        "again. A dry run, unless told otherwise by --execute.\n\n"
        "It reads the environment of the ingress: INGRESS_CONFIG, OUTPUT_CONFIG and TEMPORAL_*; run it there, for "
        f"example by kubectl exec deploy/{name}-ingress -- {name}-redrive. Other readers of a source get a replayed "
        "message too, and can tell it by its header redrive-id. Replaying twice is safe within the dedupe window.",
    )
    def command(
        *,
        execute: Annotated[bool, typer.Option("--execute", help="Replay; without it, only say what would be.")] = False,
        reason: Annotated[list[str] | None, typer.Option(help="Only of this reason; may be repeated.")] = None,
        subscription: Annotated[list[str] | None, typer.Option(help="Only of this subscription; repeatable.")] = None,
        source: Annotated[str, typer.Option(help="Only from this topic, stream or path.")] = "",
        partition: Annotated[int | None, typer.Option(help="Only from this partition of the source.")] = None,
        from_position: Annotated[
            int | None, typer.Option(help="Only from this offset or sequence number of the source on.")
        ] = None,
        to_position: Annotated[int | None, typer.Option(help="Only up to this one, itself included.")] = None,
        since: Annotated[
            str, typer.Option(help="Only what the source took then or later: 2026-01-31T12:00, or ago: 90m, 2h, 3d.")
        ] = "",
        until: Annotated[str, typer.Option(help="Only what the source took before then; as --since.")] = "",
        workflow_id: Annotated[list[str] | None, typer.Option(help="Only of this workflow id; repeatable.")] = None,
        event_key: Annotated[list[str] | None, typer.Option(help="Only with this idempotency key; repeatable.")] = None,
        dead_letter: Annotated[
            list[str] | None, typer.Option(help="Only from this dead-letter output of OUTPUT_CONFIG; repeatable.")
        ] = None,
        to: Annotated[
            str,
            typer.Option(
                help="Subscription for those without a way back: from the worker, which does not know it, or HTTP. It "
                "must read Kafka or NATS; what only HTTP takes is to be sent again by its producer."
            ),
        ] = "",
        to_source: Annotated[
            str,
            typer.Option(
                help="Topic or subject for those without a way back, where their subscription reads several. A subject "
                "that the server maps to partitions is named as it is before that."
            ),
        ] = "",
        include_late: Annotated[
            bool, typer.Option("--include-late", help="Replay late ones too, whose workflow was closed.")
        ] = False,
        include_expired: Annotated[
            bool,
            typer.Option(
                "--include-expired",
                help="Replay older ones too than the namespace keeps closed workflows: one of a workflow that was "
                "closed and forgotten starts it anew.",
            ),
        ] = False,
        include_failing: Annotated[
            bool, typer.Option("--include-failing", help="Replay what this version cannot read either.")
        ] = False,
        include_redriven: Annotated[
            bool, typer.Option("--include-redriven", help="Replay what an earlier redrive replayed.")
        ] = False,
        max_redrives: Annotated[
            int, typer.Option(min=1, help="Leave a message that came back from as many redrives.")
        ] = 3,
        limit: Annotated[int | None, typer.Option(min=1, help="Replay so many at most.")] = None,
        rate: Annotated[float, typer.Option(min=0.1, help="Replay so many a second at most.")] = 200.0,
        samples: Annotated[int, typer.Option(min=0, help="Show so many of each reason.")] = 3,
        output: Annotated[Format, typer.Option(help="How to print the result.")] = Format.TABLE,
    ) -> None:
        _quiet()
        now = datetime.now(UTC)
        try:
            chosen = Filter(
                reasons=reason or (),
                subscriptions=subscription or (),
                source=source,
                partition=partition,
                from_position=from_position,
                to_position=to_position,
                since=read_time(since, now) if since else None,
                until=read_time(until, now) if until else None,
                workflow_ids=workflow_id or (),
                event_keys=event_key or (),
            )
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
        request = Request(
            execute=execute,
            chosen=chosen,
            consent=Consent(
                late=include_late,
                expired=include_expired,
                failing=include_failing,
                redriven=include_redriven,
                maximum_redrives=max_redrives,
            ),
            fallback=Fallback(to, to_source),
            dead_letters=dead_letter or (),
            limit=limit,
            rate=rate,
            samples=samples,
            now=now,
        )
        account = _run(router, environ, request)
        if output is Format.JSON:
            typer.echo(json.dumps(account.to_json(), indent=2))
        else:
            print_account(account, Console(), now)
        raise typer.Exit(INTERRUPTED_EXIT_CODE if account.stopped == INTERRUPTED else account.exit_code)

    del command
    return app


def _run(router: Router[Any], environ: Mapping[str, str], request: Request) -> Account:
    console = Console(stderr=True)
    try:
        # A terminal sees a bar; a file or a pipe sees nothing of it.
        with ProgressBar(console=console, transient=True, disable=not console.is_terminal) as bar:
            tasks: dict[str, TaskID] = {}

            def progress(what: str, done: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = bar.add_task(what, total=total)
                bar.update(tasks[what], completed=done, total=total)

            return asyncio.run(_interruptible(router, environ, request, progress))
    except StartupError as error:
        typer.echo(error.render(f"{router.contract.name} redrive"), err=True)
        raise typer.Exit(error.exit_code) from error
    except DeadLetterStreamError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


async def _interruptible(
    router: Router[Any], environ: Mapping[str, str], request: Request, progress: Progress
) -> Account:
    """Redrives; SIGINT and SIGTERM end it after the chunk that is on its way, which is noted."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return await redrive(router, environ, request, progress=progress, stop=stop)


def _quiet() -> None:
    """Leaves stdout to the result; what libraries complain of is said by our own errors."""
    logging.basicConfig(stream=sys.stderr, level=logging.CRITICAL)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
