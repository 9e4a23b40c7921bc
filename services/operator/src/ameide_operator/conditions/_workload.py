"""Whether a workload runs as wanted, from its Deployment and its pods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ameide_operator.bodies import list_at, mapping_at
from ameide_operator.conditions._pods import pod_finding, pod_is_ready
from ameide_operator.conditions._reasons import Reason
from ameide_operator.conditions._verdict import Verdict, available, failing
from ameide_operator.models import WorkloadStatus
from ameide_operator.planning import Component


@dataclass(frozen=True, slots=True)
class ReadinessReport:
    """What an unready pod answered on /readyz."""

    pod: str
    checks: Mapping[str, str] = field(default_factory=dict[str, str])
    """Reason of each failing check, by name."""
    unreachable: str | None = None
    """Why there is no answer, if there is none."""


def judge_workload(
    component: Component,
    deployment: Mapping[str, Any] | None,
    pods: Sequence[Mapping[str, Any]],
    report: ReadinessReport | None,
) -> Verdict:
    """How a workload stands.

    Args:
        component: Which.
        deployment: Its live Deployment, None where there is none yet.
        pods: Its live pods.
        report: What one of its unready pods says of itself, where it was asked.
    """
    if deployment is None:
        return failing(Reason.PROGRESSING, f"the Deployment of the {component.value} is about to be made")
    refused = _refused(deployment)
    if refused:
        return failing(Reason.PODS_REFUSED, f"the cluster refuses pods of the {component.value}: {refused}")
    finding = pod_finding(pods)
    if finding:
        return failing(*finding)
    status = workload_status(deployment, "")
    if not _rolled_out(deployment, status):
        done = f"{status.updated_replicas} of {status.replicas} pods have the current template"
        progress = f"the {component.value} rolls out: {done}"
        return _unready(component, progress, report) if report else failing(Reason.PROGRESSING, progress)
    if status.ready_replicas >= status.replicas:
        return available(_running(component, status))
    return _unready(component, f"{status.summary} pods of the {component.value} are ready", report)


def _rolled_out(deployment: Mapping[str, Any], status: WorkloadStatus) -> bool:
    live = mapping_at(deployment, "status")
    seen = live.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    # Pods of an earlier template serve until as many of the current one are available.
    only_current = live.get("replicas", 0) <= status.updated_replicas
    return seen and only_current and status.updated_replicas >= status.replicas


def unready_pod(pods: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The pod to ask why it is not ready: it runs, has an address, and is not about to go."""
    for pod in pods:
        status = mapping_at(pod, "status")
        gone = pod["metadata"].get("deletionTimestamp")
        if status.get("phase") == "Running" and status.get("podIP") and not gone and not pod_is_ready(pod):
            return pod
    return None


def workload_status(deployment: Mapping[str, Any], image: str) -> WorkloadStatus:
    """Counts of a live Deployment."""
    status = mapping_at(deployment, "status")
    wanted = mapping_at(deployment, "spec").get("replicas", 1)
    ready = status.get("readyReplicas", 0)
    return WorkloadStatus(
        summary=f"{ready}/{wanted}",
        replicas=wanted,
        ready_replicas=ready,
        updated_replicas=status.get("updatedReplicas", 0),
        image=image,
    )


def summed_up(counts: Sequence[WorkloadStatus]) -> WorkloadStatus:
    """Counts of several Deployments of one workload; the first one's image."""
    wanted, ready = sum(each.replicas for each in counts), sum(each.ready_replicas for each in counts)
    return WorkloadStatus(
        summary=f"{ready}/{wanted}",
        replicas=wanted,
        ready_replicas=ready,
        updated_replicas=sum(each.updated_replicas for each in counts),
        image=counts[0].image,
    )


def _running(component: Component, status: WorkloadStatus) -> str:
    if not status.replicas:
        return f"the {component.value} is scaled to 0"
    return f"{status.summary} pods of the {component.value} are ready"


def _unready(component: Component, count: str, report: ReadinessReport | None) -> Verdict:
    if report is None:
        return failing(Reason.PROGRESSING, f"{count}; the others start")
    if report.unreachable:
        return failing(
            Reason.PROGRESSING,
            f"{count}; pod {report.pod} does not say why: {report.unreachable}",
        )
    if not report.checks:
        return failing(Reason.PROGRESSING, f"{count}; pod {report.pod} says that it is about to be")
    said = "; ".join(f"{name}: {' '.join(reason.split())}" for name, reason in report.checks.items())
    waiting = "; no event is acknowledged meanwhile, so none is lost" if component is Component.INGRESS else ""
    reason = Reason.NO_POLLERS if set(report.checks) == {"polling"} else Reason.UPSTREAM_UNAVAILABLE
    return failing(reason, f"{count}; pod {report.pod} says {said}{waiting}")


def _refused(deployment: Mapping[str, Any]) -> str | None:
    for condition in list_at(deployment, "status", "conditions"):
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return condition.get("message") or condition.get("reason") or "it does not say why"
    return None
