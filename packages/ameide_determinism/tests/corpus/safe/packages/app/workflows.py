from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from app.activities import Mailer, fetch
    from time_tools import clock
    from time_tools.clock import now


@workflow.defn
class App:
    @workflow.run
    async def run(self) -> None:
        now()
        clock.EPOCH
        await workflow.execute_activity(fetch, "u", start_to_close_timeout=timedelta(seconds=1))
        await workflow.execute_activity_method(Mailer.send, start_to_close_timeout=timedelta(seconds=1))
        await workflow.execute_child_workflow(Child.run)


@workflow.defn
class Child:
    @workflow.run
    async def run(self) -> None:
        await workflow.sleep(3600)
