"""From what is wanted and what is there to the children that should be: a pure function."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

from ameide_operator.models import ProcessSpec
from ameide_operator.planning._bindings import INGRESS_FILE, OUTPUTS_FILE, ingress_document, outputs_document
from ameide_operator.planning._builds import Build, wanted_build, workload_name
from ameide_operator.planning._deployment import Mounted, deployment
from ameide_operator.planning._events import events_ports, events_service
from ameide_operator.planning._names import Component, Owner, child_name, common_labels, shortened
from ameide_operator.planning._replicas import ABSENT, ReplicasSeen, draining_replicas, planned_replicas
from ameide_operator.planning._supporting import (
    config_map,
    disruption_budget,
    service,
    service_account,
    service_monitor,
)

DEPLOYMENT: Final = "Deployment"
DISRUPTION_BUDGET: Final = "PodDisruptionBudget"
SERVICE_MONITOR: Final = "ServiceMonitor"
CHILD_KINDS: Final = ("ServiceAccount", "ConfigMap", "Service", DEPLOYMENT, DISRUPTION_BUDGET, SERVICE_MONITOR)
"""Kinds of children, in the order in which they are applied: what a pod needs stands before it. A budget of no pods is
judged, and told of in an Event, before there are any: it comes after them."""


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
    earlier_builds: tuple[Build, ...] = ()
    """Builds of the worker that are still needed, beside the one that spec names."""
    unversioned_serves: bool = False
    """Whether workers from before the first build still serve: none is current yet."""
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
        manifests += [config_map(owner, component, labels, config), service(owner, component, labels)]
        mounted = Mounted(observed.secret_keys, observed.secret_digests, config, account)
        for build in _builds(spec, component, observed):
            manifests.append(disruption_budget(owner, component, labels, build))
            replicas = _replicas(spec, owner, component, observed, build)
            manifests.append(deployment(spec, owner, component, mounted=mounted, replicas=replicas, build=build))
    if ports := events_ports(spec):
        manifests.append(events_service(owner, labels, ports))
    if observed.service_monitors:
        manifests.append(service_monitor(account, owner, labels))
    children = [_child(owner, manifest) for manifest in manifests]
    children.sort(key=lambda child: CHILD_KINDS.index(child.key.kind))
    kept = {child.key for child in children}
    if observed.unversioned_serves:
        kept |= {ChildKey(kind, child_name(owner, Component.WORKER)) for kind in (DEPLOYMENT, DISRUPTION_BUDGET)}
    return Plan(tuple(children), tuple(sorted(observed.children - kept)))


def components(spec: ProcessSpec) -> tuple[Component, ...]:
    """The workloads of a resource, the worker first: an event must not outrun the worker that understands it."""
    return (Component.WORKER, Component.INGRESS) if spec.ingress else (Component.WORKER,)


def _builds(spec: ProcessSpec, component: Component, observed: Observed) -> tuple[Build | None, ...]:
    build = wanted_build(spec) if component is Component.WORKER else None
    if build is None:
        return (None,)
    return build, *(each for each in observed.earlier_builds if each.build_id != build.build_id)


def _replicas(
    spec: ProcessSpec, owner: Owner, component: Component, observed: Observed, build: Build | None
) -> int | None:
    workload = spec.ingress if component is Component.INGRESS and spec.ingress else spec.worker
    seen = observed.replicas.get(workload_name(owner, component, build), ABSENT)
    serves = build is None or build.serves
    return planned_replicas(workload.replicas, seen) if serves else draining_replicas(seen)


def _config(spec: ProcessSpec, component: Component, observed: Observed) -> dict[str, str]:
    files = {OUTPUTS_FILE: outputs_document(spec.outputs, observed.secret_keys)}
    if component is Component.INGRESS and spec.ingress:
        files[INGRESS_FILE] = ingress_document(spec.ingress, observed.secret_keys)
    return files


def _child(owner: Owner, manifest: dict[str, Any]) -> Child:
    metadata = manifest["metadata"] | {"namespace": owner.namespace, "ownerReferences": [owner.reference()]}
    return Child(ChildKey(manifest["kind"], metadata["name"]), manifest | {"metadata": metadata})
