"""The next change of a Worker Deployment's routing: a pure function of what is wanted and what is there.

There is no state beside Temporal's own: after a restart, or a change by hand, the rollout goes on from what is there.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from ameide_operator.rollout._state import Intent, Phase, Progress, Seen, Stage

_PERCENT_TOLERANCE = 0.01
"""Temporal keeps percentages in single precision."""


_NEW = timedelta(seconds=130)
"""How long the first poll of a version proves that workers poll: their first heartbeat may take a minute."""


@dataclass(frozen=True, slots=True)
class Create:
    """Makes the Worker Deployment: the server's limit shows before pods wait in vain."""


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Makes the operator the one that may change it."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """Lets everybody change it."""


@dataclass(frozen=True, slots=True)
class SetCurrent:
    """Gives new work to a build; empty: to unversioned workers."""

    build_id: str


@dataclass(frozen=True, slots=True)
class SetRamping:
    """Gives a part of new work to a build; empty and 0: to none."""

    build_id: str
    percent: float


Action = Create | TakeOver | HandOver | SetCurrent | SetRamping


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, and how the rollout stands if that is nothing."""

    action: Action | None
    progress: Progress
    again: timedelta | None = None
    """When time alone calls for the next decision."""


def plan_rollout(
    intent: Intent, seen: Seen | None, *, polled: AbstractSet[str] | None, manager: str, now: datetime
) -> Decision:
    """Decides on the next change.

    Args:
        intent: What is wanted.
        seen: What is there; None: Temporal has no such Worker Deployment.
        polled: Builds whose workers live; None: not known, and whoever was seen once counts.
        manager: Who we are.
        now: The time, in UTC.
    """
    if seen is None:
        return _act(Create(), f"Worker Deployment {intent.deployment!r} is about to be made")
    by_hand = intent.strategy == "Manual"
    if seen.manager == manager and by_hand:
        return _act(HandOver(), "it is handed over, for changes by hand")
    if seen.manager not in {"", manager} and not by_hand:
        message = (
            f"{seen.manager!r} manages Worker Deployment {intent.deployment!r}; set rollout.strategy to Manual, or "
            f"take it back: temporal worker deployment manager-identity unset {_named(intent)}"
        )
        return Decision(None, Progress(Stage.MANAGED_BY_ANOTHER, message))
    if seen.manager != manager and not by_hand:
        return _act(TakeOver(), "it is taken over")
    return _route(intent, seen, polled, now)


def _route(intent: Intent, seen: Seen, polled: AbstractSet[str] | None, now: datetime) -> Decision:
    target = intent.build_id
    if seen.current == target:
        if seen.ramping and intent.strategy != "Manual":
            return _act(SetRamping("", 0), f"build {seen.ramping!r} is no longer wanted")
        return Decision(None, Progress(Stage.DONE, f"build {target!r} is current"))
    if not _polls(target, seen, polled, now):
        return Decision(None, Progress(Stage.WAITING_FOR_POLLERS, _waiting(target, seen)))
    # Until there is a current build nobody gets a task: there is nothing to be careful about.
    if intent.strategy == "AllAtOnce" or (not seen.current and not seen.ramping):
        return _act(SetCurrent(target), f"build {target!r} becomes current")
    match intent.strategy:
        case "Manual":
            command = f"temporal worker deployment set-current-version {_named(intent)}"
            message = f"build {target!r} is ready to become current by hand: {command} --build-id {target}"
            return Decision(None, Progress(Stage.BY_HAND, message))
        case "Steps":
            return _step(intent, seen, now)


def _polls(build_id: str, seen: Seen, polled: AbstractSet[str] | None, now: datetime) -> bool:
    phase = seen.versions.get(build_id)
    if phase is None or polled is None or build_id in polled:
        return phase is not None
    created = seen.created.get(build_id)
    return phase is Phase.INACTIVE and created is not None and now - created < _NEW


def _step(intent: Intent, seen: Seen, now: datetime) -> Decision:
    target = intent.build_id
    at = seen.percent + _PERCENT_TOLERANCE if seen.ramping == target else 0.0
    done = [step for step in intent.steps if step.percent <= at]
    if done and seen.percent_since is not None:
        left = seen.percent_since + done[-1].duration - now
        if left > timedelta(0):
            message = (
                f"build {target!r} gets {seen.percent:g}% of new work; step {len(done)} of {len(intent.steps)} lasts "
                f"{done[-1].pause}; {seen.current or 'none'!r} gets the rest"
            )
            return Decision(None, Progress(Stage.PAUSED, message), again=left)
    if len(done) == len(intent.steps):
        return _act(SetCurrent(target), f"build {target!r} becomes current")
    percent = intent.steps[len(done)].percent
    return _act(SetRamping(target, percent), f"build {target!r} gets {percent}% of new work")


def removable_versions(intent: Intent, seen: Seen, *, polled: AbstractSet[str] | None) -> list[str]:
    """Builds that Temporal can forget: nobody works for them and nothing is left that they began."""
    if polled is None:
        return []
    return sorted(
        build
        for build, phase in seen.versions.items()
        if phase in {Phase.DRAINED, Phase.INACTIVE} and build != intent.build_id and build not in polled
    )


def _act(action: Action, message: str) -> Decision:
    return Decision(action, Progress(Stage.MOVING, message))


def _named(intent: Intent) -> str:
    """The options by which Temporal's command line is told of which Worker Deployment."""
    return f"--namespace {intent.namespace} --deployment-name {intent.deployment}"


def _waiting(target: str, seen: Seen) -> str:
    serving = f"; build {seen.current!r} stays current" if seen.current else "; until then nobody gets a task"
    return f"build {target!r} becomes current when its workers poll{serving}"
