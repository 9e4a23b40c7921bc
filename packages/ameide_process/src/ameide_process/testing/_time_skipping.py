"""Lets time run on Temporal's time-skipping server."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from temporalio.api.testservice.v1 import LockTimeSkippingRequest, UnlockTimeSkippingRequest
from temporalio.client import Client


@asynccontextmanager
async def running_time(client: Client) -> AsyncGenerator[None]:
    """Lets the server skip from timer to timer while the context is open; outside of it, time stands still.

    The SDK does so for a handle that `start_workflow` gave, and not for one of a workflow that a signal started.
    """
    await client.test_service.unlock_time_skipping(UnlockTimeSkippingRequest())
    try:
        yield
    finally:
        await client.test_service.lock_time_skipping(LockTimeSkippingRequest())
