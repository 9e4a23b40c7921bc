"""One server for all tests of a file."""

from collections.abc import AsyncGenerator

import pytest
from ameide_devstack import NatsServer


@pytest.fixture(scope="module")
async def server() -> AsyncGenerator[NatsServer]:
    async with NatsServer() as server:
        yield server
