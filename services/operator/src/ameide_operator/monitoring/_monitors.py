"""Monitors of Temporal: one a connection and namespace, beside the queue, so that a slow server holds nobody up."""

import asyncio
import random
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Generic, TypeVar

import structlog

from ameide_operator.conditions import Reason, unknown
from ameide_operator.monitoring._credentials import ReadSecret
from ameide_operator.monitoring._look import NOT_LOOKED_YET, Frontend, TemporalView
from ameide_operator.monitoring._target import TemporalTarget
from ameide_operator.monitoring._workers import HEARTBEAT_LIMIT

INTERVAL_SECONDS: Final = 30.0
"""From one look to the next."""

UserT = TypeVar("UserT", bound=Hashable)

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Monitor(Generic[UserT]):
    task: asyncio.Task[None]
    users: set[UserT] = field(default_factory=set[UserT])
    view: TemporalView = NOT_LOOKED_YET


class Monitors(Generic[UserT]):
    """Keeps a view of each target that somebody uses.

    Args:
        read_secret: Reads credentials when a connection is made.
        changed: Called with each user of a target whose view has changed.
        interval: From one look to the next, in seconds.
        heartbeat_limit: Age of the last heartbeat of a worker that lives.
    """

    def __init__(
        self,
        read_secret: ReadSecret,
        changed: Callable[[UserT], None],
        *,
        interval: float = INTERVAL_SECONDS,
        heartbeat_limit: timedelta = HEARTBEAT_LIMIT,
    ) -> None:
        self._read_secret = read_secret
        self._changed = changed
        self._interval = interval
        self._heartbeat_limit = heartbeat_limit
        self._monitors: dict[TemporalTarget, _Monitor[UserT]] = {}
        self._targets: dict[UserT, TemporalTarget] = {}

    def view(self, user: UserT, target: TemporalTarget) -> TemporalView:
        """What is known of a target, which the user wants to be told about from now on, and of no other."""
        if self._targets.get(user) != target:
            self.release(user)
            self._targets[user] = target
        monitor = self._monitors.get(target)
        if monitor is None:
            monitor = self._monitors[target] = _Monitor(asyncio.create_task(self._run(target)))
        monitor.users.add(user)
        return monitor.view

    def release(self, user: UserT) -> None:
        """Ends what only this user wanted."""
        target = self._targets.pop(user, None)
        monitor = self._monitors.get(target) if target else None
        if target is None or monitor is None:
            return
        monitor.users.discard(user)
        if not monitor.users:
            monitor.task.cancel()
            del self._monitors[target]

    async def close(self) -> None:
        """Ends all."""
        tasks = [monitor.task for monitor in self._monitors.values()]
        self._monitors.clear()
        self._targets.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, target: TemporalTarget) -> None:
        frontend = Frontend(target, self._read_secret, heartbeat_limit=self._heartbeat_limit)
        while True:
            try:
                view = await frontend.look()
            except Exception as error:  # noqa: BLE001 # a monitor that dies would show its last view for ever
                _log.warning("look at Temporal failed", address=target.address, error=str(error))
                fault = unknown(Reason.DIAL_FAILED, f"cannot look at {target.address}: {error}")
                view = TemporalView(fault, fault)
            monitor = self._monitors.get(target)
            if monitor is None:
                return
            before, monitor.view = monitor.view, view
            if before != view:
                for user in list(monitor.users):
                    self._changed(user)
            await asyncio.sleep(self._interval * (0.9 + random.random() / 5))  # noqa: S311 # spreads load, no secret
