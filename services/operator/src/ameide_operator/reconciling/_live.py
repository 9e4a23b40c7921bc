"""What a resource has in the cluster at the moment of a pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ameide_operator.kubernetes import Body
from ameide_operator.planning import (
    BUILD_LABEL,
    COMPONENT_LABEL,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    Build,
    ChildKey,
    Component,
    Owner,
    workload_name,
)


@dataclass(frozen=True, slots=True)
class Live:
    """What a resource has in the cluster."""

    owner: Owner
    children: Mapping[ChildKey, Body]
    """Those that it controls."""
    pods: Sequence[Body]
    """Those of all its workloads."""

    def deployments(self) -> list[Body]:
        """Deployments of all workloads and builds."""
        return [body for child, body in self.children.items() if child.kind == DEPLOYMENT]

    def telling_of_builds(self) -> list[Body]:
        """Budgets, which stay where somebody deletes a Deployment, then Deployments, which have the last word."""
        budgets = [body for child, body in self.children.items() if child.kind == DISRUPTION_BUDGET]
        return budgets + self.deployments()

    def deployment(self, component: Component, build: Build | None) -> Body | None:
        """The Deployment of a workload, or of one of its builds."""
        return self.children.get(ChildKey(DEPLOYMENT, workload_name(self.owner, component, build)))

    def pods_of(self, component: Component, build: Build | None) -> list[Body]:
        """Its pods."""
        wanted = {COMPONENT_LABEL: component.value} | ({BUILD_LABEL: build.label} if build else {})
        return [pod for pod in self.pods if wanted.items() <= pod["metadata"]["labels"].items()]
