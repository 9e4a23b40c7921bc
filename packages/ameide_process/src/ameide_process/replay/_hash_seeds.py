"""Replays under several hash seeds: each seed is an interpreter of its own, since Python takes it at its start.

The order of a set of strings depends on the seed, and with it the order of the commands that a loop over it gives.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
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


def replay_under_seeds(parts: str, files: Sequence[Path]) -> dict[int, list[Outcome]]:
    """Replays histories in an interpreter for each hash seed, as many at once as there are processors.

    Args:
        parts: Where the child finds the process: `<module>:<function that gives WorkerParts, or such an object>`.
        files: The histories, each of a closed run.

    Returns:
        For each seed an outcome for each file, in order.

    Raises:
        ReplayCrashedError: An interpreter gave no answer.
    """
    request = json.dumps({"parts": parts, "files": [str(file) for file in files]}).encode()
    with ThreadPoolExecutor(os.cpu_count()) as children:
        outcomes = children.map(partial(_replay_in_child, request), HASH_SEEDS)
        return dict(zip(HASH_SEEDS, outcomes, strict=True))


def _replay_in_child(request: bytes, seed: int) -> list[Outcome]:
    environment = os.environ | {"PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        child = subprocess.run(
            [sys.executable, "-m", "ameide_process.replay"],
            check=False, input=request, capture_output=True, env=environment, timeout=CHILD_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ReplayCrashedError(f"the replay under PYTHONHASHSEED={seed} took over {CHILD_SECONDS} s") from None
    if child.returncode != 0:
        printed = child.stderr.decode(errors="replace")[-2000:].strip()
        raise ReplayCrashedError(f"the replay under PYTHONHASHSEED={seed} ended with {child.returncode}: {printed}")
    return [outcome_of(entry) for entry in json.loads(child.stdout)]


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
