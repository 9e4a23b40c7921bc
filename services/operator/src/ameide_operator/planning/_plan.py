"""From what is wanted and what is there to the children that should be: a pure function."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

from ameide_operator.models import ProcessSpec
from ameide_operator.planning._bindings import INGRESS_FILE, OUTPUTS_FILE, ingress_document, outputs_document
from ameide_operator.planning._deployment import Mounted, deployment
from ameide_operator.planning._events import events_ports, events_service
from ameide_operator.planning._names import Component, Owner, child_name, common_labels, shortened
from ameide_operator.planning._replicas import ABSENT, ReplicasSeen, planned_replicas
from ameide_operator.planning._supporting import (
    config_map,
    disruption_budget,
    service,
    service_account,
    service_monitor,
)

DEPLOYMENT: Final = "Deployment"
SERVICE_MONITOR: Final = "ServiceMonitor"
CHILD_KINDS: Final = ("ServiceAccount", "ConfigMap", "Service", "PodDisruptionBudget", DEPLOYMENT, SERVICE_MONITOR)
"""Kinds of children, in the order in which they are applied: what a pod needs stands before it."""


@dataclass(frozen=True, slots=True, order=True)
class ChildKey:
    """Names a child within the namespace of its owner."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Child:
    """A child as it should be: the fields that the operator owns, and no others."""

    key: ChildKey
    manifest: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Observed:
    """What a plan depends on, beside spec."""

    secret_keys: Mapping[str, AbstractSet[str]] = field(default_factory=dict[str, AbstractSet[str]])
    """Keys of each Secret that is there."""
    secret_digests: Mapping[str, str] = field(default_factory=dict[str, str])
    """Digest of the content of each."""
    replicas: Mapping[str, ReplicasSeen] = field(default_factory=dict[str, ReplicasSeen])
    """Replicas of each live Deployment that the resource controls, by name."""
    children: AbstractSet[ChildKey] = frozenset()
    """Live children that the resource controls."""
    service_monitors: bool = False
    """Whether the cluster has that API."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write."""

    apply: tuple[Child, ...]
    """Children as they should be, in the order in which to write them."""
    delete: tuple[ChildKey, ...]
    """Children that should not be there any more."""


def plan_children(spec: ProcessSpec, owner: Owner, observed: Observed) -> Plan:
    """Plans all children of a resource whose spec is valid and whose Secrets are there."""
    labels = common_labels(owner, spec.process.name)
    account = shortened(owner.name)
    manifests: list[dict[str, Any]] = [service_account(account, labels)]
    for component in components(spec):
        config = _config(spec, component, observed)
        manifests += [
            config_map(owner, component, labels, config),
            service(owner, component, labels),
            disruption_budget(owner, component, labels),
        ]
        mounted = Mounted(observed.secret_keys, observed.secret_digests, config, account)
        manifests.append(_deployment(spec, owner, component, observed, mounted))
    if ports := events_ports(spec):
        manifests.append(events_service(owner, labels, ports))
    if observed.service_monitors:
        manifests.append(service_monitor(account, owner, labels))
    children = [_child(owner, manifest) for manifest in manifests]
    children.sort(key=lambda child: CHILD_KINDS.index(child.key.kind))
    wanted = {child.key for child in children}
    return Plan(tuple(children), tuple(sorted(observed.children - wanted)))


def components(spec: ProcessSpec) -> tuple[Component, ...]:
    """The workloads of a resource, the worker first: an event must not outrun the worker that understands it."""
    return (Component.WORKER, Component.INGRESS) if spec.ingress else (Component.WORKER,)


def _deployment(
    spec: ProcessSpec, owner: Owner, component: Component, observed: Observed, mounted: Mounted
) -> dict[str, Any]:
    workload = spec.ingress if component is Component.INGRESS and spec.ingress else spec.worker
    replicas = planned_replicas(workload.replicas, observed.replicas.get(child_name(owner, component), ABSENT))
    return deployment(spec, owner, component, mounted=mounted, replicas=replicas)


def _config(spec: ProcessSpec, component: Component, observed: Observed) -> dict[str, str]:
    files = {OUTPUTS_FILE: outputs_document(spec.outputs, observed.secret_keys)}
    if component is Component.INGRESS and spec.ingress:
        files[INGRESS_FILE] = ingress_document(spec.ingress, observed.secret_keys)
    return files


def _child(owner: Owner, manifest: dict[str, Any]) -> Child:
    metadata = manifest["metadata"] | {"namespace": owner.namespace, "ownerReferences": [owner.reference()]}
    return Child(ChildKey(manifest["kind"], metadata["name"]), manifest | {"metadata": metadata})
