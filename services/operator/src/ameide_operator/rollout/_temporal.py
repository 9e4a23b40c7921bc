"""Worker Deployments over Temporal's API; every change brings the token of the state that it was planned from."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC
from typing import Final, TypedDict, assert_never

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.enums.v1 import WorkerDeploymentVersionStatus
from temporalio.api.workflowservice.v1 import (
    CreateWorkerDeploymentRequest,
    DeleteWorkerDeploymentRequest,
    DeleteWorkerDeploymentVersionRequest,
    DescribeWorkerDeploymentRequest,
    ListWorkerDeploymentsRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentManagerRequest,
    SetWorkerDeploymentRampingVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ameide_operator.rollout._plan import Action, Create, HandOver, SetCurrent, SetRamping, TakeOver
from ameide_operator.rollout._state import Phase, Seen
from ameide_operator.temporal_calls import CALL_LIMIT

_PAGE: Final = 100
_PHASES: Final = {
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT: Phase.CURRENT,
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_RAMPING: Phase.RAMPING,
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING: Phase.DRAINING,
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED: Phase.DRAINED,
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_INACTIVE: Phase.INACTIVE,
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_CREATED: Phase.INACTIVE,
}


class _Common(TypedDict):
    """Fields of every change."""

    namespace: str
    deployment_name: str
    identity: str


class WorkerDeployments:
    """The Worker Deployments of a namespace.

    Every method raises RPCError where the server refuses or does not answer.
    """

    def __init__(self, client: Client, namespace: str, identity: str) -> None:
        self._service = client.workflow_service
        self._namespace = namespace
        self._identity = identity

    async def look(self, name: str) -> Seen | None:
        """One of them; None where there is none."""
        request = DescribeWorkerDeploymentRequest(namespace=self._namespace, deployment_name=name)
        try:
            answer = await self._service.describe_worker_deployment(request, retry=False, timeout=CALL_LIMIT)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        info = answer.worker_deployment_info
        routing = info.routing_config
        changed: Timestamp = routing.ramping_version_percentage_changed_time
        return Seen(
            current=routing.current_deployment_version.build_id,
            ramping=routing.ramping_deployment_version.build_id,
            percent=routing.ramping_version_percentage,
            percent_since=changed.ToDatetime(UTC)
            if routing.HasField("ramping_version_percentage_changed_time")
            else None,
            versions={
                # What a later server calls otherwise is kept: it may have work.
                each.deployment_version.build_id: _PHASES.get(each.status, Phase.DRAINING)
                for each in info.version_summaries
            },
            created={
                each.deployment_version.build_id: each.create_time.ToDatetime(UTC) for each in info.version_summaries
            },
            manager=info.manager_identity,
            token=answer.conflict_token,
        )

    async def names(self) -> AsyncIterator[str]:
        """Names of all."""
        token = b""
        while True:
            request = ListWorkerDeploymentsRequest(namespace=self._namespace, page_size=_PAGE, next_page_token=token)
            answer = await self._service.list_worker_deployments(request, retry=False, timeout=CALL_LIMIT)
            for each in answer.worker_deployments:
                yield each.name
            token = answer.next_page_token
            if not token:
                return

    async def act(self, name: str, action: Action, seen: Seen | None) -> None:
        """Carries a change out, if the state is still the one that was seen."""
        common: _Common = {"namespace": self._namespace, "deployment_name": name, "identity": self._identity}
        token = seen.token if seen else b""
        match action:
            case Create():
                create = CreateWorkerDeploymentRequest(**common, request_id=str(uuid.uuid4()))
                await self._service.create_worker_deployment(create, retry=False, timeout=CALL_LIMIT)
            case TakeOver() | HandOver():
                manager = self._identity if isinstance(action, TakeOver) else ""
                manage = SetWorkerDeploymentManagerRequest(**common, manager_identity=manager, conflict_token=token)
                await self._service.set_worker_deployment_manager(manage, retry=False, timeout=CALL_LIMIT)
            case SetCurrent(build_id):
                current = SetWorkerDeploymentCurrentVersionRequest(**common, build_id=build_id, conflict_token=token)
                await self._service.set_worker_deployment_current_version(current, retry=False, timeout=CALL_LIMIT)
            case SetRamping(build_id, percent):
                ramping = SetWorkerDeploymentRampingVersionRequest(
                    **common, build_id=build_id, percentage=percent, conflict_token=token
                )
                await self._service.set_worker_deployment_ramping_version(ramping, retry=False, timeout=CALL_LIMIT)
            case _:
                assert_never(action)

    async def forget_version(self, name: str, build_id: str) -> bool:
        """Deletes a version; False where the server still remembers its pollers, or workflows that it has."""
        version = WorkerDeploymentVersion(deployment_name=name, build_id=build_id)
        request = DeleteWorkerDeploymentVersionRequest(
            namespace=self._namespace, deployment_version=version, identity=self._identity
        )
        try:
            await self._service.delete_worker_deployment_version(request, retry=False, timeout=CALL_LIMIT)
        except RPCError as error:
            if error.status is RPCStatusCode.FAILED_PRECONDITION:
                return False
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        return True

    async def forget(self, name: str) -> None:
        """Deletes one that has no versions."""
        request = DeleteWorkerDeploymentRequest(
            namespace=self._namespace, deployment_name=name, identity=self._identity
        )
        await self._service.delete_worker_deployment(request, retry=False, timeout=CALL_LIMIT)
