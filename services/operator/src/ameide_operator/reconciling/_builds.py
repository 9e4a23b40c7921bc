"""Which builds of a worker are needed, and what their rollout wants of Temporal."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ameide_operator.kubernetes import Body
from ameide_operator.models import ProcessSpec, RolloutStatus
from ameide_operator.planning import Build, Owner, build_of, deployment_name, wanted_build
from ameide_operator.rollout import Intent, Phase, RolloutView

_SERVING = frozenset({Phase.CURRENT, Phase.RAMPING})


@dataclass(frozen=True, slots=True)
class Builds:
    """The builds of a versioned worker."""

    wanted: Build
    """The one that spec names."""
    earlier: tuple[Build, ...]
    """Others that are still needed."""

    def serving(self, view: RolloutView | None) -> tuple[Build, ...]:
        """Those that get new work, the current one first; the wanted one where none does yet."""
        seen = view.seen if view else None
        order = [seen.current, seen.ramping] if seen else []
        known = {each.build_id: each for each in (self.wanted, *self.earlier)}
        return tuple(known[build_id] for build_id in order if build_id in known) or (self.wanted,)


def rollout_intent(spec: ProcessSpec, owner: Owner) -> Intent | None:
    """What a resource wants of Temporal; None where its worker is unversioned."""
    if spec.rollout is None:
        return None
    steps = tuple(spec.rollout.steps or ())
    return Intent(deployment_name(owner), spec.build_id(), spec.rollout.strategy, steps, spec.temporal.namespace)


def needed_builds(spec: ProcessSpec, children: Iterable[Body], view: RolloutView | None) -> Builds | None:
    """Which builds must have pods.

    Args:
        spec: What is wanted.
        children: Live children of the resource that may tell of a build; where two speak of one, the later is right.
        view: What Temporal says of the intent; None: nothing, and every build may have work.

    Returns:
        The builds; None where the worker is unversioned.
    """
    wanted = wanted_build(spec)
    if wanted is None:
        return None
    live = {build.build_id: build for body in children if (build := build_of(body))}
    earlier = [build for build_id, build in sorted(live.items()) if build_id != wanted.build_id]
    if view is None or view.seen is None:
        return Builds(wanted, tuple(replace(build, serves=False) for build in earlier))
    needed = {Phase.CURRENT, Phase.RAMPING, Phase.DRAINING}
    return Builds(
        wanted,
        tuple(
            replace(build, serves=phase in _SERVING)
            for build in earlier
            if (phase := view.phase(build.build_id)) in needed
        ),
    )


def unversioned_serves(view: RolloutView | None) -> bool:
    """Whether unversioned workers get the work, since no build is current."""
    return view is None or view.seen is None or not view.seen.current


def rollout_status(builds: Builds, view: RolloutView | None) -> RolloutStatus:
    """Builds for people."""
    seen = view.seen if view else None
    if seen is None:
        return RolloutStatus(target=builds.wanted.build_id)
    return RolloutStatus(
        target=builds.wanted.build_id,
        current=seen.current or None,
        ramping=seen.ramping or None,
        percent=round(seen.percent) if seen.ramping else None,
        draining=seen.draining() or None,
    )
