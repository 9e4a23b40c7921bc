"""What a rollout does next: for each strategy, and rules that hold from every state, played on a model of Temporal."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from ameide_operator.models import RolloutStep
from ameide_operator.rollout import (
    Create,
    Decision,
    HandOver,
    Intent,
    Phase,
    Seen,
    SetCurrent,
    SetRamping,
    Stage,
    TakeOver,
    plan_removal,
    plan_rollout,
    removable_versions,
)
from hypothesis import given
from hypothesis import strategies as st

US = "ameide-operator"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
STEPS = (RolloutStep(percent=10, pause="10m"), RolloutStep(percent=50, pause="1h"))
AT_ONCE = Intent("orders/orders", "b2")
BY_STEPS = Intent("orders/orders", "b2", "Steps", STEPS)
BY_HAND = Intent("orders/orders", "b2", "Manual")
BOTH = {"b1": Phase.CURRENT, "b2": Phase.INACTIVE}
FIRST_SERVES = Seen(current="b1", versions=BOTH, manager=US)


def decide(intent: Intent, seen: Seen | None, polled: set[str] | None = None, now: datetime = NOW) -> Decision:
    return plan_rollout(intent, seen, polled={"b1", "b2"} if polled is None else polled, manager=US, now=now)


def ramping(percent: float, since: datetime = NOW) -> Seen:
    versions = {"b1": Phase.CURRENT, "b2": Phase.RAMPING}
    return Seen(current="b1", ramping="b2", percent=percent, percent_since=since, versions=versions, manager=US)


def test_worker_deployment_is_made_and_taken_over_first():
    assert decide(AT_ONCE, None).action == Create()
    assert decide(AT_ONCE, Seen()).action == TakeOver()


def test_that_of_another_manager_is_left_alone():
    decision = decide(AT_ONCE, replace(FIRST_SERVES, manager="somebody"))
    assert decision.action is None
    assert decision.progress.stage is Stage.MANAGED_BY_ANOTHER
    assert "'somebody' manages" in decision.progress.message


def test_first_build_becomes_current_when_its_workers_poll():
    for intent in (AT_ONCE, BY_STEPS):
        assert decide(intent, Seen(manager=US)).progress.stage is Stage.WAITING_FOR_POLLERS
        known = Seen(manager=US, versions={"b2": Phase.INACTIVE})
        assert decide(intent, known, polled={"b1"}).progress.stage is Stage.WAITING_FOR_POLLERS
        assert decide(intent, known).action == SetCurrent("b2")
    assert decide(BY_HAND, Seen(versions={"b2": Phase.INACTIVE})).action == SetCurrent("b2")


def test_first_poll_of_a_new_version_counts_before_its_first_heartbeat():
    created = {"b2": NOW - timedelta(seconds=129)}
    new = Seen(current="b1", versions=BOTH, created=created, manager=US)
    assert decide(AT_ONCE, new, polled={"b1"}).action == SetCurrent("b2")
    later = NOW + timedelta(seconds=2)
    assert decide(AT_ONCE, new, polled={"b1"}, now=later).progress.stage is Stage.WAITING_FOR_POLLERS
    drained = replace(new, versions={"b1": Phase.CURRENT, "b2": Phase.DRAINED})
    assert decide(AT_ONCE, drained, polled={"b1"}).progress.stage is Stage.WAITING_FOR_POLLERS


def test_all_at_once():
    assert decide(AT_ONCE, FIRST_SERVES, polled={"b1"}).action is None
    assert decide(AT_ONCE, FIRST_SERVES).action == SetCurrent("b2")
    assert decide(AT_ONCE, ramping(10)).action == SetCurrent("b2")
    assert decide(AT_ONCE, Seen(current="b2", versions=BOTH, manager=US)).progress.stage is Stage.DONE


def test_steps():
    assert decide(BY_STEPS, FIRST_SERVES).action == SetRamping("b2", 10)
    paused = decide(BY_STEPS, ramping(10, NOW - timedelta(minutes=4)))
    assert paused.action is None
    assert paused.again == timedelta(minutes=6)
    assert paused.progress.message == "build 'b2' gets 10% of new work; step 1 of 2 lasts 10m; 'b1' gets the rest"
    assert decide(BY_STEPS, ramping(10, NOW - timedelta(minutes=10))).action == SetRamping("b2", 50)
    assert decide(BY_STEPS, ramping(50, NOW - timedelta(minutes=59))).action is None
    assert decide(BY_STEPS, ramping(50, NOW - timedelta(hours=1))).action == SetCurrent("b2")


def test_steps_go_on_from_what_was_changed_by_hand():
    assert decide(BY_STEPS, ramping(5)).action == SetRamping("b2", 10)
    assert decide(BY_STEPS, ramping(30, NOW - timedelta(minutes=10))).action == SetRamping("b2", 50)
    assert decide(BY_STEPS, ramping(90, NOW - timedelta(hours=1))).action == SetCurrent("b2")
    assert decide(BY_STEPS, ramping(50.000004, NOW)).action is None


def test_steps_stand_still_while_nobody_polls():
    late = ramping(10, NOW - timedelta(days=1))
    assert decide(BY_STEPS, late, polled={"b1"}).progress.stage is Stage.WAITING_FOR_POLLERS


def test_another_build_replaces_one_that_ramps():
    third = replace(BY_STEPS, build_id="b3")
    seen = replace(ramping(50), versions={"b1": Phase.CURRENT, "b2": Phase.RAMPING, "b3": Phase.INACTIVE})
    assert decide(third, seen, polled={"b1", "b2", "b3"}).action == SetRamping("b3", 10)


def test_return_to_the_current_build_ends_the_ramp():
    assert decide(replace(BY_STEPS, build_id="b1"), ramping(50)).action == SetRamping("", 0)


def test_by_hand():
    assert decide(BY_HAND, FIRST_SERVES).action == HandOver()
    for manager in ("", "somebody"):
        decision = decide(BY_HAND, replace(FIRST_SERVES, manager=manager))
        assert decision.action is None
        assert decision.progress.message.endswith(
            "temporal worker deployment set-current-version --namespace default --deployment-name orders/orders "
            "--build-id b2"
        )


def test_versions_go_when_nobody_needs_them():
    phases = {"b1": Phase.DRAINED, "b2": Phase.CURRENT, "b3": Phase.INACTIVE, "b4": Phase.DRAINING}
    seen = Seen(current="b2", versions=phases, manager=US)
    assert removable_versions(AT_ONCE, seen, polled={"b2"}) == ["b1", "b3"]
    assert removable_versions(AT_ONCE, seen, polled={"b1", "b2"}) == ["b3"]
    assert removable_versions(AT_ONCE, seen, polled=None) == []


def test_removal_lets_all_versions_drain():
    assert plan_removal(ramping(10)) == SetRamping("", 0)
    assert plan_removal(FIRST_SERVES) == SetCurrent("")
    assert plan_removal(Seen(versions={"b1": Phase.DRAINING})) is None


def after(seen: Seen | None, action: object, now: datetime) -> Seen:
    """What Temporal makes of a change."""
    if seen is None:
        return Seen()
    match action:
        case TakeOver():
            return replace(seen, manager=US)
        case HandOver():
            return replace(seen, manager="")
        case SetCurrent(build):
            routing = replace(seen, current=build, ramping="" if seen.ramping == build else seen.ramping)
        case SetRamping(build, percent):
            since = None if percent == seen.percent and build == seen.ramping else now
            routing = replace(seen, ramping=build, percent=percent, percent_since=since or seen.percent_since)
        case _:
            raise AssertionError(action)
    return replace(routing, versions={build: _phase(routing, build, old) for build, old in seen.versions.items()})


def _phase(seen: Seen, build: str, old: Phase) -> Phase:
    if build == seen.current:
        return Phase.CURRENT
    if build == seen.ramping:
        return Phase.RAMPING
    return Phase.DRAINING if old in {Phase.CURRENT, Phase.RAMPING} else old


BUILDS = st.sampled_from(["b1", "b2", "b3"])
PERCENTS = st.lists(st.integers(1, 99), min_size=1, max_size=5, unique=True).map(sorted)
STRATEGIES = st.sampled_from(["AllAtOnce", "Steps"])


@st.composite
def states(draw: st.DrawFn) -> Seen | None:
    if draw(st.booleans()):
        return draw(st.sampled_from([None, Seen(), FIRST_SERVES]))
    current = draw(BUILDS | st.just(""))
    ramping = draw(BUILDS.filter(lambda build: build != current) | st.just(""))
    bare = Seen(
        current=current,
        ramping=ramping,
        percent=draw(st.integers(0, 100)) if ramping else 0,
        percent_since=NOW if ramping else None,
        manager=draw(st.sampled_from(["", US])),
    )
    known = draw(st.sets(BUILDS)) | {each for each in (current, ramping) if each}
    return replace(bare, versions={build: _phase(bare, build, Phase.INACTIVE) for build in known})


@given(states(), BUILDS, STRATEGIES, PERCENTS)
def test_every_rollout_ends_and_its_share_never_shrinks(
    seen: Seen | None, target: str, strategy: Literal["AllAtOnce", "Steps"], percents: list[int]
):
    steps = tuple(RolloutStep(percent=percent, pause="1m") for percent in percents)
    intent = Intent("orders/orders", target, strategy, steps if strategy == "Steps" else ())
    now = NOW
    shares: list[float] = []
    stage = None
    for _ in range(40):
        decision = plan_rollout(intent, seen, polled={target}, manager=US, now=now)
        stage = decision.progress.stage
        if decision.action is not None:
            seen = after(seen, decision.action, now)
        elif decision.again is not None:
            now += decision.again
        elif stage is Stage.WAITING_FOR_POLLERS:
            assert seen is not None
            seen = replace(seen, versions={**seen.versions, target: Phase.INACTIVE})
        else:
            break
        shares.append(_share(seen, target))
    assert seen is not None
    assert stage is Stage.DONE
    assert (seen.current, seen.ramping) == (target, "")
    assert shares == sorted(shares)


def _share(seen: Seen | None, target: str) -> float:
    if seen is None:
        return 0
    return 100 if seen.current == target else seen.percent if seen.ramping == target else 0


@given(states(), BUILDS, STRATEGIES, st.sets(BUILDS))
def test_no_build_gets_work_whose_workers_do_not_poll(
    seen: Seen | None, target: str, strategy: Literal["AllAtOnce", "Steps"], polled: set[str]
):
    intent = Intent("orders/orders", target, strategy, STEPS)
    match plan_rollout(intent, seen, polled=polled, manager=US, now=NOW).action:
        case SetCurrent(build) | SetRamping(build) if build:
            assert build == target
            assert build in polled
            assert seen is not None
            assert build in seen.versions
        case _:
            pass
