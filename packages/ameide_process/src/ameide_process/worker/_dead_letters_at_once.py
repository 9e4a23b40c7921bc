"""Lets a workflow that ends hand its last events to the dead-letter stream before its end is recorded."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import cast

from ameide_core_proto.process.v1.process_runtime_pb2 import DeadLetterRequest, DeadLetterResponse
from temporalio.worker import Interceptor, WorkflowInboundInterceptor, WorkflowInterceptorClassInput

from ameide_process.workflow import DEAD_LETTER_FUNCTION

DeadLetterActivity = Callable[[DeadLetterRequest], Awaitable[DeadLetterResponse]]
"""Returns once the dead-letter stream has the events."""

LONGEST_SECONDS = 1.5
"""The SDK fails a workflow task whose code holds its thread for 2 s."""


class DeadLettersAtOnce(Interceptor):
    """Gives workflows the function that hands events over; made where the worker's event loop runs."""

    def __init__(self, dead_letter: DeadLetterActivity) -> None:
        self._dead_letter = dead_letter
        self._loop = asyncio.get_running_loop()

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002 -- the SDK's name
    ) -> type[WorkflowInboundInterceptor] | None:
        """Adds the function to what workflow code can reach outside of the sandbox."""
        functions = cast("MutableMapping[str, Callable[[DeadLetterRequest], None]]", input.unsafe_extern_functions)  # pyright: ignore[reportUnknownMemberType] -- the SDK's bare Callable
        functions[DEAD_LETTER_FUNCTION] = self._hand_over
        return None

    def _hand_over(self, request: DeadLetterRequest) -> None:
        """Runs in the thread of a workflow.

        Raises:
            RuntimeError: The stream did not take the events in time, or not at all.
        """
        handed_over = asyncio.run_coroutine_threadsafe(self._take(request), self._loop)
        try:
            handed_over.result(LONGEST_SECONDS)
        except Exception as error:
            handed_over.cancel()
            msg = f"the dead-letter stream did not take {len(request.events)} late events: {error!r}; tried again"
            # Of no type that Temporal would fail the workflow for.
            raise RuntimeError(msg) from error

    async def _take(self, request: DeadLetterRequest) -> None:
        await self._dead_letter(request)
