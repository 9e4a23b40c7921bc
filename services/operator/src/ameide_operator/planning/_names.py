"""Names and labels of what a resource owns."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ameide_operator.models import API_VERSION, GROUP, KIND, MANAGER

NAME_LIMIT: Final = 63
"""Characters of a name that is also a label (RFC 1035)."""

RESOURCE_LABEL: Final = f"{GROUP}/process"
"""Label of everything that a resource owns; its value is the name of the resource."""

COMPONENT_LABEL: Final = "app.kubernetes.io/component"
MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
_HASH_LENGTH: Final = 8


class Component(StrEnum):
    """A workload of a process."""

    WORKER = "worker"
    INGRESS = "ingress"


@dataclass(frozen=True, slots=True)
class Owner:
    """The resource whose children are planned."""

    namespace: str
    name: str
    uid: str

    def reference(self) -> dict[str, Any]:
        """The owner reference of a child; it does not block the owner's deletion."""
        return {"apiVersion": API_VERSION, "kind": KIND, "name": self.name, "uid": self.uid, "controller": True}


def shortened(name: str, limit: int = NAME_LIMIT) -> str:
    """A name within the limit; one that must be cut keeps a hash of the whole, so that two never become one."""
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH_LENGTH]
    return f"{name[: limit - _HASH_LENGTH - 1].rstrip('-')}-{digest}"


def child_name(owner: Owner, component: Component) -> str:
    """Name of the children of a workload; each kind has one."""
    return shortened(f"{owner.name}-{component.value}")


def selector_labels(owner: Owner, component: Component) -> dict[str, str]:
    """Labels that tell the pods of a workload from all others; they never change."""
    return {RESOURCE_LABEL: owner.name, COMPONENT_LABEL: component.value}


def common_labels(owner: Owner, process: str) -> dict[str, str]:
    """Labels of everything that a resource owns."""
    return {
        "app.kubernetes.io/name": process,
        "app.kubernetes.io/instance": owner.name,
        "app.kubernetes.io/part-of": "ameide",
        MANAGED_BY_LABEL: MANAGER,
        RESOURCE_LABEL: owner.name,
    }
