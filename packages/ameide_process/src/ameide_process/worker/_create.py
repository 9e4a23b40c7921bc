"""Makes Temporal's worker for a process; production, tests and benchmarks make the same."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from ameide_core_proto.process.v1.process_runtime_pb2 import (
    DeadLetterRequest,
    DeadLetterResponse,
    SendFactsRequest,
    SendFactsResponse,
)
from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import Interceptor, Worker, WorkerDeploymentConfig

from ameide_process.configuration import WorkerConcurrency, WorkerVersion
from ameide_process.sandbox import workflow_runner
from ameide_process.tracing import NO_SPANS, Tracing
from ameide_process.worker._dead_letters_at_once import DeadLetterActivity, DeadLettersAtOnce
from ameide_process.worker._progress_binding import ProgressBound
from ameide_process.worker_parts import WorkerParts
from ameide_process.workflow import (
    DEAD_LETTER_ACTIVITY,
    NEXT_ACTIVATION_ACTIVITY,
    SEND_FACTS_ACTIVITY,
    ProcessDefinition,
)

FactsActivity = Callable[[SendFactsRequest], Awaitable[SendFactsResponse]]
"""Returns once the streams have the facts."""


def create_worker(
    client: Client,
    parts: WorkerParts,
    *,
    task_queue: str,
    dead_letter: DeadLetterActivity,
    send_facts: FactsActivity | None = None,
    tells_progress: bool = False,
    implementation: Any = None,
    version: WorkerVersion | None = None,
    concurrency: WorkerConcurrency | None = None,
    graceful_stop: timedelta = timedelta(0),
    interceptors: Sequence[Interceptor] = (),
    tracing: Tracing = NO_SPANS,
) -> Worker:
    """Makes the worker of a process; nothing polls before it runs.

    Args:
        client: Connection to Temporal.
        parts: The process.
        task_queue: What it polls.
        dead_letter: Takes the events that workflows acknowledged and cannot apply.
        send_facts: Takes what workflows emit; a process that emits needs it.
        tells_progress: Whether `send_facts` takes progress facts too, so that runs which begin now emit them.
        implementation: The activities; made from `parts.activities` when not given.
        version: The Worker Deployment version; None: unversioned.
        concurrency: How much it does at once; None: as the SDK does by default.
        graceful_stop: What running activities get to end when the worker stops.
        interceptors: Temporal interceptors, outermost first.
        tracing: Carries trace context and correlation from workflows to activities, and makes the spans.

    Raises:
        ValueError: The process emits facts, and nothing takes them.
    """
    activities: list[Callable[..., Any]] = [_dead_letter_activity(dead_letter), _next_activation]
    if send_facts is not None:
        activities.append(_facts_activity(send_facts))
    elif parts.definition.contract.emits or tells_progress:
        msg = f"{parts.definition.contract.name} emits facts; give its worker send_facts"
        raise ValueError(msg)
    if parts.registrations is not None and parts.activities is not None:
        activities += parts.registrations(implementation if implementation is not None else parts.activities())
    return Worker(
        client,
        task_queue=task_queue,
        workflows=[parts.workflow],
        activities=activities,
        workflow_runner=workflow_runner(parts),
        graceful_shutdown_timeout=graceful_stop,
        interceptors=[
            *interceptors,
            *tracing.interceptors(),
            DeadLettersAtOnce(dead_letter),
            *([ProgressBound()] if tells_progress else []),
        ],
        deployment_config=_deployment(parts.definition, version),
        build_id=None if version is not None else _identifier(parts.definition),
        **_options(concurrency),
    )


def _options(concurrency: WorkerConcurrency | None) -> dict[str, Any]:
    """Only what is set: the SDK's defaults are its own."""
    return {name: value for name, value in asdict(concurrency or WorkerConcurrency()).items() if value is not None}


def _deployment(definition: ProcessDefinition, version: WorkerVersion | None) -> WorkerDeploymentConfig | None:
    if version is None:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_name=version.deployment_name, build_id=version.build_id),
        use_worker_versioning=True,
        # The worker says it, not the workflow class: an unversioned worker may not say a behavior at all.
        default_versioning_behavior=definition.contract.versioning_behavior,
    )


def _identifier(definition: ProcessDefinition) -> str:
    """What histories call an unversioned worker; else the SDK compiles every loaded module for a name, for a second."""
    contract = definition.contract
    return f"{contract.name}-{contract.api_major}.{contract.api_minor}-{contract.digest[:12]}"


def _dead_letter_activity(dead_letter: DeadLetterActivity) -> Callable[..., Any]:
    @activity.defn(name=DEAD_LETTER_ACTIVITY)
    async def publish_dead_letters(request: DeadLetterRequest) -> DeadLetterResponse:
        return await dead_letter(request)

    return publish_dead_letters


def _facts_activity(send_facts: FactsActivity) -> Callable[..., Any]:
    @activity.defn(name=SEND_FACTS_ACTIVITY)
    async def send(request: SendFactsRequest) -> SendFactsResponse:
        return await send_facts(request)

    return send


@activity.defn(name=NEXT_ACTIVATION_ACTIVITY)
async def _next_activation() -> None:
    """Does nothing; that it was done makes the workflow go on."""
