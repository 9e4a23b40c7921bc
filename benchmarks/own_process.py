"""A measurement in an interpreter of its own, which nothing of other measurements is in."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Coroutine, Mapping
from typing import Any, NoReturn


async def measured_apart(script: str, *arguments: str) -> dict[str, float]:
    """Runs a benchmark's script with arguments, which lets it measure and `report`; returns its figures.

    Raises:
        RuntimeError: The script failed; it has said why on stderr.
    """
    child = await asyncio.create_subprocess_exec(sys.executable, script, *arguments, stdout=subprocess.PIPE)
    output, _ = await child.communicate()
    if child.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)} failed")
    return json.loads(output.splitlines()[-1])


def report(measurement: Coroutine[Any, Any, Mapping[str, float]]) -> NoReturn:
    """Runs a measurement, prints its figures as JSON, and ends the program."""
    print(json.dumps(asyncio.new_event_loop().run_until_complete(measurement)))
    leave()


def leave(code: int = 0) -> NoReturn:
    """Ends the program at once: the SDK's threads can abort an interpreter that shuts down in its own time."""
    sys.stdout.flush()
    os._exit(code)
