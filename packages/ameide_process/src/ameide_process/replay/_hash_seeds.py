"""Replays under several hash seeds: each seed is an interpreter of its own, since Python takes it at its start.

The order of a set of strings depends on the seed, and with it the order of the commands that a loop over it gives.
"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ameide_process.replay._comparison import Difference
from ameide_process.replay._replaying import Outcome

HASH_SEEDS = tuple(range(8))
"""Two elements of a set stand in either order with equal chance: seven seeds find 99 of 100 such loops (measured)."""

CHILD_SECONDS = 120
"""For one interpreter to replay all histories; core's deadlock detector ends a workflow task after two seconds."""


class ReplayCrashedError(Exception):
    """An interpreter gave no answer; the message has the end of what it printed."""


async def replay_under_seeds(parts: str, files: Sequence[Path]) -> dict[int, list[Outcome]]:
    """Replays histories in an interpreter for each hash seed, as many at once as there are processors.

    Args:
        parts: Where the child finds the process: `<module>:<function that gives WorkerParts, or such an object>`.
        files: The histories, each of a closed run.

    Returns:
        For each seed an outcome for each file, in order.

    Raises:
        ReplayCrashedError: An interpreter gave no answer.
    """
    free = asyncio.Semaphore(os.cpu_count() or 1)
    request = json.dumps({"parts": parts, "files": [str(file) for file in files]}).encode()

    async def replay(seed: int) -> list[Outcome]:
        async with free:
            return await _replay_in_child(seed, request)

    return dict(zip(HASH_SEEDS, await asyncio.gather(*map(replay, HASH_SEEDS)), strict=True))


async def _replay_in_child(seed: int, request: bytes) -> list[Outcome]:
    environment = os.environ | {"PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join(sys.path)}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ameide_process.replay",
        env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(CHILD_SECONDS):
            answer, printed = await child.communicate(request)
    except TimeoutError:
        raise ReplayCrashedError(f"the replay under PYTHONHASHSEED={seed} took over {CHILD_SECONDS} s") from None
    finally:
        if child.returncode is None:
            child.kill()
    if child.returncode != 0:
        raise ReplayCrashedError(
            f"the replay under PYTHONHASHSEED={seed} ended with {child.returncode}: "
            f"{printed.decode(errors='replace')[-2000:]}"
        )
    return [outcome_of(entry) for entry in json.loads(answer)]


def as_json(outcomes: Sequence[Outcome]) -> str:
    """Outcomes as the child hands them to its parent."""
    return json.dumps([asdict(outcome) for outcome in outcomes])


def outcome_of(entry: dict[str, Any]) -> Outcome:
    """An outcome as the parent gets it from its child."""
    return Outcome(
        entry["history"],
        entry["refusal"],
        tuple(Difference(**difference) for difference in entry["differences"]),
    )
