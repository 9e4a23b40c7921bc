"""How a rollout stands, beside the builds that serve."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ameide_operator.bodies import mapping_at
from ameide_operator.conditions._reasons import Reason
from ameide_operator.conditions._verdict import Verdict, failing
from ameide_operator.rollout import RolloutView, Stage

_PATIENT: Final = frozenset({Reason.AVAILABLE, Reason.PROGRESSING})


def judge_rollout(
    serving: Verdict, wanted: Verdict, pods: Sequence[Mapping[str, Any]], view: RolloutView | None, *, late: bool
) -> Verdict:
    """How a versioned worker stands.

    Args:
        serving: How the builds stand that get new work.
        wanted: How the build stands that spec names, by its pods.
        pods: Pods of that build.
        view: What Temporal says of the rollout; None: nothing yet.
        late: Whether these pods run so long that their workers should poll.
    """
    current = view.seen.current if view and view.seen else ""
    if not serving.holds and (current or serving.reason is not Reason.PROGRESSING):
        return serving
    if view is None or view.progress.stage is Stage.DONE:
        return serving
    if wanted.reason not in _PATIENT:
        return wanted
    return _pending(view, pods, late=late)


def build_gone(builds: Sequence[str]) -> Verdict:
    """How a worker stands that runs, while nobody works on workflows of earlier builds."""
    named = ", ".join(map(repr, builds))
    return Verdict(
        holds=True,
        reason=Reason.BUILD_GONE,
        message=f"build {named} has open workflows and no pods: its Deployment went with an earlier resource, or was "
        "deleted; name that build in spec again until they have ended, or end them",
    )


def _pending(view: RolloutView, pods: Sequence[Mapping[str, Any]], *, late: bool) -> Verdict:
    current = view.seen.current if view.seen else ""
    message = view.progress.message
    match view.progress.stage:
        case Stage.LIMIT_REACHED:
            return failing(Reason.DEPLOYMENT_LIMIT, message)
        case Stage.WAITING_FOR_POLLERS if late:
            name = pods[0]["metadata"]["name"] if pods else ""
            return failing(Reason.NO_POLLERS, f"{message}; pods run and do not poll; see kubectl logs {name}")
        case Stage.MANAGED_BY_ANOTHER:
            return Verdict(holds=bool(current), reason=Reason.MANAGER_CONFLICT, message=message)
        case _:
            return Verdict(holds=bool(current), reason=Reason.PROGRESSING, message=message)


def runs_since(pods: Sequence[Mapping[str, Any]], *, now: datetime) -> timedelta | None:
    """How long the oldest pod that runs has been there; None where none runs."""
    times = [
        now - datetime.fromisoformat(pod["metadata"]["creationTimestamp"]).astimezone(UTC)
        for pod in pods
        if mapping_at(pod, "status").get("phase") == "Running" and not pod["metadata"].get("deletionTimestamp")
    ]
    return max(times, default=None)
