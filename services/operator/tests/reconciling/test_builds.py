"""Which builds of a worker keep their pods, by what Temporal says of them."""

from typing import Any

import pytest
from ameide_operator.models import ProcessSpec
from ameide_operator.planning import Build, Owner
from ameide_operator.reconciling._builds import needed_builds, rollout_intent, rollout_status, unversioned_serves
from ameide_operator.rollout import Intent, Phase, Progress, RolloutView, Seen, Stage
from ameide_operator.testing import process_resource

OWNER = Owner("orders", "orders", "uid")
SPEC = ProcessSpec.model_validate(process_resource(rollout={"buildId": "b2"})["spec"])


def deployment(build: str) -> dict[str, Any]:
    annotations = {"ameide.io/build-id": build, "ameide.io/image": f"image:{build}"} if build else {}
    return {"metadata": {"name": build, "annotations": annotations}}


def view(seen: Seen | None) -> RolloutView:
    intent = rollout_intent(SPEC, OWNER)
    assert intent is not None
    return RolloutView(intent, seen, Progress(Stage.MOVING, ""))


LIVE = [deployment(build) for build in ("b2", "b1", "")]


@pytest.mark.parametrize(
    ("phase", "kept", "serves"),
    [
        (Phase.CURRENT, True, True),
        (Phase.RAMPING, True, True),
        (Phase.DRAINING, True, False),
        (Phase.DRAINED, False, False),
        (Phase.INACTIVE, False, False),
    ],
)
def test_earlier_build_stays_while_it_has_work(phase: Phase, *, kept: bool, serves: bool):
    builds = needed_builds(SPEC, LIVE, view(Seen(versions={"b1": phase})))
    assert builds is not None
    assert builds.earlier == ((Build("b1", "image:b1", serves=serves),) if kept else ())


@pytest.mark.parametrize("seen", [None, view(None)])
def test_all_stay_while_temporal_says_nothing(seen: RolloutView | None):
    builds = needed_builds(SPEC, LIVE, seen)
    assert builds is not None
    assert builds.earlier == (Build("b1", "image:b1", serves=False),), "it keeps the pods that it has"
    assert unversioned_serves(seen)


def test_serving_builds_are_those_that_get_new_work():
    def serving(seen: Seen) -> list[str]:
        builds = needed_builds(SPEC, LIVE, view(seen))
        assert builds is not None
        return [each.build_id for each in builds.serving(view(seen))]

    assert serving(Seen()) == ["b2"], "none does, so it is about the one that should"
    assert serving(Seen(current="b1", versions={"b1": Phase.CURRENT})) == ["b1"]
    ramping = Seen(current="b1", ramping="b2", versions={"b1": Phase.CURRENT, "b2": Phase.RAMPING})
    assert serving(ramping) == ["b1", "b2"]


def test_status_names_the_builds():
    seen = Seen(current="b1", ramping="b2", percent=10, versions={"b0": Phase.DRAINING, "b1": Phase.CURRENT})
    builds = needed_builds(SPEC, LIVE, view(seen))
    assert builds is not None
    status = rollout_status(builds, view(seen))
    assert (status.target, status.current, status.ramping, status.percent, status.draining) == (
        "b2",
        "b1",
        "b2",
        10,
        ["b0"],
    )


def test_unversioned_worker_has_no_builds():
    spec = ProcessSpec.model_validate(process_resource()["spec"])
    assert needed_builds(spec, LIVE, None) is None
    assert rollout_intent(spec, OWNER) is None


def test_intent_names_the_worker_deployment_after_the_resource():
    assert rollout_intent(SPEC, OWNER) == Intent("orders/orders", "b2", namespace="orders-prod")
