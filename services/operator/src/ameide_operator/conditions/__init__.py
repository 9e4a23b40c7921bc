"""Pure judgement: from what is seen to conditions with reasons and messages."""

from ameide_operator.conditions._assemble import assemble, invalid
from ameide_operator.conditions._pods import pod_is_ready
from ameide_operator.conditions._polling import READY_LIMIT, Polling, judge_polling
from ameide_operator.conditions._reasons import STALLED, Reason
from ameide_operator.conditions._rollout import build_gone, judge_rollout, runs_since
from ameide_operator.conditions._secrets import blocking, judge_secrets, seconds_until_next_finding, temporal_secrets
from ameide_operator.conditions._verdict import Verdict, available, failing, unknown
from ameide_operator.conditions._workload import (
    ReadinessReport,
    judge_workload,
    summed_up,
    unready_pod,
    workload_status,
)

__all__ = [
    "READY_LIMIT",
    "STALLED",
    "Polling",
    "ReadinessReport",
    "Reason",
    "Verdict",
    "assemble",
    "available",
    "blocking",
    "build_gone",
    "failing",
    "invalid",
    "judge_polling",
    "judge_rollout",
    "judge_secrets",
    "judge_workload",
    "pod_is_ready",
    "runs_since",
    "seconds_until_next_finding",
    "summed_up",
    "temporal_secrets",
    "unknown",
    "unready_pod",
    "workload_status",
]
