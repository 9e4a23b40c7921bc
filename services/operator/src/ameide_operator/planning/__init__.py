"""The pure part of the operator: what should be there, given what is wanted and what is there."""

from ameide_operator.planning._bindings import CONFIG_FOLDER, INGRESS_FILE, OUTPUTS_FILE, SECRETS_FOLDER
from ameide_operator.planning._builds import BUILD_LABEL, Build, build_of, deployment_name, wanted_build, workload_name
from ameide_operator.planning._deployment import CONFIG_HASH, SECRETS_HASH, image_of
from ameide_operator.planning._names import (
    COMPONENT_LABEL,
    MANAGED_BY_LABEL,
    RESOURCE_LABEL,
    Component,
    Owner,
    child_name,
    shortened,
)
from ameide_operator.planning._plan import (
    CHILD_KINDS,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    SERVICE_MONITOR,
    Child,
    ChildKey,
    Observed,
    Plan,
    components,
    plan_children,
)
from ameide_operator.planning._replicas import ABSENT, ReplicasSeen, planned_replicas, replicas_seen
from ameide_operator.planning._secret_uses import (
    API_KEY,
    AUTHORITY,
    CERTIFICATE,
    PRIVATE_KEY,
    SecretUse,
    secret_uses,
)

__all__ = [
    "ABSENT",
    "API_KEY",
    "AUTHORITY",
    "BUILD_LABEL",
    "CERTIFICATE",
    "CHILD_KINDS",
    "COMPONENT_LABEL",
    "CONFIG_FOLDER",
    "CONFIG_HASH",
    "DEPLOYMENT",
    "DISRUPTION_BUDGET",
    "INGRESS_FILE",
    "MANAGED_BY_LABEL",
    "OUTPUTS_FILE",
    "PRIVATE_KEY",
    "RESOURCE_LABEL",
    "SECRETS_FOLDER",
    "SECRETS_HASH",
    "SERVICE_MONITOR",
    "Build",
    "Child",
    "ChildKey",
    "Component",
    "Observed",
    "Owner",
    "Plan",
    "ReplicasSeen",
    "SecretUse",
    "build_of",
    "child_name",
    "components",
    "deployment_name",
    "image_of",
    "plan_children",
    "planned_replicas",
    "replicas_seen",
    "secret_uses",
    "shortened",
    "wanted_build",
    "workload_name",
]
