"""Records the activity calls of a process under test, and fails them on demand."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from temporalio.exceptions import ApplicationError

_PATIENCE_SECONDS = 60.0
"""Of real time, that a test waits for an attempt."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One attempt of an activity."""

    activity: str
    """Method name: `release_stock`."""
    request: Message
    idempotency_key: str


class ActivityRecorder:
    """Stands between the worker and the activities' implementation.

    Attributes:
        calls: Every attempt, in order.
        implementation: What the attempts are handed to; a test may replace it.
    """

    def __init__(self, implementation: object) -> None:
        self.implementation = implementation
        self.calls: list[RecordedCall] = []
        self._failures: dict[str, list[BaseException]] = {}
        self._answers: dict[str, Message] = {}
        self._holds: dict[str, asyncio.Event] = {}
        self._attempted = asyncio.Event()

    def called(self, activity: str) -> int:
        """How many attempts an activity had."""
        return sum(call.activity == activity for call in self.calls)

    def requests(self, activity: str) -> list[Message]:
        """The requests of an activity's attempts, in order."""
        return [call.request for call in self.calls if call.activity == activity]

    def effects(self) -> set[tuple[str, str]]:
        """What the outside world was asked, repetitions counted once: (activity, idempotency key)."""
        return {(call.activity, call.idempotency_key) for call in self.calls}

    def fail(self, activity: str, error: BaseException | None = None, *, times: int = 1) -> None:
        """Lets the next attempts of an activity fail.

        Args:
            activity: Method name.
            error: What the attempt raises; a permanent `ApplicationError` when not given.
            times: How many attempts fail.
        """
        failure = error or ApplicationError(f"{activity} was told to fail", non_retryable=True)
        self._failures.setdefault(activity, []).extend([failure] * times)

    def answer(self, activity: str, response: Message) -> None:
        """Lets an activity answer with a response, in place of the implementation."""
        self._answers[activity] = response

    def hold(self, activity: str) -> asyncio.Event:
        """Lets the attempts of an activity wait, from now on, until the returned event is set."""
        return self._holds.setdefault(activity, asyncio.Event())

    async def attempted(self, activity: str, times: int = 1) -> None:
        """Waits until an activity had so many attempts, held ones included.

        Raises:
            TimeoutError: It took longer than `_PATIENCE_SECONDS`.
        """
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while self.called(activity) < times:
                self._attempted.clear()
                await self._attempted.wait()

    def __getattr__(self, activity: str) -> Callable[..., Any]:
        if activity.startswith("_"):
            raise AttributeError(activity)

        async def attempt(request: Message, *, idempotency_key: str) -> Any:
            self.calls.append(RecordedCall(activity, request, idempotency_key))
            self._attempted.set()
            if hold := self._holds.get(activity):
                await hold.wait()
            if failures := self._failures.get(activity):
                raise failures.pop(0)
            if activity in self._answers:
                return self._answers[activity]
            return await getattr(self.implementation, activity)(request, idempotency_key=idempotency_key)

        return attempt
