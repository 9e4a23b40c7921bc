"""Every reason that a condition can have; the operator's README says of each what it means and what to do."""

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why a condition is as it is, in one word for programs."""

    AVAILABLE = "Available"
    PROGRESSING = "Progressing"
    INVALID_SPEC = "InvalidSpec"
    CHILD_CONFLICT = "ChildConflict"
    FORBIDDEN = "Forbidden"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 # a word, no secret
    SECRET_KEY_MISSING = "SecretKeyMissing"  # noqa: S105 # likewise
    CERTIFICATE_INVALID = "CertificateInvalid"
    CERTIFICATE_EXPIRED = "CertificateExpired"
    CERTIFICATE_EXPIRING = "CertificateExpiring"
    DIAL_FAILED = "DialFailed"
    TLS_HANDSHAKE_FAILED = "TLSHandshakeFailed"
    UNAUTHORIZED = "Unauthorized"
    NOT_FOUND = "NotFound"
    RETENTION_DRIFT = "RetentionDrift"
    RETENTION_CONFLICT = "RetentionConflict"
    NAMESPACE_MANAGED = "NamespaceManaged"
    CONTRACT_MISMATCH = "ContractMismatch"
    INVALID_CONFIGURATION = "InvalidConfiguration"
    CRASH_LOOP = "CrashLoopBackOff"
    OOM_KILLED = "OOMKilled"
    IMAGE_PULL = "ImagePullBackOff"
    CONTAINER_CONFIG = "CreateContainerConfigError"
    UNSCHEDULABLE = "Unschedulable"
    PODS_REFUSED = "PodsRefused"
    UPSTREAM_UNAVAILABLE = "UpstreamUnavailable"
    NO_POLLERS = "NoPollers"
    DEPLOYMENT_LIMIT = "DeploymentLimitReached"
    MANAGER_CONFLICT = "ManagerConflict"
    BUILD_GONE = "BuildGone"


STALLED: Final = frozenset(
    {Reason.INVALID_SPEC, Reason.CHILD_CONFLICT, Reason.CONTRACT_MISMATCH, Reason.INVALID_CONFIGURATION}
)
"""Reasons that never go away by waiting: somebody must change a resource."""
