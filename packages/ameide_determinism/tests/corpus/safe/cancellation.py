import asyncio
import contextlib
import json

from temporalio import workflow


def parsed(text):
    try:
        return json.loads(text)
    except:
        return None


def numbers(texts):
    for text in texts:
        try:
            yield int(text)
        except BaseException:
            yield 0


@workflow.defn
class Cancellation:
    @workflow.run
    async def run(self, text: str) -> int:
        parsed(text)
        list(numbers([text]))
        with contextlib.suppress(BaseException):
            int(text)
        try:
            return self.total(text)
        finally:
            return 0

    async def total(self, text: str) -> int:
        try:
            value = int(text)
        except BaseException:
            return 0
        await asyncio.sleep(1)
        try:

            async def later():
                await asyncio.sleep(1)

            self.later = later
        except asyncio.CancelledError:
            return 1
        return value
