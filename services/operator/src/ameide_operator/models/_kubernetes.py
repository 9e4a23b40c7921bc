"""Parts of a pod that people may set, in the words of Kubernetes' own API."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field, WithJsonSchema

from ameide_operator.models._base import Model, list_by, refuse_unless

Quantity: TypeAlias = Annotated[
    int | str,
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            # The pattern of Kubernetes' own CRDs.
            "pattern": r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
            r"(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$",
            "x-kubernetes-int-or-string": True,
        }
    ),
]
"""An amount such as 250m, 2 or 512Mi."""

OpenObject: TypeAlias = Annotated[
    dict[str, Any], WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
]
"""An object whose fields Kubernetes itself checks, when the Deployment is written."""

SecretName: TypeAlias = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
"""Name of a Secret in the namespace of the resource."""

_IS_FREE = (
    "!self.name.startsWith('TEMPORAL_') && !(self.name in ['PROCESS_NAME', 'PROCESS_API_MAJOR', "
    "'PORT_HTTP', 'HTTP_HOST', 'INGRESS_CONFIG', 'INGRESS_OLDEST_UNACKNOWLEDGED_SECONDS', "
    "'OUTPUT_CONFIG', 'TERMINATION_LOG'])"
)
"""CEL: the operator does not set the variable itself."""

_EnvironmentName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]


class SecretKeyReference(Model):
    """One key of a Secret in the namespace of the resource."""

    name: SecretName
    """Name of the Secret."""
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
    """Key in its data."""


class ConfigMapKeyReference(Model):
    """One key of a ConfigMap in the namespace of the resource."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of the ConfigMap."""
    key: Annotated[str, Field(min_length=1, max_length=253)]
    """Key in its data."""


class VariableSource(Model):
    """Where the value of a variable comes from."""

    model_config = ConfigDict(
        json_schema_extra=refuse_unless(
            ("has(self.secretKeyRef) != has(self.configMapKeyRef)", "set secretKeyRef or configMapKeyRef, one of them")
        )
    )

    secret_key_ref: SecretKeyReference | None = None
    """A key of a Secret."""
    config_map_key_ref: ConfigMapKeyReference | None = None
    """A key of a ConfigMap."""


class Variable(Model):
    """An environment variable of the container."""

    model_config = ConfigDict(
        json_schema_extra=refuse_unless(
            ("has(self.value) != has(self.valueFrom)", "set value or valueFrom, one of them"),
            (
                _IS_FREE,
                "the operator sets this variable itself, from the other fields of spec",
            ),
        )
    )

    name: _EnvironmentName
    """Name of the variable. Those that the operator sets itself are refused."""
    value: Annotated[str, Field(max_length=32768)] | None = None
    """Its value. For a secret take valueFrom."""
    value_from: VariableSource | None = None
    """Where its value comes from."""


class Resources(Model):
    """CPU and memory of the container, as in a Pod."""

    requests: Annotated[dict[str, Quantity], Field(max_length=16)] | None = None
    """What the scheduler sets aside for the container, by resource name, such as cpu: 250m."""
    limits: Annotated[dict[str, Quantity], Field(max_length=16)] | None = None
    """What the container may use at most, by resource name, such as memory: 512Mi."""


class Toleration(Model):
    """A taint that the pods tolerate, as in a Pod."""

    model_config = ConfigDict(
        json_schema_extra=refuse_unless(
            (
                "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
                "without key, which is every taint, operator must be Exists",
            ),
            (
                "!has(self.value) || !has(self.operator) || self.operator == 'Equal'",
                "value belongs to operator Equal",
            ),
            (
                "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
                "tolerationSeconds belongs to effect NoExecute",
            ),
        )
    )

    key: Annotated[str, Field(max_length=316)] | None = None
    """Key of the taint; unset with operator Exists: every taint."""
    operator: Literal["Exists", "Equal"] | None = None
    """How key and value are compared; Equal when unset."""
    value: Annotated[str, Field(max_length=63)] | None = None
    """Value of the taint, with operator Equal."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Effect of the taint; unset: every effect."""
    toleration_seconds: Annotated[int, Field(ge=0)] | None = None
    """With effect NoExecute: how long pods stay, in seconds; unset: for ever."""


class PodSecurity(Model):
    """Users of the pods. Everything else follows the restricted Pod Security Standard and cannot be loosened."""

    run_as_user: Annotated[int, Field(ge=1)] | None = None
    """User id of the container; unset: the image's, which must not be root."""
    run_as_group: Annotated[int, Field(ge=1)] | None = None
    """Primary group id of the container; unset: the image's."""
    fs_group: Annotated[int, Field(ge=1)] | None = None
    """Group id that owns the pod's volumes."""


class PodTemplate(Model):
    """What pods have beside what the operator sets."""

    labels: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32)] | None = None
    """Further labels of the pods. Those under ameide.io/ and app.kubernetes.io/ are the operator's."""
    annotations: Annotated[dict[str, str], Field(max_length=32)] | None = None
    """Further annotations of the pods."""
    service_account_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """ServiceAccount of the pods; unset: one without permissions that the operator creates."""
    node_selector: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32)] | None = None
    """Labels that a node must have."""
    tolerations: Annotated[list[Toleration], Field(max_length=32)] | None = None
    """Taints that the pods tolerate."""
    affinity: OpenObject | None = None
    """Where pods are placed relative to nodes and other pods; the fields of a Pod's affinity."""
    topology_spread_constraints: Annotated[list[OpenObject], Field(max_length=8)] | None = None
    """How pods are spread over zones and nodes; the fields of a Pod's topologySpreadConstraints."""
    priority_class_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """PriorityClass of the pods."""
    security_context: PodSecurity | None = None
    """Users of the pods."""
    env: (
        Annotated[
            list[Variable],
            Field(
                max_length=64,
                json_schema_extra=list_by("name"),
            ),
        ]
        | None
    ) = None
    """Further environment variables, for activities for example."""
