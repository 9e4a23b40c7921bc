"""Carries a rollout on, as far as it goes now."""

from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from temporalio.service import RPCError, RPCStatusCode

from ameide_operator.rollout._plan import Create, Decision, plan_rollout, removable_versions
from ameide_operator.rollout._state import Intent, Progress, RolloutView, Seen, Stage
from ameide_operator.rollout._temporal import WorkerDeployments
from ameide_operator.temporal_calls import words_of

_CHANGES: Final = 6
"""In one go: make, take over, ramp or make current, and some that others made meanwhile."""

WAITING_AGAIN: Final = timedelta(seconds=5)
"""Until the next look at a rollout that waits for others."""

_PASSING: Final = frozenset(
    {
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
    }
)
"""They say nothing of the rollout; a Worker Deployment that is looked at too often answers with the first."""

_SWITCHED_OFF: Final = "Worker Deployment Versions are disabled"
"""Said with the status of credentials that may not do something."""

_log = structlog.get_logger(__name__)


async def advance(
    deployments: WorkerDeployments, intent: Intent, *, manager: str, polled: AbstractSet[str] | None
) -> tuple[RolloutView, timedelta | None]:
    """Looks, decides and changes until there is nothing to change now; then lets versions go that nobody needs.

    Args:
        deployments: Those of the namespace.
        intent: What is wanted.
        manager: Who we are.
        polled: Builds of this Worker Deployment whose workers live; None: not known.

    Returns:
        How it stands, and when time alone, or the start of pods, calls for the next look.
    """
    seen: Seen | None = None
    try:
        for _ in range(_CHANGES):
            seen = await deployments.look(intent.deployment)
            decision = plan_rollout(intent, seen, polled=polled, manager=manager, now=datetime.now(UTC))
            if decision.action is None:
                break
            _log.info("rollout", deployment=intent.deployment, change=decision.progress.message)
            try:
                await deployments.act(intent.deployment, decision.action, seen)
            except RPCError as error:
                if isinstance(decision.action, Create) and error.status is RPCStatusCode.UNIMPLEMENTED:
                    # An earlier server, where the first worker that polls makes it.
                    message = f"Worker Deployment {intent.deployment!r} is made when its workers poll"
                    return RolloutView(intent, None, Progress(Stage.WAITING_FOR_POLLERS, message)), WAITING_AGAIN
                raise
        else:
            moving = Progress(Stage.MOVING, "somebody else changes the routing at the same time")
            return RolloutView(intent, seen, moving), WAITING_AGAIN
    except RPCError as error:
        return RolloutView(intent, seen, _refusal(intent, error)), WAITING_AGAIN
    if seen is not None:
        await _forget(deployments, intent, seen, polled)
    return RolloutView(intent, seen, decision.progress), _again(decision)


def _again(decision: Decision) -> timedelta | None:
    return WAITING_AGAIN if decision.progress.stage is Stage.WAITING_FOR_POLLERS else decision.again


async def _forget(deployments: WorkerDeployments, intent: Intent, seen: Seen, polled: AbstractSet[str] | None) -> None:
    for build_id in removable_versions(intent, seen, polled=polled):
        try:
            if await deployments.forget_version(intent.deployment, build_id):
                _log.info("version removed", deployment=intent.deployment, build_id=build_id)
        except RPCError as error:
            _log.info("version stays", deployment=intent.deployment, build_id=build_id, error=error.message)


def _refusal(intent: Intent, error: RPCError) -> Progress:
    if error.status is RPCStatusCode.RESOURCE_EXHAUSTED and "maximum deployments" in error.message:
        message = (
            f"Temporal takes no more Worker Deployments: {error.message}; delete some that nobody needs (temporal "
            "worker deployment list), raise matching.maxDeployments, or make the resource anew without rollout"
        )
        return Progress(Stage.LIMIT_REACHED, message)
    if error.status is RPCStatusCode.PERMISSION_DENIED and _SWITCHED_OFF in error.message:
        message = (
            "Temporal has Worker Deployments switched off in this namespace: set system.enableDeploymentVersions to "
            "true in the server's dynamic configuration, or make the resource anew without rollout"
        )
        return Progress(Stage.REFUSED, message)
    if error.status in _PASSING:
        message = f"Temporal does not answer for Worker Deployment {intent.deployment!r}: {words_of(error)}"
        return Progress(Stage.UNANSWERED, message)
    return Progress(
        Stage.REFUSED, f"Temporal does not change Worker Deployment {intent.deployment!r}: {words_of(error)}"
    )
