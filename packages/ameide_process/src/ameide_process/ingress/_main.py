"""The ingress program: what generated code calls."""

import asyncio
import os
import socket
from collections.abc import Mapping
from datetime import timedelta
from typing import NoReturn

import structlog
from temporalio.service import GrpcCompression

from ameide_process.configuration import (
    BoundSubscription,
    HttpSubscription,
    IngressConfiguration,
    KafkaSubscription,
    NatsSubscription,
    OutputSettings,
    load_ingress_configuration,
)
from ameide_process.connection import connect, watched
from ameide_process.contract import EnvelopeT
from ameide_process.ingress._caller import Caller, CallLimits
from ameide_process.ingress._decoding import Decoder
from ameide_process.ingress._engine import Engine
from ameide_process.ingress._kafka import KafkaTransport
from ameide_process.ingress._limits import Limits, events_per_key
from ameide_process.ingress._metrics import IngressMetrics
from ameide_process.ingress._subscription_metrics import SubscriptionMetrics
from ameide_process.ingress._transport import Transport
from ameide_process.ingress.http import EventsPort, HttpTransport
from ameide_process.ingress.nats import NatsTransport
from ameide_process.outputs import DeadLetterPublisher, Publisher, open_output, watched_outputs
from ameide_process.routing import Router
from ameide_process.serving import Check, HttpServer, Readiness, ReadinessCollector
from ameide_process.startup import run_main, unless_stopped
from ameide_process.telemetry import Telemetry
from ameide_process.tracing import open_tracing

QUERY_TIMEOUT = timedelta(seconds=10)
"""For a closed run's answer; a worker replays its history for it."""


def run_ingress(router: Router[EnvelopeT]) -> NoReturn:
    """Runs the ingress of a process until SIGTERM or SIGINT, and ends the interpreter.

    Args:
        router: Of the process.
    """

    async def main(stop: asyncio.Event) -> None:
        await serve_ingress(router, os.environ, stop)

    run_main("ingress", router.contract, main)


async def serve_ingress(router: Router[EnvelopeT], environ: Mapping[str, str], stop: asyncio.Event) -> None:
    """Runs the ingress of a process within a loop, until the event is set.

    Args:
        router: Of the process.
        environ: What it is told from outside.
        stop: Asks to end: finish what is in flight, commit, leave.

    Raises:
        StartupError: It cannot start; everything that is wrong is listed.
    """
    configuration = load_ingress_configuration(router.contract, environ)
    limits = Limits(
        events_per_key=events_per_key(router.contract),
        unacknowledged_seconds=configuration.oldest_unacknowledged_seconds,
        history_bytes=configuration.history_budget.size,
        history_events=configuration.history_budget.events,
    )
    dead_letters = {
        name: DeadLetterPublisher(open_output(name, settings))
        for name, settings in _dead_letters(configuration).items()
    }
    telemetry = Telemetry(configuration.contract)
    tracing = open_tracing(configuration.tracing, configuration.contract, program="ingress")
    readiness = Readiness()
    telemetry.registry.register(ReadinessCollector(readiness))
    temporal_check = readiness.add("temporal")
    metrics = IngressMetrics(telemetry.registry)
    transports = _transports(configuration, metrics, readiness)
    checks = [
        (readiness.add(f"source:{bound.subscription.name}"), readiness.add(f"delivery:{bound.subscription.name}"))
        for bound in configuration.subscriptions
    ]
    outputs: dict[Publisher, Check] = {
        publisher: readiness.add(f"output:{name}") for name, publisher in dead_letters.items()
    }
    try:
        async with (
            HttpServer(
                configuration.http,
                contract=configuration.contract,
                task_queue=configuration.task_queue,
                readiness=readiness,
                metrics=telemetry.render,
            ),
            watched_outputs(outputs),
        ):
            client = await unless_stopped(
                stop,
                connect(
                    configuration.temporal,
                    runtime=telemetry.runtime,
                    identity=f"{configuration.contract.name}-ingress@{socket.gethostname()}",
                    check=temporal_check,
                    # A call here is small and there are many: a tenth of their CPU went into compressing (measured).
                    compression=GrpcCompression.NONE,
                ),
            )
            if client is None:
                return
            calls = Caller(
                client,
                configuration.contract,
                task_queue=configuration.task_queue,
                limits=CallLimits(signal=timedelta(seconds=limits.call_seconds), query=QUERY_TIMEOUT),
                tracing=tracing,
            )
            async with watched(client, configuration.temporal, temporal_check), asyncio.TaskGroup() as engines:
                for bound, transport, (source_check, delivery_check) in zip(
                    configuration.subscriptions, transports, checks, strict=True
                ):
                    name = bound.subscription.name
                    engine = Engine(
                        name=name,
                        router=router,
                        decoder=Decoder(router, bound.settings.format),
                        transport=transport,
                        calls=calls,
                        dead_letters=dead_letters[bound.dead_letter] if bound.dead_letter is not None else None,
                        limits=limits,
                        metrics=SubscriptionMetrics(metrics, name),
                        source_check=source_check,
                        delivery_check=delivery_check,
                        tracing=tracing,
                    )
                    engines.create_task(engine.run(stop))
                structlog.get_logger(__name__).info(
                    "ingress running",
                    subscriptions=[bound.subscription.name for bound in configuration.subscriptions],
                    namespace=configuration.temporal.namespace,
                    task_queue=configuration.task_queue,
                )
    finally:
        for publisher in dead_letters.values():
            await publisher.close()
        await tracing.close()
        await telemetry.close()


def _transports(configuration: IngressConfiguration, metrics: IngressMetrics, readiness: Readiness) -> list[Transport]:
    """Makes the transport of each subscription; those on one port share it."""
    ports: dict[int, EventsPort] = {}

    def port_of(settings: HttpSubscription) -> EventsPort:
        if settings.port not in ports:
            check = readiness.add(f"port:{settings.port}")
            ports[settings.port] = EventsPort(configuration.http.host, settings, metrics=metrics, check=check)
        return ports[settings.port]

    def transport(bound: BoundSubscription) -> Transport:
        settings, name = bound.settings, bound.subscription.name
        match settings:
            case KafkaSubscription():
                return KafkaTransport(settings, group=bound.group, subscription=name)
            case NatsSubscription():
                return NatsTransport(settings, durable=bound.group, subscription=name)
            case HttpSubscription():
                path = settings.path_of(bound.subscription.binding_ref)
                return HttpTransport(settings, path=path, subscription=name, port=port_of(settings), metrics=metrics)

    return [transport(bound) for bound in configuration.subscriptions]


def _dead_letters(configuration: IngressConfiguration) -> dict[str, OutputSettings]:
    names = {bound.dead_letter for bound in configuration.subscriptions if bound.dead_letter is not None}
    return {name: configuration.outputs[name] for name in sorted(names)}
