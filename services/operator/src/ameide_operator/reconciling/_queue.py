"""A queue of keys: each is worked on by one worker at a time, and again when it was added meanwhile."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import structlog

KeyT = TypeVar("KeyT")

FIRST_DELAY_SECONDS: Final = 0.5
LONGEST_DELAY_SECONDS: Final = 60.0
"""Bounds of the pause before a failed key is tried again; it doubles, and is jittered by half."""

_log = structlog.get_logger(__name__)


class KeyedQueue(Generic[KeyT]):
    """Runs a function for keys that were added, with a bounded number of workers.

    Args:
        work: Called with a key; returns after how many seconds to call it again, or None. An exception is logged, and
            the key tried again after a pause.
        workers: How many keys are worked on at once.
        jitter: A number from 0 to 1, for the pauses.
        least_pause: The shortest pause after an exception, in seconds; until it is over, no wish ends it.
        rest: Between two pieces of work on one key, in seconds: what changes meanwhile is worked on at once.
    """

    def __init__(
        self,
        work: Callable[[KeyT], Awaitable[float | None]],
        *,
        workers: int,
        jitter: Callable[[], float] = random.random,
        least_pause: Callable[[Exception], float] = lambda _: 0.0,
        rest: float = 0.0,
    ) -> None:
        self._work = work
        self._workers = workers
        self._jitter = jitter
        self._least_pause = least_pause
        self._rest = rest
        self._ready: asyncio.Queue[KeyT] = asyncio.Queue()
        self._waiting: set[KeyT] = set()
        self._running: set[KeyT] = set()
        self._resting: set[KeyT] = set()
        self._again: set[KeyT] = set()
        self._held: set[KeyT] = set()
        self._failures: dict[KeyT, int] = {}
        self._timers: dict[KeyT, asyncio.TimerHandle] = {}

    def add(self, key: KeyT) -> None:
        """Wants a key to be worked on, soon and at least once from now."""
        if key in self._held:
            return  # its timer will
        self._cancel_timer(key)
        if key in self._running or key in self._resting:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.put_nowait(key)

    def add_after(self, key: KeyT, seconds: float) -> None:
        """Wants a key to be worked on later; an earlier wish of this kind holds."""
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer and timer.when() <= loop.time() + seconds:
            return
        self._cancel_timer(key)
        self._timers[key] = loop.call_later(seconds, self._add_now, key)

    def forget(self, key: KeyT) -> None:
        """Drops what is kept of a key that is gone."""
        self._cancel_timer(key)
        self._held.discard(key)
        self._failures.pop(key, None)

    @property
    def idle(self) -> bool:
        """Whether nothing waits for a worker and nothing is worked on."""
        return not self._waiting and not self._running and not self._again

    @property
    def waiting(self) -> int:
        """How many keys wait for a worker."""
        return len(self._waiting)

    async def run(self) -> None:
        """Works until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(self._worker())
        finally:
            for key in list(self._timers):
                self._cancel_timer(key)

    async def _worker(self) -> None:
        while True:
            key = await self._ready.get()
            self._waiting.discard(key)
            self._running.add(key)
            try:
                await self._work_on(key)
            finally:
                self._running.discard(key)
                self._resting.add(key)
                asyncio.get_running_loop().call_later(self._rest, self._rested, key)

    def _rested(self, key: KeyT) -> None:
        self._resting.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    async def _work_on(self, key: KeyT) -> None:
        try:
            later = await self._work(key)
        except Exception as error:  # noqa: BLE001 # whatever it is, the other keys go on, and this one is tried again
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            pause = min(FIRST_DELAY_SECONDS * 2 ** (failures - 1), LONGEST_DELAY_SECONDS)
            least = min(self._least_pause(error), LONGEST_DELAY_SECONDS)
            pause = max(pause * (0.5 + self._jitter() / 2), least)
            _log.warning(
                "reconcile failed", key=str(key), error=str(error), failures=failures, retry_in=round(pause, 1)
            )
            self._cancel_timer(key)
            self.add_after(key, pause)
            if least > 0:
                self._held.add(key)
        else:
            self._failures.pop(key, None)
            if later is not None:
                self.add_after(key, later * (0.9 + self._jitter() / 5))

    def _add_now(self, key: KeyT) -> None:
        self._held.discard(key)
        self.add(key)

    def _cancel_timer(self, key: KeyT) -> None:
        timer = self._timers.pop(key, None)
        if timer:
            timer.cancel()
