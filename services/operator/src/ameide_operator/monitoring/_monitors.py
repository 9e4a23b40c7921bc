"""Monitors of Temporal: one a connection and namespace, beside the queue, so that a slow server holds nobody up."""

import asyncio
import random
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Generic, TypeVar

import structlog

from ameide_operator.conditions import Reason, unknown
from ameide_operator.monitoring._credentials import ReadSecret
from ameide_operator.monitoring._look import NOT_LOOKED_YET, Frontend, TemporalView
from ameide_operator.monitoring._rollouts import SWEEP_INTERVAL, Rollouts
from ameide_operator.monitoring._target import TemporalTarget
from ameide_operator.monitoring._workers import HEARTBEAT_LIMIT
from ameide_operator.rollout import Intent, RolloutView

INTERVAL_SECONDS: Final = 30.0
"""From one look to the next."""

UserT = TypeVar("UserT", bound=Hashable)

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Monitor(Generic[UserT]):
    task: asyncio.Task[None]
    rollouts: Rollouts[UserT]
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the next look should not wait."""
    users: set[UserT] = field(default_factory=set[UserT])
    view: TemporalView = NOT_LOOKED_YET


class Monitors(Generic[UserT]):
    """Keeps a view of each target that somebody uses.

    Args:
        read_secret: Reads credentials when a connection is made.
        changed: Called with each user of a target whose view has changed.
        interval: From one look to the next, in seconds.
        heartbeat_limit: Age of the last heartbeat of a worker that lives.
        is_wanted: Whether there is a resource with a Worker Deployment of a name.
        sweep_interval: Between two sweeps of Worker Deployments that no resource wants.
    """

    def __init__(
        self,
        read_secret: ReadSecret,
        changed: Callable[[UserT], None],
        *,
        interval: float = INTERVAL_SECONDS,
        heartbeat_limit: timedelta = HEARTBEAT_LIMIT,
        is_wanted: Callable[[str], bool],
        sweep_interval: timedelta = SWEEP_INTERVAL,
    ) -> None:
        self._is_wanted = is_wanted
        self._sweep_interval = sweep_interval
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
            rollouts: Rollouts[UserT] = Rollouts(target, self._is_wanted, sweep_interval=self._sweep_interval)
            monitor = self._monitors[target] = _Monitor(asyncio.create_task(self._run(target)), rollouts)
        monitor.users.add(user)
        return monitor.view

    def rollout(self, user: UserT, intent: Intent | None) -> RolloutView | None:
        """What is known of the rollout that a user with a view wants from now on; None: nothing yet."""
        target = self._targets.get(user)
        monitor = self._monitors.get(target) if target else None
        if monitor is None:
            return None
        if monitor.rollouts.want(user, intent):
            monitor.hurry.set()
        return monitor.rollouts.view(user)

    def release(self, user: UserT) -> None:
        """Ends what only this user wanted."""
        target = self._targets.pop(user, None)
        monitor = self._monitors.get(target) if target else None
        if target is None or monitor is None:
            return
        monitor.users.discard(user)
        monitor.rollouts.want(user, None)
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
                _log.warning("look at Temporal failed", address=target.address, error=repr(error))
                kind = type(error).__name__  # its text may be another each time
                fault = unknown(Reason.DIAL_FAILED, f"cannot look at {target.address} ({kind}); see the operator's log")
                view = TemporalView(fault, fault)
            monitor = self._monitors.get(target)
            if monitor is None:
                return
            before, monitor.view = monitor.view, view
            if before != view:
                for user in list(monitor.users):
                    self._changed(user)
            pause = self._interval * (0.9 + random.random() / 5)  # noqa: S311 # spreads load, no secret
            monitor.hurry.clear()
            again = await self._advance(monitor, frontend)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(pause, again.total_seconds()) if again is not None else pause):
                    await monitor.hurry.wait()

    async def _advance(self, monitor: _Monitor[UserT], frontend: Frontend) -> timedelta | None:
        """Carries rollouts on, and says when to come again before the next look."""
        deployments = frontend.worker_deployments()
        if deployments is None or not monitor.view.namespace.holds:
            return None
        try:
            changed, again = await monitor.rollouts.advance(deployments, monitor.view.workers)
        except Exception as error:  # noqa: BLE001 # likewise
            _log.warning("rollouts failed", error=str(error))
            return None
        for user in changed:
            self._changed(user)
        return again
