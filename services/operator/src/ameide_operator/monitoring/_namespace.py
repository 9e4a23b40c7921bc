"""Whether the Temporal namespace is there, and how it is made and kept where it is ours to manage."""

from datetime import timedelta

from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ameide_operator.conditions import Reason, Verdict, available, failing, unknown

CALL_LIMIT = timedelta(seconds=5)
"""For each call."""

_REFUSED = frozenset({RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED})


async def look_at_namespace(client: Client, namespace: str) -> tuple[DescribeNamespaceResponse | None, Verdict]:
    """Describes a namespace.

    Returns:
        What the server says of it, None where it says nothing, and how it stands.
    """
    request = DescribeNamespaceRequest(namespace=namespace)
    try:
        described = await client.workflow_service.describe_namespace(request, retry=False, timeout=CALL_LIMIT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None, failing(
                Reason.NOT_FOUND,
                f"Temporal has no namespace {namespace!r}; register it, or set namespaceManagement.mode to "
                "EnsureSelfHosted",
            )
        if error.status in _REFUSED:
            return None, failing(
                Reason.UNAUTHORIZED,
                f"the credentials may not use namespace {namespace!r}: {error.message}; grant them access to it",
            )
        return None, unknown(
            Reason.DIAL_FAILED, f"Temporal does not say how namespace {namespace!r} is: {error.message}"
        )
    return described, available(f"namespace {namespace!r} is there")


async def ensure_namespace(client: Client, namespace: str, retention: timedelta) -> Verdict:
    """Registers a namespace that is missing, and raises a retention that is too short.

    Args:
        client: One that may do that.
        namespace: Its name.
        retention: How long it keeps closed workflows at least.
    """
    described, verdict = await look_at_namespace(client, namespace)
    try:
        if described is None:
            return await _register(client, namespace, retention) if verdict.reason is Reason.NOT_FOUND else verdict
        return await _keep(client, namespace, retention, described)
    except RPCError as error:
        if error.status in _REFUSED:
            return failing(
                Reason.UNAUTHORIZED,
                f"the credentials may not manage namespace {namespace!r}: {error.message}; name others by "
                "namespaceManagement.adminSecretRef",
            )
        if error.status is RPCStatusCode.UNIMPLEMENTED:
            return failing(
                Reason.NAMESPACE_MANAGED,
                f"this server manages namespace {namespace!r} itself; set namespaceManagement.mode to External",
            )
        return unknown(Reason.DIAL_FAILED, f"namespace {namespace!r} could not be managed: {error.message}")


async def _register(client: Client, namespace: str, retention: timedelta) -> Verdict:
    request = RegisterNamespaceRequest(namespace=namespace)
    request.workflow_execution_retention_period.FromTimedelta(retention)
    try:
        await client.workflow_service.register_namespace(request, retry=False, timeout=CALL_LIMIT)
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:  # another operator was faster
            raise
    return available(f"namespace {namespace!r} was registered, with a retention of {retention.days} days")


async def _keep(client: Client, namespace: str, retention: timedelta, described: DescribeNamespaceResponse) -> Verdict:
    has = described.config.workflow_execution_retention_ttl.ToTimedelta()
    if has == retention:
        return available(f"namespace {namespace!r} is there, with a retention of {retention.days} days")
    if has > retention:
        # To shorten it would destroy histories.
        return Verdict(
            holds=True,
            reason=Reason.RETENTION_DRIFT,
            message=f"namespace {namespace!r} keeps closed workflows for {has.days} days, spec says {retention.days}; "
            "it is never shortened: correct namespaceManagement.retention, or shorten it yourself",
        )
    request = UpdateNamespaceRequest(namespace=namespace)
    request.config.workflow_execution_retention_ttl.FromTimedelta(retention)
    await client.workflow_service.update_namespace(request, retry=False, timeout=CALL_LIMIT)
    return available(f"the retention of namespace {namespace!r} was raised from {has.days} to {retention.days} days")
