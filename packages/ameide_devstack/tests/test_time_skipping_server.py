import time
from datetime import timedelta

import psutil
from ameide_devstack import TimeSkippingServer
from temporalio import workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker


@workflow.defn
class Patient:
    @workflow.run
    async def run(self) -> str:
        await workflow.sleep(timedelta(days=30))
        return "done"


async def test_a_month_passes_at_once():
    async with TimeSkippingServer() as server:
        pid = server.pid
        for attempt in range(2):
            async with await server.open_environment() as environment:
                assert environment.client.service_client.config.target_host == server.address
                before, started = await environment.get_current_time(), time.monotonic()
                # The sandbox would import this file by a name that pytest's importlib mode does not give it.
                runner = UnsandboxedWorkflowRunner()
                async with Worker(environment.client, task_queue="q", workflows=[Patient], workflow_runner=runner):
                    result = await environment.client.execute_workflow(Patient.run, id=f"p-{attempt}", task_queue="q")
                assert result == "done"
                assert await environment.get_current_time() - before >= timedelta(days=30)
                assert time.monotonic() - started < 60
        # Closing the environment does not end the server, only leaving its own context does.
        assert server.running
    assert not psutil.pid_exists(pid)
