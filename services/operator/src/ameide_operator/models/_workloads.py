"""The two workloads of a process."""

from typing import Annotated

from pydantic import Field

from ameide_operator.models._base import Model, list_by
from ameide_operator.models._kubernetes import PodTemplate, Resources
from ameide_operator.models._streams import Subscription

_Count = Annotated[int, Field(ge=1, le=100_000)]
_Rate = Annotated[float, Field(gt=0)]


class Workload(Model):
    """What worker and ingress have in common."""

    replicas: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Number of pods. Unset: one at first, then whatever an autoscaler or kubectl scale says."""
    resources: Resources | None = None
    """CPU and memory of the container."""
    termination_grace_period_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    """What a pod gets to finish what is in flight before it is killed, in seconds."""
    pod_template: PodTemplate | None = None
    """What the pods have beside what the operator sets."""


class Concurrency(Model):
    """Options of Temporal's worker, under the names that they have there; unset: Temporal's defaults."""

    max_concurrent_workflow_task_execution_size: _Count | None = None
    """Workflow tasks that run at once."""
    max_concurrent_activity_execution_size: _Count | None = None
    """Activities that run at once."""
    max_concurrent_local_activity_execution_size: _Count | None = None
    """Local activities that run at once."""
    max_concurrent_workflow_task_pollers: Annotated[int, Field(ge=2, le=100_000)] | None = None
    """Connections that ask for workflow tasks: at least one for the worker's own queue, and one for the shared."""
    max_concurrent_activity_task_pollers: _Count | None = None
    """Connections that ask for activities."""
    worker_activities_per_second: _Rate | None = None
    """Activities that one worker starts a second at most."""
    task_queue_activities_per_second: _Rate | None = None
    """Activities that all workers of the task queue start a second at most."""
    sticky_workflow_cache_size: Annotated[int, Field(ge=0, le=100_000)] | None = None
    """Workflows that a worker keeps in memory between tasks; 0 keeps none."""


class Worker(Workload):
    """Runs workflows and activities."""

    concurrency: Concurrency | None = None
    """How much a worker does at once."""


class Ingress(Workload):
    """Turns events into signals."""

    subscriptions: Annotated[list[Subscription], Field(min_length=1, max_length=256, json_schema_extra=list_by("name"))]
    """Where the events of each subscription of the process come from."""
    oldest_unacknowledged_seconds: Annotated[int, Field(ge=1, le=86_400)] | None = None
    """Age of an unacknowledged message, in seconds, from which on the ingress is not ready; unset: 300."""
