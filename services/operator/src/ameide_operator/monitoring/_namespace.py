"""Whether the Temporal namespace is there, and how it is made and kept where it is ours to manage."""

from datetime import timedelta
from typing import Final

from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ameide_operator.conditions import Reason, Verdict, available, failing, unknown
from ameide_operator.monitoring._credential_places import ADMIN_FIELD, CredentialPlaces
from ameide_operator.temporal_calls import CALL_LIMIT, words_of

_REFUSED: Final = frozenset({RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED})


async def look_at_namespace(
    client: Client, namespace: str, places: CredentialPlaces
) -> tuple[DescribeNamespaceResponse | None, Verdict]:
    """Describes a namespace.

    Args:
        client: Whoever should see it.
        namespace: Its name.
        places: Where the client's credentials come from.

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
            words = f"{places.shown} may not use namespace {namespace!r}; {places.access_advice}"
            return None, failing(Reason.UNAUTHORIZED, words)
        return None, unknown(
            Reason.DIAL_FAILED, f"Temporal does not say how namespace {namespace!r} is: {words_of(error)}"
        )
    return described, available(f"namespace {namespace!r} is there")


async def ensure_namespace(client: Client, namespace: str, retention: timedelta, places: CredentialPlaces) -> Verdict:
    """Registers a namespace that is missing, and raises a retention that is too short.

    Args:
        client: One that may do that.
        namespace: Its name.
        retention: How long it keeps closed workflows at least.
        places: Where the client's credentials come from.
    """
    described, verdict = await look_at_namespace(client, namespace, places)
    try:
        if described is None:
            if verdict.reason is Reason.NOT_FOUND:
                return await _register(client, namespace, retention)
            return _may_not_manage(namespace, places) if verdict.reason is Reason.UNAUTHORIZED else verdict
        return await _keep(client, namespace, retention, described)
    except RPCError as error:
        if error.status in _REFUSED:
            return _may_not_manage(namespace, places)
        if error.status is RPCStatusCode.UNIMPLEMENTED:
            return failing(
                Reason.NAMESPACE_MANAGED,
                f"this server manages namespace {namespace!r} itself; set namespaceManagement.mode to External",
            )
        return unknown(Reason.DIAL_FAILED, f"namespace {namespace!r} could not be managed: {words_of(error)}")


def _may_not_manage(namespace: str, places: CredentialPlaces) -> Verdict:
    others = "" if places.is_admin else f", or name a Secret with credentials that may in {ADMIN_FIELD}"
    words = f"{places.shown} may not manage namespace {namespace!r}; {places.access_advice}{others}"
    return failing(Reason.UNAUTHORIZED, words)


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
