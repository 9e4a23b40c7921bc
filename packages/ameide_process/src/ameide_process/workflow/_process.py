"""The base of what a person writes."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar, final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio import workflow

from ameide_process.workflow._activity_calls import ActivityCalls, in_handler
from ameide_process.workflow._errors import UntilInHandlerError

StateT = TypeVar("StateT", bound=Message)
KeyT = TypeVar("KeyT")
CallsT = TypeVar("CallsT", bound=ActivityCalls)


class RunPosition(Protocol):
    """What `run` and the engine tell each other."""

    ending: bool
    """Whether a handler has failed the process."""

    def leaves(self) -> bool:
        """Whether the run continues as new now, if only `run` waits in `until`."""
        ...

    def park(self) -> None:
        """Says that an `until` begins to wait."""
        ...

    def unpark(self) -> None:
        """Says that it does not wait any more."""
        ...

    def enter(self, phase: str) -> None:
        """Takes what the process is doing now."""
        ...

    def awaiting(self, kind: str, ref: str) -> None:
        """Takes what the process waits for."""
        ...

    def blocked(self, reason: str) -> None:
        """Takes what keeps the process from going on."""
        ...

    def emit(self, fact: Message) -> None:
        """Takes a fact of the process."""
        ...


class Process(ABC, Generic[StateT, KeyT, CallsT]):
    """A business process. Generated code derives one abstract class per process; a person implements it.

    `run` orchestrates and may start again from `self.state` after Continue-As-New, so what it must remember stands
    in the state. Handlers change the state; they run in the order of arrival, one at a time, beside `run`.

    Attributes:
        state: The state message: typed, queryable, carried across Continue-As-New.
        key: The typed workflow key.
        activities: Typed calls of the process's activities.
    """

    state: StateT
    key: KeyT
    activities: CallsT
    _position: RunPosition

    @final
    def attach(self, *, state: StateT, key: KeyT, activities: CallsT, position: RunPosition) -> None:
        """Gives the process its state; the engine calls it once, before the first event."""
        self.state = state
        self.key = key
        self.activities = activities
        self._position = position

    @abstractmethod
    async def run(self, start: Any) -> Any:
        """Orchestrates the process; its return value is the workflow's result."""

    @final
    async def enter(self, phase: str) -> None:
        """Says what the process is doing now; shown by the `progress` query, and told as `PhaseEntered`.

        Args:
            phase: Short kebab-case word, such as `awaiting-payment`.
        """
        self._position.enter(phase)

    @final
    async def awaiting(self, kind: str, ref: str = "") -> None:
        """Tells, as the progress fact `Awaiting`, what the process waits for; call it before `until`.

        Args:
            kind: What kind of thing: `payment`, `approval`.
            ref: Which one, without personal data.
        """
        self._position.awaiting(kind, ref)

    @final
    async def blocked(self, reason: str) -> None:
        """Tells, as the progress fact `Blocked`, that the process cannot go on until somebody does something.

        Args:
            reason: Sentence for people, without personal data.
        """
        self._position.blocked(reason)

    @final
    def _emit(self, fact: Message) -> None:
        """Emits a fact; generated code offers it as `emit`, with the types that the process declares."""
        self._position.emit(fact)

    @final
    async def until(self, condition: Callable[[], object], *, deadline: datetime | Timestamp | None = None) -> bool:
        """Waits in `run` until the condition holds. While `run` waits here, the workflow may continue as new.

        Args:
            condition: Evaluated after each change; it only reads.
            deadline: Point in time (UTC) at which waiting ends. A point and not a duration, so that it survives
                Continue-As-New; keep it in the state.

        Returns:
            Whether the condition holds; False when the deadline came first.

        Raises:
            UntilInHandlerError: Called in a handler.
            asyncio.CancelledError: The workflow was cancelled, or a handler failed the process.
        """
        if in_handler.get():
            raise UntilInHandlerError
        position = self._position
        if position.ending:
            raise asyncio.CancelledError

        def met() -> bool:
            # A `run` that finds its condition met every time would never let the run continue as new.
            return bool(condition()) and not position.leaves()

        if met():
            return True
        remaining = None if deadline is None else _as_datetime(deadline) - workflow.now()
        if remaining is not None and remaining <= timedelta(0):
            return bool(condition())
        position.park()
        try:
            await workflow.wait_condition(met, timeout=remaining)
        except TimeoutError:
            return bool(condition())
        finally:
            position.unpark()
        if position.ending:
            # Python 3.11 drops a cancellation that comes in the moment in which a wait with a timeout ends.
            raise asyncio.CancelledError
        return True


def _as_datetime(point: datetime | Timestamp) -> datetime:
    return point.ToDatetime(UTC) if isinstance(point, Timestamp) else point
