"""Whether the worker gets tasks: it polls its task queue, and its version takes traffic.

A versioned worker whose version was never made current gets no task and no error.
"""

import asyncio
from datetime import timedelta

from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.enums.v1 import TaskQueueType, WorkerDeploymentVersionStatus
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeWorkerDeploymentVersionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ameide_process.configuration import WorkerConfiguration, WorkerVersion
from ameide_process.serving import Check

LOOK_SECONDS = 10.0
"""Between two looks at a worker that gets tasks."""

IMPATIENT_SECONDS = 0.5
"""Between two looks at a worker that does not yet."""

CALL_TIMEOUT = timedelta(seconds=5)

_TAKES_TRAFFIC = {
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT,
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_RAMPING,
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING,
}


async def watch_polling(client: Client, configuration: WorkerConfiguration, check: Check) -> None:
    """Keeps the check true until cancelled."""
    while True:
        try:
            reason = await _why_no_tasks(client, configuration)
        except RPCError as error:
            reason = f"cannot ask Temporal whether the worker polls: {error.message}"
        if reason is None:
            check.passed()
        else:
            check.failed(reason)
        await asyncio.sleep(IMPATIENT_SECONDS if reason else LOOK_SECONDS)


async def _why_no_tasks(client: Client, configuration: WorkerConfiguration) -> str | None:
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=configuration.task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        ),
        timeout=CALL_TIMEOUT,
    )
    if not any(poller.identity == client.identity for poller in answer.pollers):
        return f"does not poll task queue {configuration.task_queue!r} yet"
    if configuration.version is None:
        return None
    return await _why_version_idle(client, configuration.version)


async def _why_version_idle(client: Client, version: WorkerVersion) -> str | None:
    name = f"{version.deployment_name}.{version.build_id}"
    try:
        answer = await client.workflow_service.describe_worker_deployment_version(
            DescribeWorkerDeploymentVersionRequest(
                namespace=client.namespace,
                deployment_version=WorkerDeploymentVersion(
                    deployment_name=version.deployment_name, build_id=version.build_id
                ),
            ),
            timeout=CALL_TIMEOUT,
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return f"version {name} is not known to Temporal yet"
        raise
    if answer.worker_deployment_version_info.status in _TAKES_TRAFFIC:
        return None
    return f"version {name} was never made current or ramping, so it gets no task; set it as current"
