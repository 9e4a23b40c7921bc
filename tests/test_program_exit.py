"""A program that ran a Temporal worker ends cleanly, every time.

The SDK's threads can abort an interpreter that shuts down beside them; seven of twenty ended so before the mains ended
themselves.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp
import pytest
from ameide_devstack import TemporalDevServer
from ameide_devstack.testing import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

TIMES = 50
AT_ONCE = 5


@pytest.fixture
async def environment(tmp_path: Path) -> AsyncGenerator[dict[str, str]]:
    outputs = tmp_path / "outputs.json"
    outputs.write_text(
        json.dumps({"dead-letter": {"kind": "kafka", "bootstrapServers": "127.0.0.1:1", "topic": "dead-letter"}})
    )
    async with TemporalDevServer() as temporal:
        yield {**os.environ, **temporal.environment(), "HTTP_HOST": "127.0.0.1", "OUTPUT_CONFIG": str(outputs)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def _ready(port: int) -> bool:
    try:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/readyz") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


async def _end_one(environment: dict[str, str], number: int, folder: Path) -> tuple[int, str]:
    """Starts a worker, waits until it polls, ends it; returns exit code and log."""
    port = _free_port()
    log = folder / f"{number}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "order_fulfillment_generated.worker",
            env={**environment, "PORT_HTTP": str(port), "TERMINATION_LOG": str(folder / f"{number}.termination")},
            stdout=output,
            stderr=output,
        )
    await wait_until(lambda: _ready(port), timeout_s=60)
    process.send_signal(signal.SIGTERM)
    code = await asyncio.wait_for(process.wait(), 60)
    return code, log.read_text()


async def test_a_worker_ends_cleanly_fifty_times(environment: dict[str, str], tmp_path: Path) -> None:
    limit = asyncio.Semaphore(AT_ONCE)

    async def limited(number: int) -> tuple[int, str]:
        async with limit:
            return await _end_one(environment, number, tmp_path)

    ends = await asyncio.gather(*(limited(number) for number in range(TIMES)))
    assert [log for code, log in ends if code != 0 or "Fatal Python error" in log] == []
