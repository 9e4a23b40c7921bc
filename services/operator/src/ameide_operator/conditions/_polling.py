"""Whether workers poll, although their pods say that they are ready."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ameide_operator.bodies import list_at
from ameide_operator.conditions._pods import pod_is_ready
from ameide_operator.conditions._reasons import Reason
from ameide_operator.conditions._verdict import Verdict, failing

READY_LIMIT: Final = timedelta(seconds=75)
"""How long a pod is ready before its worker must have been heard of: the SDK's first heartbeat is often lost,
as measured, and the next comes after 60 s."""


def ready_since(pods: Sequence[Mapping[str, Any]]) -> datetime | None:
    """Since when some pod is ready; None where none is, or it does not say."""
    times = [
        datetime.fromisoformat(each["lastTransitionTime"]).astimezone(UTC)
        for pod in pods
        if pod_is_ready(pod) and not pod["metadata"].get("deletionTimestamp")
        for each in list_at(pod, "status", "conditions")
        if each.get("type") == "Ready" and each.get("lastTransitionTime")
    ]
    return min(times, default=None)


LOOK_AGAIN_SECONDS: Final = 2.0
"""While the last look at Temporal is older than what must be judged."""


@dataclass(frozen=True, slots=True)
class Polling:
    """What Temporal says of the workers of a workload."""

    what: str
    """What they should poll, for people."""
    polled: bool
    """Whether some worker does."""
    looked_at: datetime
    """When that was seen."""


def judge_polling(
    verdict: Verdict, pods: Sequence[Mapping[str, Any]], polling: Polling, *, now: datetime, limit: timedelta
) -> tuple[Verdict, float | None]:
    """Doubts a verdict that all is well.

    Args:
        verdict: How the workload stands by its pods.
        pods: Its live pods.
        polling: What Temporal says.
        now: The time, in UTC.
        limit: How long a pod may be ready before its worker is heard of.

    Returns:
        The verdict, and after how many seconds to judge again, if time alone may change it.
    """
    since = ready_since(pods)
    if verdict.reason is not Reason.AVAILABLE or since is None or polling.polled:
        return verdict, None
    due = since + limit
    if now < due:
        return verdict, (due - now).total_seconds() + LOOK_AGAIN_SECONDS
    if polling.looked_at < due:
        return verdict, LOOK_AGAIN_SECONDS
    message = (
        f"pods of the worker are ready, and Temporal has not heard of a worker on {polling.what}; do they use another "
        "address, namespace or task queue? see kubectl logs"
    )
    return failing(Reason.NO_POLLERS, message), None
