"""How a process reaches Temporal."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from ameide_operator.models._base import HOST_AND_PORT, Model, immutable, refuse_unless
from ameide_operator.models._kubernetes import SecretKeyReference, SecretName

_IS_NO_CLOUD = (
    "!has(self.namespaceManagement) || self.namespaceManagement.mode != 'EnsureSelfHosted' || "
    "!self.address.matches('[.](tmprl[.]cloud|api[.]temporal[.]io):[0-9]+$')"
)
"""CEL: the namespace is not to be managed in Temporal Cloud."""

_BAD_LABELS = "[^.]{64}|[.][.]|^[.]"
"""Pattern of what is no host name: an empty label, or one of more than 63 characters."""


class TemporalTls(Model):
    """TLS towards the Temporal frontend."""

    model_config = ConfigDict(
        json_schema_extra=refuse_unless(
            (
                "self.mode != 'mTLS' || has(self.secretRef)",
                "mode mTLS needs secretRef, a Secret with tls.crt and tls.key",
            ),
            (
                f"!has(self.serverName) || !self.serverName.matches('{_BAD_LABELS}')",
                "serverName must be a host name: labels of 1 to 63 characters with a dot between them",
            ),
        )
    )

    mode: Literal["TLS", "mTLS"] = "mTLS"
    """TLS: the server shows a certificate. mTLS: the client shows one too, from secretRef."""
    secret_ref: SecretName | None = None
    """Secret with tls.crt and tls.key (mTLS), and with ca.crt where the server's certificate is signed by a private
    authority. A change of its content reaches the pods without a restart by hand."""
    server_name: (
        Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9.:]*[A-Za-z0-9])?$")]
        | None
    ) = None
    """Name in the server's certificate; unset: the host of address."""


class NamespaceManagement(Model):
    """Who creates the Temporal namespace."""

    model_config = ConfigDict(
        json_schema_extra=refuse_unless(
            (
                "self.mode != 'EnsureSelfHosted' || has(self.retention)",
                "mode EnsureSelfHosted needs retention, such as 30d",
            ),
            (
                "self.mode == 'EnsureSelfHosted' || (!has(self.retention) && !has(self.adminSecretRef))",
                "retention and adminSecretRef belong to mode EnsureSelfHosted",
            ),
        )
    )

    mode: Literal["External", "EnsureSelfHosted"] = "External"
    """External: the namespace must exist, it is never changed. EnsureSelfHosted: the operator registers it where it is
    missing, and raises its retention; never for Temporal Cloud, and it is never deleted."""
    retention: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}d$", max_length=6)] | None = None
    """How long closed workflows are kept, in days, such as 30d. It is raised where the namespace has less, and never
    shortened: that would destroy histories."""
    admin_secret_ref: SecretName | None = None
    """Secret with the credentials that may register namespaces: tls.crt and tls.key where tls.mode is mTLS, else
    api-key; with mTLS api-key where the server wants one too. ca.crt is that of the process unless it is there. Unset:
    the credentials of the process."""


class Temporal(Model):
    """The Temporal frontend, the namespace, and who we are to them."""

    model_config = ConfigDict(
        json_schema_extra=refuse_unless(
            (
                "!has(self.apiKeySecretRef) || has(self.tls)",
                "apiKeySecretRef needs tls: an API key never travels in clear",
            ),
            (
                "(has(self.taskQueue) ? self.taskQueue : '') == (has(oldSelf.taskQueue) ? oldSelf.taskQueue : '')",
                "taskQueue cannot be changed: open workflows wait on the old one",
            ),
            (
                f"!self.address.split(':')[0].matches('{_BAD_LABELS}')",
                "the host of address must be a host name: labels of 1 to 63 characters with a dot between them",
            ),
            (
                "self.namespace != 'temporal-system'",
                "namespace temporal-system is Temporal's own; name another",
            ),
            (
                "has(self.tls) || !has(self.namespaceManagement) || !has(self.namespaceManagement.adminSecretRef)",
                "namespaceManagement.adminSecretRef needs tls: credentials never travel in clear",
            ),
            (
                _IS_NO_CLOUD,
                "Temporal Cloud manages its namespaces itself; set namespaceManagement.mode to External",
            ),
        )
    )

    address: Annotated[str, Field(min_length=3, max_length=320, pattern=HOST_AND_PORT)]
    """host:port of the frontend, without a scheme, such as temporal-frontend.temporal.svc:7233."""
    namespace: Annotated[
        str, Field(min_length=1, max_length=255, json_schema_extra=immutable("the Temporal namespace"))
    ]
    """Temporal namespace of the workflows. Cannot be changed."""
    task_queue: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    """Task queue that the worker polls and the ingress starts workflows on; unset: the one that the process declares.
    Cannot be changed."""
    tls: TemporalTls | None = None
    """TLS towards the frontend; unset: plain text."""
    api_key_secret_ref: SecretKeyReference | None = None
    """API key or token, sent with every call; needs tls."""
    identity: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """Identity of the operator's own calls; unset: ameide-operator."""
    namespace_management: Annotated[NamespaceManagement, Field(json_schema_extra={"default": {"mode": "External"}})] = (
        Field(default_factory=NamespaceManagement)
    )
    """Who creates the Temporal namespace."""
