"""The proof under faults in short: the run of `nox -s chaos` with a few thousand events and each fault once."""

import asyncio
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[1]


async def test_every_event_is_accounted_for_under_faults(tmp_path: Path) -> None:
    report = tmp_path / "chaos.md"
    size = ("--events", "4000", "--keys", "100", "--hot-events", "1200", "--seconds", "30", "--seed", "7")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "chaos/run.py"),
        *size,
        "--report",
        str(report),
        "--logs",
        str(tmp_path / "logs"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    written = report.read_text()
    for nothing in ("lost", "doubled", "order violations"):
        assert f"| **{nothing}** | **0** |" in written
    # What must have happened for that to mean something.
    for happened in (
        "all workers away until the hot key was parked",
        "messages waited for the dead-letter topic",
        "a key's dedupe window passed while a member hung",
    ):
        assert f"| {happened} | 1 |" in written
