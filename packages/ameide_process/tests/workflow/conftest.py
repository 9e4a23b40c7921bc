"""Servers and stages of the workflow tests.

The sandbox imports workflows by name, so this folder is put on the path for `workflow_samples`.
"""

import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest_asyncio
from ameide_devstack import TemporalDevServer
from ameide_process.converter import DATA_CONVERTER
from temporalio.client import Client

sys.path.insert(0, str(Path(__file__).parent))

from workflow_stage import Stage

EAGER_SUGGESTION = 120
"""Events of history after which the eager server suggests to continue as new; the default is 4,096."""


@pytest_asyncio.fixture(scope="session")
async def client() -> AsyncGenerator[Client]:
    """Client of a dev server with Temporal's own settings."""
    async with TemporalDevServer() as server:
        yield await server.connect(data_converter=DATA_CONVERTER)


@pytest_asyncio.fixture(scope="session")
async def eager_client() -> AsyncGenerator[Client]:
    """Client of a dev server that suggests to continue as new early."""
    settings = {
        "limit.historyCount.suggestContinueAsNew": EAGER_SUGGESTION,
        # Else the server lets a run begin a second after the one before it at the earliest.
        "history.continueAsNewMinInterval": "0s",
    }
    async with TemporalDevServer(dynamic_config=settings) as server:
        yield await server.connect(data_converter=DATA_CONVERTER)


@pytest_asyncio.fixture
async def stage(client: Client) -> AsyncGenerator[Stage]:
    """A stage on the dev server; in the end, every history that it made is replayed."""
    stage = Stage(client)
    yield stage
    await stage.close()


@pytest_asyncio.fixture
async def eager_stage(eager_client: Client) -> AsyncGenerator[Stage]:
    """The same where Continue-As-New is suggested early."""
    stage = Stage(eager_client)
    yield stage
    await stage.close()
