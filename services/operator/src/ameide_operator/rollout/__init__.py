"""How builds of a worker follow one another, by Temporal's Worker Deployments: a pure plan, and what carries it out."""

from ameide_operator.rollout._advance import advance
from ameide_operator.rollout._plan import (
    Create,
    Decision,
    HandOver,
    SetCurrent,
    SetRamping,
    TakeOver,
    plan_rollout,
    removable_versions,
)
from ameide_operator.rollout._state import Intent, Phase, Progress, RolloutView, Seen, Stage
from ameide_operator.rollout._sweep import plan_removal, sweep
from ameide_operator.rollout._temporal import WorkerDeployments

__all__ = [
    "Create",
    "Decision",
    "HandOver",
    "Intent",
    "Phase",
    "Progress",
    "RolloutView",
    "Seen",
    "SetCurrent",
    "SetRamping",
    "Stage",
    "TakeOver",
    "WorkerDeployments",
    "advance",
    "plan_removal",
    "plan_rollout",
    "removable_versions",
    "sweep",
]
