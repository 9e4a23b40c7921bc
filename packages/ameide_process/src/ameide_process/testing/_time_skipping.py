"""Lets time run on Temporal's time-skipping server."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from temporalio.api.testservice.v1 import LockTimeSkippingRequest, UnlockTimeSkippingRequest
from temporalio.testing import WorkflowEnvironment


@asynccontextmanager
async def running_time(environment: WorkflowEnvironment) -> AsyncGenerator[None]:
    """Lets the server skip from timer to timer while the context is open; outside of it, time stands still.

    On a server that does not skip time nothing happens. The SDK does so for a handle that `start_workflow` gave, and
    not for one of a workflow that a signal started.
    """
    if not environment.supports_time_skipping:
        yield
        return
    client = environment.client
    await client.test_service.unlock_time_skipping(UnlockTimeSkippingRequest())
    try:
        yield
    finally:
        await client.test_service.lock_time_skipping(LockTimeSkippingRequest())
