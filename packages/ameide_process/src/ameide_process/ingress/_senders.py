"""A fixed number of coroutines that carry batches to Temporal; no task and no timer for a single event."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from ameide_process.ingress._lane import Batch
from ameide_process.ingress._planner import Planner


class Senders:
    """Takes batches from the planner as soon as it has some, and sleeps while it has none."""

    def __init__(self, planner: Planner, deliver: Callable[[Batch], Awaitable[None]], *, number: int) -> None:
        """Prepares the coroutines; none runs yet.

        Args:
            planner: Says what to send.
            deliver: Sends a batch and tells the planner how that ended. Raises nothing.
            number: How many batches may be on their way at once.
        """
        self._planner = planner
        self._deliver = deliver
        self._number = number
        self._idle: deque[asyncio.Future[None]] = deque()
        self._tasks: list[asyncio.Task[None]] = []
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Starts them."""
        self._tasks = [asyncio.create_task(self._run()) for _ in range(self._number)]

    async def stop(self) -> None:
        """Ends them, calls in flight included."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def wake(self) -> None:
        """Says that the planner may have something to send."""
        idle = self._idle
        for _ in range(min(self._planner.ready, len(idle))):
            _wake(idle.popleft())
        self._arm()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = self._planner.next_batch(loop.time())
            if batch is not None:
                if self._idle and self._planner.ready:
                    self.wake()
                await self._deliver(batch)
                continue
            waiter: asyncio.Future[None] = loop.create_future()
            self._idle.append(waiter)
            self._arm()
            await waiter

    def _arm(self) -> None:
        """Sets the timer for the next time at which time alone makes something ready."""
        if not self._idle:
            # Whoever is not idle asks the planner again by itself.
            return
        if not self._planner.lease.holds(asyncio.get_running_loop().time()):
            # Not by time, but when the broker has answered.
            return
        at = self._planner.wakes_at()
        timer = self._timer
        if at is None or (timer is not None and not timer.cancelled() and timer.when() <= at):
            return
        if timer is not None:
            timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(at, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        if self._idle:
            # It asks the planner, and the others are woken when there is more.
            _wake(self._idle.popleft())


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
