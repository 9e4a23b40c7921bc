"""One redrive from its request to its account."""

import asyncio
import uuid
from collections.abc import Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.common import WorkflowIDReusePolicy
from temporalio.service import RPCError

from ameide_process.configuration import (
    DEAD_LETTER,
    IngressConfiguration,
    OutputSettings,
    Problem,
    StartupError,
    TemporalSettings,
    load_ingress_configuration,
)
from ameide_process.connection import TemporalUnreachableError, dial, explain
from ameide_process.contract import ProcessContract
from ameide_process.outputs import open_output
from ameide_process.redrive._account import Account
from ameide_process.redrive._fallback import Fallback
from ameide_process.redrive._judging import Judge
from ameide_process.redrive._kafka import KafkaDeadLetters
from ameide_process.redrive._nats import NatsDeadLetters
from ameide_process.redrive._own_subjects import own_subjects
from ameide_process.redrive._program import Progress, Redrive, Stream
from ameide_process.redrive._selection import Consent, Filter, Rules, Skip
from ameide_process.redrive._stream import DeadLetterSource
from ameide_process.redrive._targets import Targets
from ameide_process.routing import Router

CALL_TIMEOUT = timedelta(seconds=5)
"""For Temporal's answer."""

LATE_AGAIN = {
    WorkflowIDReusePolicy.REJECT_DUPLICATE: "as long as the namespace keeps it, they will be late again; after that "
    "they start the workflow anew",
    WorkflowIDReusePolicy.ALLOW_DUPLICATE: "they start the workflow anew, without what it knew before",
    WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY: "where the workflow completed they will be late again, where it "
    "failed they start it anew",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for."""

    execute: bool
    chosen: Filter
    consent: Consent
    fallback: Fallback
    dead_letters: Collection[str]
    """Names of dead-letter outputs; empty: all that the process has."""
    limit: int | None
    rate: float
    samples: int
    now: datetime


async def redrive(
    router: Router[Any], environ: Mapping[str, str], request: Request, *, progress: Progress, stop: asyncio.Event
) -> Account:
    """Plans, and replays where that is asked for.

    Args:
        router: Of the process.
        environ: What the ingress is told from outside.
        request: What is asked for.
        progress: Told how far it is.
        stop: Asks to end; what was replayed until then is noted.

    Raises:
        StartupError: The configuration is wrong, or the request does not fit it.
        DeadLetterStreamError: A dead-letter stream cannot be read.
    """
    configuration = load_ingress_configuration(router.contract, environ)
    outputs = _outputs(configuration, request)
    account = Account(redrive_id=uuid.uuid4().hex, dry_run=not request.execute)
    histories = await _history_retention(configuration.temporal, request, account)
    subscriptions = {bound.subscription.name: bound for bound in configuration.subscriptions}
    targets = Targets(subscriptions, fallback=request.fallback, taken=await own_subjects(subscriptions))
    rules = Rules(process=router.contract.name, consent=request.consent, now=request.now, histories=histories)
    work = Redrive(
        account,
        _streams(outputs),
        Judge(router, subscriptions, targets, request.chosen, rules),
        targets,
        process=router.contract.name,
        limit=request.limit,
        samples=request.samples,
        rate=request.rate,
        progress=progress,
    )
    async with aclosing(work):
        await work.plan(stop)
        _warn(account, router.contract, targets)
        if request.execute and not account.stopped:
            await work.execute(stop)
    return account


def _outputs(configuration: IngressConfiguration, request: Request) -> dict[str, OutputSettings]:
    """The dead-letter outputs to read.

    Raises:
        StartupError: A name is none.
    """
    names = {bound.dead_letter for bound in configuration.subscriptions if bound.dead_letter} | {DEAD_LETTER}
    known = {name: settings for name, settings in sorted(configuration.outputs.items()) if name in names}
    subscriptions = {bound.subscription.name: bound for bound in configuration.subscriptions}
    unknown = [("--dead-letter", name, known) for name in request.dead_letters if name not in known]
    unknown += [
        ("--subscription", name, subscriptions) for name in request.chosen.subscriptions if name not in subscriptions
    ]
    problems = [Problem(option, name, f"known are: {', '.join(sorted(choice))}") for option, name, choice in unknown]
    problems += request.fallback.problems(subscriptions)
    if problems:
        raise StartupError(problems)
    return {
        name: settings for name, settings in known.items() if not request.dead_letters or name in request.dead_letters
    }


def _streams(outputs: Mapping[str, OutputSettings]) -> list[Stream]:
    streams: dict[str, Stream] = {}
    for name, settings in outputs.items():
        # Two names of one stream are one.
        key = settings.model_dump_json()
        if key not in streams:
            streams[key] = Stream(name, open_dead_letters(name, settings), open_output(name, settings))
    return list(streams.values())


def open_dead_letters(name: str, settings: OutputSettings) -> DeadLetterSource:
    """Makes what reads a dead-letter stream; nothing is connected yet.

    Args:
        name: Name of the output in OUTPUT_CONFIG, for messages to people.
        settings: Its transport.

    Raises:
        OSError: A certificate or the password does not load.
    """
    match settings.kind:
        case "kafka":
            return KafkaDeadLetters(settings, name=name)
        case "nats":
            return NatsDeadLetters(settings, name=name)


async def _history_retention(settings: TemporalSettings, request: Request, account: Account) -> timedelta | None:
    """Asks how long the namespace keeps closed workflows.

    Raises:
        StartupError: It cannot be asked, and nobody has said that it does not matter.
    """
    try:
        client = await dial(settings)
        response = await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=settings.namespace), timeout=CALL_TIMEOUT
        )
    except (RPCError, TemporalUnreachableError) as error:
        why = explain(error, settings) if isinstance(error, RPCError) else str(error)
        if request.execute and not request.consent.expired:
            raise StartupError(
                [
                    Problem(
                        "TEMPORAL_ADDRESS",
                        settings.address,
                        f"{why}; without its word nobody knows how long it keeps closed workflows, and so which dead "
                        "letters are too old: repair that, or say --include-expired",
                    )
                ]
            ) from error
        account.warnings.append(f"{why}; whether dead letters are too old is not known")
        return None
    return response.config.workflow_execution_retention_ttl.ToTimedelta() or None


def _warn(account: Account, contract: ProcessContract, targets: Targets) -> None:
    late = account.by_reason["late", "replay"]
    if late:
        account.warnings.append(f"{late} are late, their workflows were closed: {LATE_AGAIN[contract.reuse_policy]}")
    if account.skipped[Skip.NO_TARGET]:
        account.warnings.append(
            f"{account.skipped[Skip.NO_TARGET]} have no way back: they do not say where they came in, as from the "
            f"worker, nobody reads there any more, or it is HTTP; {targets.why_none()}"
        )
    if doubt := targets.doubt():
        account.warnings.append(doubt)
    if account.foreign_records:
        account.warnings.append(f"{account.foreign_records} records of the stream are no dead letters of ours")
