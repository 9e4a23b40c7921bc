"""A rollout that Temporal is silent about: a fake is, since no real server fails for a minute in one call."""

from datetime import timedelta
from typing import Any

import pytest
from ameide_operator.monitoring._rollouts import Rollouts
from ameide_operator.monitoring._target import TemporalTarget
from ameide_operator.rollout import Intent, Phase, Seen, Stage
from temporalio.service import RPCError, RPCStatusCode

US = "ameide-operator"
INTENT = Intent("orders/orders", "b2")
DONE = Seen(current="b2", versions={"b2": Phase.CURRENT}, manager=US)


class Silenced:
    """Worker Deployments that answer until they are told not to."""

    def __init__(self) -> None:
        self.fault: RPCError | None = None

    async def look(self, name: str) -> Seen:
        if self.fault is not None:
            raise self.fault
        return DONE


def rollouts(silence_limit: timedelta) -> Rollouts[str]:
    target = TemporalTarget("orders", "temporal:7233", "orders", US)
    rollouts: Rollouts[str] = Rollouts(
        target, lambda _: True, sweep_interval=timedelta(hours=1), silence_limit=silence_limit
    )
    assert rollouts.want("user", INTENT)
    return rollouts


async def advanced(rollouts: Rollouts[str], deployments: Any) -> list[str]:
    changed, _ = await rollouts.advance(deployments, None)
    return changed


@pytest.mark.parametrize(
    "status", [RPCStatusCode.RESOURCE_EXHAUSTED, RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED]
)
async def test_what_was_seen_stands_while_temporal_does_not_answer(status: RPCStatusCode):
    known, deployments = rollouts(timedelta(hours=1)), Silenced()
    assert await advanced(known, deployments) == ["user"]
    deployments.fault = RPCError("not now", status, b"")
    assert await advanced(known, deployments) == []
    view = known.view("user")
    assert view is not None
    assert (view.seen, view.progress.stage) == (DONE, Stage.DONE)


async def test_a_long_silence_is_told_and_the_build_that_was_current_stays_known():
    known, deployments = rollouts(timedelta(0)), Silenced()
    await advanced(known, deployments)
    deployments.fault = RPCError("too many requests", RPCStatusCode.RESOURCE_EXHAUSTED, b"")
    assert await advanced(known, deployments) == ["user"]
    view = known.view("user")
    assert view is not None
    assert (view.seen, view.progress.stage) == (DONE, Stage.UNANSWERED)
    assert view.progress.message.endswith("Worker Deployment 'orders/orders': it has too much to do")


async def test_a_new_build_is_judged_by_what_was_seen_before_it():
    known, deployments = rollouts(timedelta(hours=1)), Silenced()
    await advanced(known, deployments)
    known.want("user", Intent("orders/orders", "b3"))
    deployments.fault = RPCError("not now", RPCStatusCode.UNAVAILABLE, b"")
    assert await advanced(known, deployments) == ["user"]
    view = known.view("user")
    assert view is not None
    assert (view.seen, view.progress.stage) == (DONE, Stage.UNANSWERED)


async def test_a_refusal_is_told_at_once():
    known, deployments = rollouts(timedelta(hours=1)), Silenced()
    await advanced(known, deployments)
    deployments.fault = RPCError("no right to look", RPCStatusCode.PERMISSION_DENIED, b"")
    assert await advanced(known, deployments) == ["user"]
    view = known.view("user")
    assert view is not None
    assert view.progress.stage is Stage.REFUSED
