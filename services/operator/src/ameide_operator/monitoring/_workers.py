"""Which workers live, by their heartbeats: what Temporal says of their state and pollers outlives them by minutes."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.api.enums.v1 import WorkerStatus
from temporalio.api.worker.v1 import WorkerHeartbeat
from temporalio.api.workflowservice.v1 import ListWorkersRequest
from temporalio.client import Client

from ameide_operator.temporal_calls import CALL_LIMIT

HEARTBEAT_LIMIT: Final = timedelta(seconds=130)
"""Age of the last heartbeat of a worker that lives: two intervals of the SDK's 60 s, and some delay."""

_PAGE: Final = 200
_GOING: Final = frozenset({WorkerStatus.WORKER_STATUS_SHUTTING_DOWN, WorkerStatus.WORKER_STATUS_SHUTDOWN})


@dataclass(frozen=True, slots=True)
class LiveWorker:
    """A worker that polls; those that say the same are one."""

    task_queue: str
    host: str
    """Host name of its machine: the name of its pod."""
    deployment: str = ""
    """Its Worker Deployment; empty where it is unversioned."""
    build_id: str = ""


async def live_workers(client: Client, namespace: str, *, limit: timedelta) -> frozenset[LiveWorker]:
    """The workers of a namespace that poll.

    Args:
        client: Connection to Temporal.
        namespace: The namespace.
        limit: Age of the last heartbeat of a worker that lives.

    Raises:
        RPCError: The server does not say; one before 1.29 cannot.
    """
    found: set[LiveWorker] = set()
    token = b""
    while True:
        request = ListWorkersRequest(namespace=namespace, page_size=_PAGE, next_page_token=token)
        answer = await client.workflow_service.list_workers(request, retry=False, timeout=CALL_LIMIT)
        youngest = datetime.now(UTC) - limit
        found |= {
            _worker(each.worker_heartbeat) for each in answer.workers_info if _lives(each.worker_heartbeat, youngest)
        }
        token = answer.next_page_token
        if not token:
            return frozenset(found)


def _lives(heartbeat: WorkerHeartbeat, youngest: datetime) -> bool:
    return heartbeat.status not in _GOING and heartbeat.heartbeat_time.ToDatetime(UTC) > youngest


def _worker(heartbeat: WorkerHeartbeat) -> LiveWorker:
    version = heartbeat.deployment_version
    deployment = version.deployment_name
    # An unversioned worker has a build id too, which says nothing.
    build_id = version.build_id if deployment else ""
    return LiveWorker(heartbeat.task_queue, heartbeat.host_info.host_name, deployment, build_id)
