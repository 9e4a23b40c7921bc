"""The rollouts of the resources that share a monitor: carried on after each look, and between two where time calls."""

from collections import defaultdict
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from typing import Final, Generic, TypeVar

import structlog
from temporalio.service import RPCError

from ameide_operator.monitoring._target import TemporalTarget
from ameide_operator.monitoring._workers import LiveWorker
from ameide_operator.rollout import Intent, RolloutView, Stage, WorkerDeployments, advance, sweep

SWEEP_INTERVAL: Final = timedelta(minutes=5)
"""Between two sweeps of what deleted resources left; one that lacks room waits for no interval."""

_SILENCE_LIMIT: Final = timedelta(minutes=1)

UserT = TypeVar("UserT")

_log = structlog.get_logger(__name__)


class Rollouts(Generic[UserT]):
    """Intents of users, and what became of them.

    Args:
        target: The connection and namespace.
        is_wanted: Whether there is a resource with a Worker Deployment of a name.
        sweep_interval: Between two sweeps.
        silence_limit: How long the last answer of Temporal stands for those that it does not give.
    """

    def __init__(
        self,
        target: TemporalTarget,
        is_wanted: Callable[[str], bool],
        *,
        sweep_interval: timedelta,
        silence_limit: timedelta = _SILENCE_LIMIT,
    ) -> None:
        self._target = target
        self._is_wanted = is_wanted
        self._sweep_interval = sweep_interval.total_seconds()
        self._silence_limit = silence_limit.total_seconds()
        self._swept_at = monotonic()
        self._intents: dict[UserT, Intent] = {}
        self._views: dict[UserT, RolloutView] = {}
        self._answered_at: dict[UserT, float] = {}

    def want(self, user: UserT, intent: Intent | None) -> bool:
        """Takes in what a user wants; whether that is new."""
        if self._intents.get(user) == intent:
            return False
        if intent is None:
            self._intents.pop(user, None)
            self._views.pop(user, None)
            self._answered_at.pop(user, None)
        else:
            self._intents[user] = intent
        return True

    def view(self, user: UserT) -> RolloutView | None:
        """What was seen last of what a user wants now; None: nothing yet."""
        view = self._views.get(user)
        return view if view is not None and view.intent == self._intents.get(user) else None

    async def advance(
        self, deployments: WorkerDeployments, workers: frozenset[LiveWorker] | None
    ) -> tuple[list[UserT], timedelta | None]:
        """Carries all on.

        Args:
            deployments: Worker Deployments of the namespace.
            workers: Those that live; None: not known.

        Returns:
            Users whose view has changed, and when to come again before the next look.
        """
        polled = _builds(workers) if workers is not None else None
        changed: list[UserT] = []
        times: list[timedelta] = []
        for user, intent in list(self._intents.items()):
            builds = polled.get(intent.deployment, set()) if polled is not None else None
            view, again = await advance(deployments, intent, manager=self._target.identity, polled=builds)
            if again is not None:
                times.append(again)
            if self._intents.get(user) == intent and self._take_in(user, view):
                changed.append(user)
        await self._sweep(deployments, polled)
        return changed, min(times, default=None)

    def _take_in(self, user: UserT, view: RolloutView) -> bool:
        """Keeps a view; whether that is news."""
        before = self._views.get(user)
        if view.progress.stage is not Stage.UNANSWERED:
            self._answered_at[user] = monotonic()
        elif before is not None and before.intent.deployment == view.intent.deployment:
            lasts = monotonic() - self._answered_at.get(user, 0.0) < self._silence_limit
            if lasts and before.intent == view.intent:
                return False
            view = replace(view, seen=view.seen or before.seen)
        self._views[user] = view
        return view != before

    async def _sweep(self, deployments: WorkerDeployments, polled: dict[str, set[str]] | None) -> None:
        lacks_room = any(view.progress.stage is Stage.LIMIT_REACHED for view in self._views.values())
        due = monotonic() - self._swept_at >= self._sweep_interval
        if polled is None or not self._intents or not (due or lacks_room):
            return
        self._swept_at = monotonic()
        try:
            await sweep(
                deployments,
                prefix=f"{self._target.kubernetes_namespace}/",
                manager=self._target.identity,
                is_wanted=self._is_wanted,
                polled=polled,
            )
        except RPCError as error:
            _log.info("worker deployments are not known", error=error.message)


def _builds(workers: AbstractSet[LiveWorker]) -> dict[str, set[str]]:
    builds: defaultdict[str, set[str]] = defaultdict(set)
    for worker in workers:
        if worker.deployment:
            builds[worker.deployment].add(worker.build_id)
    return builds
