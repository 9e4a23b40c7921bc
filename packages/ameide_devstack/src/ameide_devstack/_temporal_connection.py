"""Asks a Temporal frontend whether it serves."""

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError


async def why_frontend_not_reachable(address: str) -> str | None:
    """Return None when a Temporal frontend answers at `address`, otherwise what went wrong."""
    try:
        client = await Client.connect(address)
        await client.workflow_service.get_system_info(GetSystemInfoRequest())
    except (RuntimeError, RPCError) as error:  # the SDK raises RuntimeError when it cannot connect
        return str(error)
    return None


async def why_namespace_not_served(address: str, namespace: str) -> str | None:
    """Return None when the frontend at `address` knows `namespace`, otherwise what it said instead."""
    try:
        client = await Client.connect(address, namespace=namespace)
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    except (RuntimeError, RPCError) as error:  # the SDK raises RuntimeError when it cannot connect
        return str(error)
    return None
