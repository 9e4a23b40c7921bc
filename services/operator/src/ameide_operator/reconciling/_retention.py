"""Who decides on the retention of a Temporal namespace that several resources manage: the oldest of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from ameide_operator.bodies import mapping_at
from ameide_operator.conditions import Reason, Verdict
from ameide_operator.kubernetes import Body


@dataclass(frozen=True, slots=True)
class Decision:
    """What holds of a namespace."""

    resource: str
    """namespace/name of the resource that decides."""
    retention: str


def deciding(body: Body, others: Iterable[Body]) -> Decision | None:
    """Who decides in the place of a resource.

    Args:
        body: The resource.
        others: All resources; it may be among them.

    Returns:
        The decision of an older resource that wants another retention for the same namespace; None where there is none.
    """
    wanted = _retention(body)
    if wanted is None:
        return None
    rivals = [other for other in others if _namespace(other) == _namespace(body) and _retention(other)]
    oldest = min([*rivals, body], key=_age)
    retention = _retention(oldest)
    if retention is None or retention == wanted:
        return None
    return Decision(f"{oldest['metadata']['namespace']}/{oldest['metadata']['name']}", retention)


def conflict(decision: Decision, wanted: str, namespace: Verdict) -> Verdict:
    """How the namespace stands for a resource that does not decide."""
    if namespace.reason is not Reason.AVAILABLE:
        return namespace
    message = (
        f"{decision.resource} is older and decides on this namespace: its spec asks for a retention of "
        f"{decision.retention}, this one for {wanted}; make both say the same"
    )
    return Verdict(holds=True, reason=Reason.RETENTION_CONFLICT, message=message)


def _namespace(body: Body) -> tuple[object, object]:
    temporal = mapping_at(body, "spec", "temporal")
    return temporal.get("address"), temporal.get("namespace")


def _retention(body: Body) -> str | None:
    management = mapping_at(body, "spec", "temporal", "namespaceManagement")
    return management.get("retention") if management.get("mode") == "EnsureSelfHosted" else None


def _age(body: Body) -> tuple[str, str, str]:
    metadata = body["metadata"]
    return metadata["creationTimestamp"], metadata["namespace"], metadata["name"]
