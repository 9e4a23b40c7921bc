"""The worker keeps runs apart, sees at its start that all imports, and says which version it is."""

from dataclasses import replace

import pytest
from ameide_devstack.testing import wait_until
from ameide_process.configuration import WorkerVersion
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.common import VersioningBehavior
from temporalio.service import RPCError, RPCStatusCode
from workflow_samples import counting, entry
from workflow_samples.workflow import DEFINITION
from workflow_stage import Stage, end


async def test_the_impl_is_imported_anew_for_every_run(stage: Stage) -> None:
    async with stage.worker(entry.PARTS):
        for _ in range(3):
            workflow = stage.workflow()
            await workflow.send(end())
            assert (await workflow.result()).reason == "1 run"
    assert counting.runs == []


async def test_an_impl_that_does_not_import_in_the_sandbox_stops_the_worker_at_its_start(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting.Counting, "__module__", "workflow_samples.absent")
    with pytest.raises(RuntimeError, match="Failed validating workflow sample"):
        await stage.worker(entry.PARTS).__aenter__()


@pytest.mark.parametrize("behavior", [VersioningBehavior.AUTO_UPGRADE, VersioningBehavior.PINNED])
async def test_a_versioned_worker_states_version_and_behavior(stage: Stage, behavior: VersioningBehavior) -> None:
    version = WorkerVersion(deployment_name=stage.task_queue, build_id="build-1")
    contract = replace(DEFINITION.contract, versioning_behavior=behavior)
    parts = replace(entry.PARTS, definition=replace(DEFINITION, contract=contract))
    workflow = stage.workflow()
    async with stage.worker(parts, version=version):
        await wait_until(lambda: _made_current(stage, version), timeout_s=30)
        await workflow.send(end())
        await workflow.result()
    (completed, *_) = [
        event.workflow_task_completed_event_attributes
        for event in (await workflow.handle.fetch_history()).events
        if event.HasField("workflow_task_completed_event_attributes")
    ]
    assert completed.versioning_behavior == behavior.value
    assert completed.deployment_version.build_id == "build-1"
    assert completed.deployment_version.deployment_name == stage.task_queue


async def _made_current(stage: Stage, version: WorkerVersion) -> bool:
    """Makes a version current; False while the server has not seen its pollers."""
    try:
        await stage.client.workflow_service.set_worker_deployment_current_version(
            SetWorkerDeploymentCurrentVersionRequest(
                namespace=stage.client.namespace,
                deployment_name=version.deployment_name,
                build_id=version.build_id,
            )
        )
    except RPCError as error:
        if error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION):
            return False
        raise
    return True
