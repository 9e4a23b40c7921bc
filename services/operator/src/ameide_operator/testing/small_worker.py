"""A real worker in a process of its own, told what to be by the variables that the operator gives to pods.

`python -m ameide_operator.testing.small_worker` runs it; `SmallWorker` starts and kills that.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

from temporalio import workflow
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import Worker, WorkerDeploymentConfig

HEARTBEAT: Final = timedelta(seconds=1)
"""Between two heartbeats; a test waits for the absence of some."""


# Nothing of its module is read inside, and the sandbox would import the whole package again.
@workflow.defn(name="Waiting", sandboxed=False)
class Waiting:
    """Waits for a signal; its result is the build that ended it."""

    def __init__(self) -> None:
        self._released = False

    @workflow.run
    async def run(self) -> str:
        """Waits."""
        await workflow.wait_condition(lambda: self._released)
        version = workflow.info().get_current_deployment_version()
        return version.build_id if version else ""

    @workflow.signal
    def release(self) -> None:
        """Lets it end."""
        self._released = True


class SmallWorker:
    """That process, while its `async with` block runs; killed at the end, as by a node that dies.

    Args:
        environment: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_TASK_QUEUE, and where it is versioned
            TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_WORKER_BUILD_ID.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    async def kill(self) -> None:
        """Ends it at once, so that it can say nothing."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await process.wait()

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ameide_operator.testing.small_worker", env={**os.environ, **self._environment}
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()


async def _run(environ: Mapping[str, str]) -> None:
    client = await Client.connect(
        environ["TEMPORAL_ADDRESS"],
        namespace=environ["TEMPORAL_NAMESPACE"],
        runtime=Runtime(telemetry=TelemetryConfig(), worker_heartbeat_interval=HEARTBEAT),
    )
    name = environ.get("TEMPORAL_DEPLOYMENT_NAME")
    version = WorkerDeploymentVersion(name, environ["TEMPORAL_WORKER_BUILD_ID"]) if name else None
    config = None
    if version is not None:
        config = WorkerDeploymentConfig(
            version=version, use_worker_versioning=True, default_versioning_behavior=VersioningBehavior.PINNED
        )
    await Worker(client, task_queue=environ["TEMPORAL_TASK_QUEUE"], workflows=[Waiting], deployment_config=config).run()


if __name__ == "__main__":
    asyncio.run(_run(os.environ))
