import asyncio
import contextlib
from contextlib import suppress

from temporalio import workflow


@workflow.defn
class Coroutines:
    def __init__(self) -> None:
        self.items = []
        self.count = 0

    @workflow.run
    async def run(self, name: str) -> None:
        await asyncio.wait([])  # expect: asyncio-wait
        for one in asyncio.as_completed([]):  # expect: asyncio-wait
            await one
        async with asyncio.TaskGroup() as group:  # expect: task-group
            group.create_task(self.work())
        try:
            await self.work()
        except:  # expect: swallowed-cancellation
            pass
        try:
            await self.work()
        except BaseException as error:  # expect: swallowed-cancellation
            self.error = error
        try:
            await self.work()
        except asyncio.CancelledError:  # expect: swallowed-cancellation
            return
        try:
            await self.work()
        except (ValueError, asyncio.CancelledError):  # expect: swallowed-cancellation
            workflow.logger.info("x")
        with suppress(BaseException):  # expect: swallowed-cancellation
            await self.work()
        with contextlib.suppress(asyncio.CancelledError):  # expect: swallowed-cancellation
            await self.work()
        for index in range(3):
            workflow.patched("p")  # expect: patch-id
        while True:
            if workflow.patched("q"):  # expect: patch-id
                break
        workflow.patched(name)  # expect: patch-id
        workflow.patched(f"p-{name}")  # expect: patch-id
        workflow.deprecate_patch(name)  # expect: patch-id
        [workflow.patched("r") for _ in "ab"]  # expect: patch-id
        for index in range(3):
            self.step()
        with self.around():
            await self.waits([], asyncio.Lock())
        if workflow.unsafe.is_replaying():  # expect: replay-branch
            await self.work()

    @contextlib.contextmanager
    def around(self):
        try:
            yield
        except BaseException:  # expect: swallowed-cancellation
            pass

    async def waits(self, rows, lock):
        try:
            async for one in rows:
                self.count = one
        except BaseException:  # expect: swallowed-cancellation
            pass
        try:
            async with lock:
                self.count = 1
        except BaseException:  # expect: swallowed-cancellation
            pass
        try:
            self.items = [one async for one in rows]
        except BaseException:  # expect: swallowed-cancellation
            pass

    def step(self):
        return workflow.patched("s")  # expect: patch-id

    async def finish(self):
        try:
            await self.work()
        finally:
            return  # expect: swallowed-cancellation

    async def work(self):
        pass

    @workflow.signal
    async def stop(self) -> None:
        await self.finish()
        workflow.continue_as_new()  # expect: continue-as-new-in-handler

    @workflow.update
    async def change(self) -> None:
        self._again()

    def _again(self):
        workflow.continue_as_new()  # expect: continue-as-new-in-handler

    @change.validator
    def check(self) -> None:
        self.count += 1  # expect: query-changes-state

    @workflow.query
    def status(self) -> int:
        self.count = 1  # expect: query-changes-state
        self.items.append(1)  # expect: query-changes-state
        items = self.items
        items.append(2)  # expect: query-changes-state
        self._touch()
        workflow.random()  # expect: query-changes-state
        return self.count

    @workflow.query
    async def ask(self) -> None:
        await workflow.execute_activity("x")  # expect: query-changes-state
        await asyncio.sleep(1)  # expect: query-changes-state

    def _touch(self):
        del self.items[0]  # expect: query-changes-state
