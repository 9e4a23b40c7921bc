"""Who says how many pods a Deployment has: the resource, or an autoscaler, or a person with kubectl scale."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ameide_operator.bodies import list_at, mapping_at
from ameide_operator.models import MANAGER


@dataclass(frozen=True, slots=True)
class ReplicasSeen:
    """The field of a live Deployment, and who owns it."""

    value: int | None
    ours: bool
    """The operator applied it."""
    others: bool
    """Somebody else applied or updated it."""


ABSENT = ReplicasSeen(value=None, ours=False, others=False)
"""There is no Deployment yet."""


def replicas_seen(deployment: Mapping[str, Any]) -> ReplicasSeen:
    """Reads the field and its owners from a live Deployment."""
    owners = {
        entry.get("manager")
        for entry in list_at(deployment, "metadata", "managedFields")
        if "f:replicas" in mapping_at(entry, "fieldsV1", "f:spec")
    }
    return ReplicasSeen(
        value=mapping_at(deployment, "spec").get("replicas"),
        ours=MANAGER in owners,
        others=bool(owners - {MANAGER}),
    )


def planned_replicas(wanted: int | None, seen: ReplicasSeen) -> int | None:
    """The value to apply for a workload that serves; None leaves the field out.

    To leave a field out that nobody else owns removes it, and the default of 1 takes its place: so what was once set is
    applied until somebody else owns it.
    """
    if wanted is not None:
        return wanted
    return seen.value if seen.ours and not seen.others else None


def draining_replicas(seen: ReplicasSeen) -> int | None:
    """The value to apply for a build that gets no new work: what it has, at least one for what stays."""
    return 1 if seen.value == 0 else planned_replicas(None, seen)
