"""The worker main that generated code calls."""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import NoReturn

import structlog
from temporalio.client import Client

from ameide_process.configuration import (
    DEAD_LETTER,
    PROGRESS,
    ContractMismatchError,
    Problem,
    StartupError,
    WorkerConfiguration,
    load_worker_configuration,
)
from ameide_process.connection import connect, watched
from ameide_process.contract import ProcessContract
from ameide_process.outputs import DeadLetterPublisher, FactPublisher, Publisher, open_output, watched_outputs
from ameide_process.serving import HttpServer, Readiness, ReadinessCollector
from ameide_process.startup import run_main, unless_stopped
from ameide_process.telemetry import Telemetry
from ameide_process.tracing import open_tracing
from ameide_process.worker._create import create_worker
from ameide_process.worker._dead_letters import DeadLetterWriter
from ameide_process.worker._facts import FactWriter
from ameide_process.worker._parts import load_parts
from ameide_process.worker._polling import watch_polling
from ameide_process.worker_parts import WorkerParts
from ameide_process.workflow import announce_events

GRACEFUL_STOP = timedelta(seconds=20)
"""What running activities get to end at a stop; Kubernetes kills 30 s after SIGTERM by default."""

RESTART_INITIAL = 1.0
RESTART_MAXIMUM = 8.0
"""Seconds between a worker that Temporal refused, for want of its namespace for example, and the next try."""

_log = structlog.get_logger(__name__)


def run_worker(contract: ProcessContract, parts: Callable[[], WorkerParts]) -> NoReturn:
    """Runs the worker of a process until SIGTERM or SIGINT, then ends the program.

    Args:
        contract: The process.
        parts: Imports the impl; called once, so that what is missing there is part of the one start-up error.
    """

    async def main(stop: asyncio.Event) -> None:
        configuration, loaded = _load(contract, parts, os.environ)
        await _WorkerProgram(configuration, loaded).run(stop)

    run_main("worker", contract, main)


def _load(
    contract: ProcessContract, parts: Callable[[], WorkerParts], environ: Mapping[str, str]
) -> tuple[WorkerConfiguration, WorkerParts]:
    """Reads the configuration and imports the impl.

    Raises:
        ContractMismatchError: The deployment is for another process.
        StartupError: What is missing in either, in one list.
    """
    problems: list[Problem] = []
    configuration = loaded = None
    try:
        configuration = load_worker_configuration(contract, environ)
    except ContractMismatchError:
        raise
    except StartupError as error:
        problems += error.problems
    try:
        loaded = load_parts(contract, parts)
    except StartupError as error:
        problems += error.problems
    if configuration is None or loaded is None:
        raise StartupError(problems)
    return configuration, loaded


class _WorkerProgram:
    """One worker program: its endpoints, its connection, and the worker that polls."""

    def __init__(self, configuration: WorkerConfiguration, parts: WorkerParts) -> None:
        self._configuration = configuration
        self._parts = parts
        readiness = Readiness()
        self._temporal = readiness.add("temporal")
        self._polling = readiness.add("polling")
        self._telemetry = Telemetry(configuration.contract)
        self._tracing = open_tracing(configuration.tracing, configuration.contract, program="worker")
        self._telemetry.registry.register(ReadinessCollector(readiness))
        announce_events(
            self._telemetry.runtime.metric_meter,
            namespace=configuration.temporal.namespace,
            task_queue=configuration.task_queue,
            workflow_type=configuration.contract.workflow_type,
        )
        self._publisher = DeadLetterPublisher(open_output(DEAD_LETTER, configuration.dead_letter))
        self._dead_letters = DeadLetterWriter(configuration.contract, self._publisher, self._telemetry.registry)
        self._streams = {
            name: FactPublisher(
                open_output(name, configuration.outputs[name]), transport=configuration.outputs[name].kind
            )
            for name in (*configuration.contract.streams, PROGRESS)
            if name in configuration.outputs
        }
        self._facts = FactWriter(
            configuration.contract, self._streams, self._publisher, self._telemetry.registry, self._tracing
        )
        publishers: dict[str, Publisher] = {DEAD_LETTER: self._publisher, **self._streams}
        self._outputs = {publisher: readiness.add(f"output:{name}") for name, publisher in publishers.items()}
        self._http = HttpServer(
            configuration.http,
            contract=configuration.contract,
            task_queue=configuration.task_queue,
            readiness=readiness,
            metrics=self._telemetry.render,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Runs until the event is set; activities that run then get `GRACEFUL_STOP` to end."""
        try:
            # A worker without one of its streams goes on working; only what must go there waits.
            async with self._http, watched_outputs(self._outputs, required=False):
                _log.info("worker started", port=self._http.port, task_queue=self._configuration.task_queue)
                await self._work(stop)
        finally:
            for stream in self._streams.values():
                await stream.close()
            await self._publisher.close()
            await self._tracing.close()
            await self._telemetry.close()
        _log.info("worker stopped")

    async def _work(self, stop: asyncio.Event) -> None:
        stopping = asyncio.create_task(stop.wait())
        delay = RESTART_INITIAL
        while not stop.is_set():
            # A client for each try: one that carried a worker which Temporal refused takes no other.
            client = await unless_stopped(stop, self._connect())
            if client is None:
                return
            async with watched(client, self._configuration.temporal, self._temporal):
                try:
                    await self._poll(client, stopping)
                except Exception as error:  # noqa: BLE001 - whatever the SDK ends a worker with: shown, tried again
                    reason = str(error).partition("\n")[0]
                    self._polling.failed(f"the worker cannot poll: {reason}")
                    _log.warning("worker cannot poll", reason=reason, retry_in=delay)
                    await asyncio.wait((stopping,), timeout=delay)
                    # The SDK logs several lines for each refused worker; they should not hide what is wrong.
                    delay = min(delay * 2, RESTART_MAXIMUM)

    async def _connect(self) -> Client:
        identity = f"{self._configuration.contract.name}-worker@{socket.gethostname()}:{os.getpid()}"
        return await connect(
            self._configuration.temporal, runtime=self._telemetry.runtime, identity=identity, check=self._temporal
        )

    async def _poll(self, client: Client, stopping: "asyncio.Task[bool]") -> None:
        """Runs one worker until the program stops.

        Raises:
            Exception: Temporal refused the worker.
        """
        worker = create_worker(
            client,
            self._parts,
            task_queue=self._configuration.task_queue,
            dead_letter=self._dead_letters.publish,
            # Registered without a stream too: runs that began when progress was bound go on.
            send_facts=self._facts.send,
            tells_progress=self._configuration.progress is not None,
            version=self._configuration.version,
            concurrency=self._configuration.concurrency,
            graceful_stop=GRACEFUL_STOP,
            tracing=self._tracing,
        )
        running = asyncio.create_task(worker.run())
        watching = asyncio.create_task(watch_polling(client, self._configuration, self._polling))
        try:
            await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                await worker.shutdown()
            await running
        finally:
            watching.cancel()
            self._polling.failed("not polling")
