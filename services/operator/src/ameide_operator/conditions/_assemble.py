"""From verdicts to the conditions of a status."""

from collections.abc import Iterable, Mapping, Sequence

from ameide_operator.conditions._reasons import STALLED, Reason
from ameide_operator.conditions._verdict import Verdict, available, failing
from ameide_operator.models import Condition, ConditionType

_DEPENDENCIES = (ConditionType.SECRETS_READY, ConditionType.TEMPORAL_READY, ConditionType.NAMESPACE_READY)
_WORKLOADS = (ConditionType.WORKER_READY, ConditionType.INGRESS_READY)
_STATUS = {True: "True", False: "False", None: "Unknown"}


def assemble(
    verdicts: Mapping[ConditionType, Verdict], *, generation: int, before: Iterable[Condition], now: str
) -> list[Condition]:
    """Sums verdicts up and turns all into conditions.

    Args:
        verdicts: The three of the dependencies, that of the worker, and that of the ingress where there is one. One of
            READY overrides the sum: what is wrong with the resource as a whole.
        generation: Generation of spec that they speak of.
        before: Conditions of the last status; a condition whose status is the same keeps its transition time.
        now: The time, RFC 3339 in UTC, seconds.
    """
    all_verdicts = dict(verdicts)
    all_verdicts[ConditionType.DEPENDENCIES_READY] = _sum(verdicts, _DEPENDENCIES, "all dependencies are there")
    all_verdicts[ConditionType.WORKLOAD_READY] = _sum(verdicts, _WORKLOADS, "all workloads run")
    both = (ConditionType.DEPENDENCIES_READY, ConditionType.WORKLOAD_READY)
    ready = verdicts.get(ConditionType.READY) or _sum(all_verdicts, both, "the process runs")
    all_verdicts[ConditionType.READY] = ready
    if not ready.holds:
        # Only one of the two, and only while it is true, as tools expect that wait on any resource.
        kind = ConditionType.STALLED if ready.reason in STALLED else ConditionType.RECONCILING
        all_verdicts[kind] = Verdict(holds=True, reason=ready.reason, message=ready.message)
    times = {(each.type, each.status): each.last_transition_time for each in before}
    order = list(ConditionType)
    return [
        _condition(kind, all_verdicts[kind], generation, times, now) for kind in sorted(all_verdicts, key=order.index)
    ]


def _sum(verdicts: Mapping[ConditionType, Verdict], parts: Sequence[ConditionType], well: str) -> Verdict:
    """The first part that fails, else the first that is not known, else all is well."""
    present = [verdicts[part] for part in parts if part in verdicts]
    for wanted in (False, None):
        for verdict in present:
            if verdict.holds is wanted:
                return verdict
    warnings = [verdict for verdict in present if verdict.reason is not Reason.AVAILABLE]
    return warnings[0] if warnings else available(well)


def _condition(
    kind: ConditionType, verdict: Verdict, generation: int, times: Mapping[tuple[str, str], str], now: str
) -> Condition:
    status = _STATUS[verdict.holds]
    return Condition(
        type=kind.value,
        status=status,  # pyright: ignore[reportArgumentType] # one of the three
        reason=verdict.reason.value,
        message=verdict.message,
        observed_generation=generation,
        last_transition_time=times.get((kind.value, status), now),
    )


def invalid(problems: str) -> dict[ConditionType, Verdict]:
    """Verdicts of a resource whose spec cannot be acted on: nothing else is looked at."""
    verdict = failing(Reason.INVALID_SPEC, problems)
    kinds = (*_DEPENDENCIES, ConditionType.WORKER_READY, ConditionType.READY)
    return {
        kind: verdict if kind in {ConditionType.WORKER_READY, ConditionType.READY} else _not_looked_at()
        for kind in kinds
    }


def _not_looked_at() -> Verdict:
    return Verdict(holds=None, reason=Reason.INVALID_SPEC, message="not looked at while spec is invalid")
