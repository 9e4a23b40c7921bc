"""What stands around a Deployment: configuration, account, endpoints, budget, scraping."""

from collections.abc import Mapping
from typing import Any

from ameide_operator.planning._builds import Build, build_annotations, workload_name, workload_selector
from ameide_operator.planning._environment import HTTP_PORT
from ameide_operator.planning._names import (
    RESOURCE_LABEL,
    Component,
    Owner,
    child_name,
    selector_labels,
)


def config_map(
    owner: Owner, component: Component, labels: Mapping[str, str], data: Mapping[str, str]
) -> dict[str, Any]:
    """The mounted configuration of a workload."""
    metadata = _metadata(child_name(owner, component), {**labels, **selector_labels(owner, component)})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def service_account(name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """An account without permissions, and without a token in the pods."""
    metadata = _metadata(name, labels)
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata,
        "automountServiceAccountToken": False,
    }


def service(owner: Owner, component: Component, labels: Mapping[str, str]) -> dict[str, Any]:
    """Names the pods of a workload, for scraping and for people; there is nothing to balance."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(child_name(owner, component), {**labels, **selector_labels(owner, component)}),
        "spec": {
            "clusterIP": "None",
            # Metrics of a pod that is not ready are wanted most.
            "publishNotReadyAddresses": True,
            "selector": selector_labels(owner, component),
            "ports": [{"name": "http", "port": HTTP_PORT, "targetPort": "http", "protocol": "TCP"}],
        },
    }


def disruption_budget(
    owner: Owner, component: Component, labels: Mapping[str, str], build: Build | None = None
) -> dict[str, Any]:
    """Lets nodes be drained, one pod at a time; a budget in percent would block the drain of a single pod."""
    selector = workload_selector(owner, component, build)
    metadata = _metadata(workload_name(owner, component, build), {**labels, **selector})
    if build is not None:
        metadata["annotations"] = build_annotations(build)
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata,
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": selector},
            # A pod that is not ready does not hold up a drain.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def service_monitor(name: str, owner: Owner, labels: Mapping[str, str]) -> dict[str, Any]:
    """Lets the Prometheus operator scrape both workloads."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": _metadata(name, labels),
        "spec": {
            "selector": {"matchLabels": {RESOURCE_LABEL: owner.name}},
            "endpoints": [{"port": "http", "path": "/metrics"}],
        },
    }


def _metadata(name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    return {"name": name, "labels": dict(labels)}
