"""The kinds that the operator reads and writes, as lightkube knows them: plain mappings, decoded once."""

from collections.abc import Mapping
from typing import Any, Final

from lightkube.generic_resource import create_namespaced_resource  # pyright: ignore[reportUnknownVariableType] # verbs

from ameide_operator.models import GROUP, KIND, PLURAL, VERSION

SECRET: Final = "Secret"  # noqa: S105 # a kind
POD: Final = "Pod"
EVENT: Final = "Event"


def _kind(group: str, version: str, kind: str, plural: str) -> Any:
    return create_namespaced_resource(group, version, kind, plural)


KINDS: Final[Mapping[str, Any]] = {
    KIND: _kind(GROUP, VERSION, KIND, PLURAL),
    "ServiceAccount": _kind("", "v1", "ServiceAccount", "serviceaccounts"),
    "ConfigMap": _kind("", "v1", "ConfigMap", "configmaps"),
    "Service": _kind("", "v1", "Service", "services"),
    "PodDisruptionBudget": _kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    "Deployment": _kind("apps", "v1", "Deployment", "deployments"),
    "ServiceMonitor": _kind("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"),
    POD: _kind("", "v1", "Pod", "pods"),
    SECRET: _kind("", "v1", "Secret", "secrets"),
    EVENT: _kind("", "v1", "Event", "events"),
}
"""lightkube's resource class of each kind."""
