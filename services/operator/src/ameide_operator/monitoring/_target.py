"""What a monitor looks at: one connection to Temporal and one namespace."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from ameide_operator.models import MANAGER, ProcessSpec
from ameide_operator.secret_summary import SecretSummary


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """A Secret at one content: another content is another connection."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class TemporalTarget:
    """A connection to Temporal and a namespace; resources that agree in all of it share a monitor."""

    kubernetes_namespace: str
    """Where its Secrets are."""
    address: str
    namespace: str
    identity: str
    tls: bool = False
    certificate: SecretVersion | None = None
    """Secret with certificates."""
    shows_certificate: bool = False
    server_name: str | None = None
    api_key: SecretVersion | None = None
    api_key_name: str = ""
    """Its key in the Secret's data."""
    retention: timedelta | None = None
    """How long the namespace should keep closed workflows; None: the namespace is not ours to manage."""
    admin: SecretVersion | None = None
    """Secret with the credentials for that; None: the same as for all else."""


def temporal_target(
    spec: ProcessSpec, kubernetes_namespace: str, secrets: Mapping[str, SecretSummary | None]
) -> TemporalTarget:
    """The connection that a resource describes.

    Args:
        spec: Of the resource.
        kubernetes_namespace: Of the resource.
        secrets: Summaries of the Secrets that it names.
    """

    def version(name: str | None) -> SecretVersion | None:
        summary = secrets.get(name) if name else None
        return SecretVersion(summary.name, summary.digest) if summary else None

    temporal = spec.temporal
    management = temporal.namespace_management
    api_key = temporal.api_key_secret_ref
    return TemporalTarget(
        kubernetes_namespace=kubernetes_namespace,
        address=temporal.address,
        namespace=temporal.namespace,
        identity=temporal.identity or MANAGER,
        tls=temporal.tls is not None,
        certificate=version(temporal.tls.secret_ref if temporal.tls else None),
        shows_certificate=temporal.tls is not None and temporal.tls.mode == "mTLS",
        server_name=temporal.tls.server_name if temporal.tls else None,
        api_key=version(api_key.name if api_key else None),
        api_key_name=api_key.key if api_key else "",
        retention=timedelta(days=int(management.retention.removesuffix("d"))) if management.retention else None,
        admin=version(management.admin_secret_ref),
    )
