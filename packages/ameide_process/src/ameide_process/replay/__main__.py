"""Replays histories in this interpreter, under its hash seed: a JSON request on stdin, a JSON answer on stdout."""

import asyncio
import importlib
import json
import logging
import os
import sys
from pathlib import Path

from ameide_process.replay._hash_seeds import as_json
from ameide_process.replay._replaying import replay_stored
from ameide_process.replay._stored_history import read_history
from ameide_process.worker_parts import WorkerParts


def main() -> None:
    """Answers the request. What the impl prints goes to stderr."""
    answer = os.dup(1)
    os.dup2(2, 1)
    # The SDK logs each refused replay with its stack; the answer says it better.
    logging.disable(logging.CRITICAL)
    request = json.load(sys.stdin)
    module, _, name = request["parts"].partition(":")
    named = getattr(importlib.import_module(module), name)
    parts = named if isinstance(named, WorkerParts) else named()
    workflow_type = parts.definition.contract.workflow_type
    histories = [read_history(Path(file), workflow_type) for file in request["files"]]
    outcomes = asyncio.run(replay_stored(parts, histories))
    os.write(answer, as_json(outcomes).encode())
    os.close(answer)
    sys.stderr.flush()
    # An interpreter that ran a Temporal worker may abort while it ends in the usual way.
    os._exit(0)


if __name__ == "__main__":
    main()
