"""The Process resource: typed models, from which the CRD is derived and by which resources are read."""

from ameide_operator.models._base import VALIDATIONS, Model
from ameide_operator.models._kubernetes import PodTemplate, SecretKeyReference, Variable
from ameide_operator.models._nats import Nats, NatsCredentials, NatsSource, NatsTarget
from ameide_operator.models._resource import (
    API_VERSION,
    GROUP,
    KIND,
    MANAGER,
    PLURAL,
    SHORT_NAMES,
    SINGULAR,
    VERSION,
)
from ameide_operator.models._rollout import Rollout, RolloutStep
from ameide_operator.models._spec import Images, ProcessIdentity, ProcessSpec
from ameide_operator.models._status import Condition, ConditionType, ProcessStatus, RolloutStatus, WorkloadStatus
from ameide_operator.models._streams import DEAD_LETTER, HttpEndpoint, Output, Stream, Subscription
from ameide_operator.models._temporal import NamespaceManagement, Temporal, TemporalTls
from ameide_operator.models._workloads import Concurrency, Ingress, Worker, Workload

__all__ = [
    "API_VERSION",
    "DEAD_LETTER",
    "GROUP",
    "KIND",
    "MANAGER",
    "PLURAL",
    "SHORT_NAMES",
    "SINGULAR",
    "VALIDATIONS",
    "VERSION",
    "Concurrency",
    "Condition",
    "ConditionType",
    "HttpEndpoint",
    "Images",
    "Ingress",
    "Model",
    "NamespaceManagement",
    "Nats",
    "NatsCredentials",
    "NatsSource",
    "NatsTarget",
    "Output",
    "PodTemplate",
    "ProcessIdentity",
    "ProcessSpec",
    "ProcessStatus",
    "Rollout",
    "RolloutStatus",
    "RolloutStep",
    "SecretKeyReference",
    "Stream",
    "Subscription",
    "Temporal",
    "TemporalTls",
    "Variable",
    "Worker",
    "Workload",
    "WorkloadStatus",
]
