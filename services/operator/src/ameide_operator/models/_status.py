"""What is: the status of a Process resource."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from ameide_operator.models._base import Model, list_by


class ConditionType(StrEnum):
    """The conditions, in the order in which one depends on the other."""

    SECRETS_READY = "SecretsReady"
    TEMPORAL_READY = "TemporalReady"
    NAMESPACE_READY = "NamespaceReady"
    DEPENDENCIES_READY = "DependenciesReady"
    WORKER_READY = "WorkerReady"
    INGRESS_READY = "IngressReady"
    WORKLOAD_READY = "WorkloadReady"
    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"


class Condition(Model):
    """One aspect of the state, as Kubernetes' metav1.Condition."""

    type: Annotated[str, Field(max_length=316)]
    """Which aspect."""
    status: Literal["True", "False", "Unknown"]
    """Whether it is as it should be."""
    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    """Why, in one word for programs; the operator's README says what to do about each."""
    message: Annotated[str, Field(max_length=32768)]
    """Why, for people, and what to do next."""
    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """Generation of spec that it speaks of."""
    last_transition_time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    """When status last changed."""


class WorkloadStatus(Model):
    """Pods of a workload."""

    summary: str
    """Ready of wanted pods, such as 3/3."""
    replicas: int
    """Pods that are wanted."""
    ready_replicas: int
    """Pods that are ready."""
    updated_replicas: int
    """Pods that run the current template."""
    image: str
    """Image of the current template."""


class RolloutStatus(Model):
    """Builds of the worker, as Temporal routes work to them."""

    target: str
    """Build that spec names."""
    current: str | None = None
    """Build that gets new work."""
    ramping: str | None = None
    """Build that gets a part of it."""
    percent: int | None = None
    """That part, in percent."""
    draining: Annotated[list[str], Field(json_schema_extra={"x-kubernetes-list-type": "set"})] | None = None
    """Builds that end the workflows which they began."""


class ProcessStatus(Model):
    """What the operator saw last."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """Generation of spec that the operator has acted on."""
    conditions: (
        Annotated[
            list[Condition],
            Field(json_schema_extra=list_by("type")),
        ]
        | None
    ) = None
    """Conditions; Ready sums the others up."""
    worker: WorkloadStatus | None = None
    """Pods of the worker."""
    ingress: WorkloadStatus | None = None
    """Pods of the ingress."""
    rollout: RolloutStatus | None = None
    """Builds of a versioned worker."""
