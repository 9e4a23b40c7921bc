"""Delivers signals as the ingress does, for tests."""

import asyncio

from temporalio.api.workflowservice.v1 import SignalWithStartWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError

_CLOSING = "workflow is closing"
"""Temporal's words while it ends a run, by Continue-As-New for example, and lets no signal in."""

_RETRY_SECONDS = 0.01


async def deliver(client: Client, request: SignalWithStartWorkflowExecutionRequest) -> None:
    """Makes a Signal-With-Start call, again and again while Temporal lets no signal in since it closes a run.

    Raises:
        RPCError: The server refuses the call for another reason.
    """
    while True:
        try:
            await client.workflow_service.signal_with_start_workflow_execution(request)
        except RPCError as error:
            if _CLOSING not in error.message:
                raise
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return
