"""Looks at Temporal, beside the queue; reconcile reads what was seen."""

from ameide_operator.monitoring._credentials import ReadSecret, SecretContent
from ameide_operator.monitoring._look import NOT_LOOKED_YET, Frontend, TemporalView
from ameide_operator.monitoring._monitors import INTERVAL_SECONDS, Monitors
from ameide_operator.monitoring._rollouts import SWEEP_INTERVAL
from ameide_operator.monitoring._target import SecretVersion, TemporalTarget, temporal_target
from ameide_operator.monitoring._workers import HEARTBEAT_LIMIT, LiveWorker

__all__ = [
    "HEARTBEAT_LIMIT",
    "INTERVAL_SECONDS",
    "NOT_LOOKED_YET",
    "SWEEP_INTERVAL",
    "Frontend",
    "LiveWorker",
    "Monitors",
    "ReadSecret",
    "SecretContent",
    "SecretVersion",
    "TemporalTarget",
    "TemporalView",
    "temporal_target",
]
