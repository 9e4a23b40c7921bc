"""The operator in a process of its own, as a pod runs it: what is measured of it, and what can be killed."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def operator_process(
    kubeconfig: Path, namespace: str, *, log: Path | None = None, **settings: object
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Runs it while the block runs, and kills it at the end, as by a node that dies.

    Args:
        kubeconfig: Its way in.
        namespace: The namespace that it looks at.
        log: Where it writes; None: nowhere.
        settings: Others of its settings, by name.
    """
    wanted = {"namespace": namespace, "http_port": 0, **settings}
    environment = {f"AMEIDE_OPERATOR_{name.upper()}": str(value) for name, value in wanted.items()}
    environment["MALLOC_ARENA_MAX"] = "1"  # as the chart has it
    with (log or Path(os.devnull)).open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ameide_operator",
            "run",
            env={**os.environ, "KUBECONFIG": str(kubeconfig), **environment},
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
