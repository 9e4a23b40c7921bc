"""One pass over one resource: look, plan, write what differs, judge, write the status if it differs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from pydantic import ValidationError

from ameide_operator.conditions import (
    READY_LIMIT,
    Reason,
    Verdict,
    assemble,
    blocking,
    failing,
    invalid,
    judge_secrets,
    seconds_until_next_finding,
    summed_up,
    temporal_secrets,
    unknown,
    workload_status,
)
from ameide_operator.kubernetes import Body, Cluster
from ameide_operator.models import ConditionType, ProcessSpec, ProcessStatus
from ameide_operator.monitoring import Monitors, TemporalView, temporal_target
from ameide_operator.planning import (
    Component,
    Observed,
    Owner,
    plan_children,
    replicas_seen,
    secret_uses,
)
from ameide_operator.reconciling._builds import (
    Builds,
    needed_builds,
    rollout_intent,
    rollout_status,
    unversioned_serves,
)
from ameide_operator.reconciling._child_writer import ChildWriter, Written, controlled
from ameide_operator.reconciling._event_recorder import EventRecorder
from ameide_operator.reconciling._judging import WorkloadJudge
from ameide_operator.reconciling._live import Live
from ameide_operator.reconciling._readiness import ReadinessProbe
from ameide_operator.reconciling._retention import conflict, deciding
from ameide_operator.reconciling._secret_reader import SecretReader
from ameide_operator.reconciling._status import StatusWriter, conditions_of
from ameide_operator.reconciling._store import ResourceKey, Store
from ameide_operator.rollout import RolloutView
from ameide_operator.secret_summary import SecretSummary

LONGEST_WAIT_SECONDS: Final = 3600.0
"""Of a pass for the sake of time alone."""

HINDERED_AGAIN_SECONDS: Final = 30.0
"""Before the next try of what was forbidden, or had something in its way: nothing tells that a quota has room, that a
right was granted, or that an object without our labels went."""

_log = structlog.get_logger(__name__)


class Reconciler:
    """Makes the cluster as resources say, and says how it stands."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        monitors: Monitors[ResourceKey],
        readiness: ReadinessProbe,
        *,
        ready_limit: timedelta = READY_LIMIT,
    ) -> None:
        self._ready_limit = ready_limit
        self._store = store
        self._monitors = monitors
        self._readiness = readiness
        self._children = ChildWriter(cluster, store)
        self._secrets = SecretReader(cluster, store)
        self._status = StatusWriter(cluster, store)
        self._events = EventRecorder(cluster)
        self._made_last: set[ResourceKey] = set()
        """Resources whose last pass made children, and left the status to the next."""

    async def reconcile(self, key: ResourceKey) -> float | None:
        """One pass over a resource.

        Returns:
            After how many seconds to come again if nothing happens before; None: not by itself.

        Raises:
            ApiError: The API server refuses for a reason that may pass.
            httpx2.HTTPError: The API server does not answer.
        """
        body = self._store.resource(key)
        if body is None or body["metadata"].get("deletionTimestamp"):
            # Owner references delete the children.
            self._monitors.release(key)
            self._children.forget(key)
            self._events.forget(key)
            self._made_last.discard(key)
            self._store.forget(key)
            return None
        try:
            spec = ProcessSpec.model_validate(body["spec"])
        except ValidationError as error:
            self._monitors.release(key)
            await self._write(key, body, invalid(_problems(error)), ProcessStatus())
            return None
        return await self._reconcile_valid(key, body, spec)

    async def _reconcile_valid(self, key: ResourceKey, body: Body, spec: ProcessSpec) -> float | None:
        now = datetime.now(UTC)
        uses = secret_uses(spec)
        self._store.use_secrets(key, {use.secret for use in uses})
        secrets = {use.secret: await self._secrets.read(key.namespace, use.secret) for use in uses}
        judged = judge_secrets(uses, secrets, now=now)
        view = self._temporal(key, body, spec, secrets, temporal_secrets(uses, secrets, now=now))
        owner = Owner(key.namespace, key.name, body["metadata"]["uid"])
        rollout = self._monitors.rollout(key, rollout_intent(spec, owner))
        live = Live(owner, controlled(self._store.children(key), owner.uid), self._store.pods(key))
        builds = needed_builds(spec, live.telling_of_builds(), rollout)
        written = Written()
        if not blocking(judged):
            plan = plan_children(spec, owner, self._observed(live, secrets, builds, rollout))
            written = await self._children.write(key, owner.uid, plan)
            live = replace(live, children=controlled(self._store.children(key), owner.uid))
        overall = _overall(written)
        if written.made and not overall and key not in self._made_last:
            # How they stand nobody knows yet: a status would be written for a moment only.
            self._made_last.add(key)
            return 0.0
        self._made_last.discard(key)
        verdicts = {
            ConditionType.SECRETS_READY: judged,
            ConditionType.TEMPORAL_READY: view.temporal,
            ConditionType.NAMESPACE_READY: view.namespace,
        }
        until = seconds_until_next_finding(secrets.values(), now=now)
        waits = [min(until + 1, LONGEST_WAIT_SECONDS) if until is not None else None]
        judge = WorkloadJudge(
            self._readiness,
            spec,
            live,
            secrets=judged,
            view=view,
            ready_limit=self._ready_limit,
            hindered=bool(overall),
        )
        judgements = {
            ConditionType.WORKER_READY: await (judge.versioned_worker(builds, rollout) if builds else judge.worker())
        }
        if spec.ingress:
            judgements[ConditionType.INGRESS_READY] = await judge.ingress()
        for condition, judgement in judgements.items():
            verdicts[condition] = judgement.verdict
            waits.append(judgement.again)
        verdicts |= overall
        waits.append(HINDERED_AGAIN_SECONDS if written.forbidden or written.conflicts else None)
        await self._write(key, body, verdicts, _status(spec, live, builds, rollout))
        return min((wait for wait in waits if wait is not None), default=None)

    def _observed(
        self,
        live: Live,
        secrets: Mapping[str, SecretSummary | None],
        builds: Builds | None,
        rollout: RolloutView | None,
    ) -> Observed:
        present = {name: summary for name, summary in secrets.items() if summary}
        replicas = {body["metadata"]["name"]: replicas_seen(body) for body in live.deployments()}
        return Observed(
            secret_keys={name: summary.keys for name, summary in present.items()},
            secret_digests={name: summary.digest for name, summary in present.items()},
            replicas=replicas,
            children=live.children.keys(),
            earlier_builds=builds.earlier if builds else (),
            unversioned_serves=builds is not None and unversioned_serves(rollout),
            service_monitors=self._store.service_monitors,
        )

    def _temporal(
        self,
        key: ResourceKey,
        body: Body,
        spec: ProcessSpec,
        secrets: Mapping[str, SecretSummary | None],
        missing: Verdict | None,
    ) -> TemporalView:
        if missing is not None:
            self._monitors.release(key)
            return TemporalView(missing, unknown(missing.reason, "not known while Temporal cannot be asked"))
        target = temporal_target(spec, key.namespace, secrets)
        decision = deciding(body, self._store.bodies())
        if decision is None:
            return self._monitors.view(key, target)
        view = self._monitors.view(key, replace(target, retention=None, admin=None))
        wanted = spec.temporal.namespace_management.retention or ""
        return replace(view, namespace=conflict(decision, wanted, view.namespace))

    async def _write(
        self, key: ResourceKey, body: Body, verdicts: Mapping[ConditionType, Verdict], status: ProcessStatus
    ) -> None:
        generation = body["metadata"]["generation"]
        before = conditions_of(body)
        conditions = assemble(
            verdicts,
            generation=generation,
            before=before,
            now=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        changes = {"observed_generation": generation, "conditions": conditions}
        if await self._status.write(key, body, status.model_copy(update=changes)):
            await self._events.record(key, body, before, conditions)


def _status(spec: ProcessSpec, live: Live, builds: Builds | None, rollout: RolloutView | None) -> ProcessStatus:
    """Counts of what serves, and builds."""
    serving = builds.serving(rollout) if builds else (None,)
    worker = [
        workload_status(deployment, spec.image.worker)
        for build in serving
        if (deployment := live.deployment(Component.WORKER, build))
    ]
    ingress = live.deployment(Component.INGRESS, None) if spec.ingress else None
    return ProcessStatus(
        worker=summed_up(worker) if worker else None,
        ingress=workload_status(ingress, spec.image.ingress or "") if ingress else None,
        rollout=rollout_status(builds, rollout) if builds else None,
    )


def _overall(written: Written) -> dict[ConditionType, Verdict]:
    """What is wrong with the resource as a whole."""
    if written.conflicts:
        message = "; ".join(written.conflicts)
        return {ConditionType.READY: failing(Reason.CHILD_CONFLICT, message)}
    if written.refusals:
        return {ConditionType.READY: failing(Reason.INVALID_SPEC, "; ".join(written.refusals))}
    if written.forbidden:
        return {ConditionType.READY: failing(Reason.FORBIDDEN, "; ".join(written.forbidden))}
    return {}


def _problems(error: ValidationError) -> str:
    problems: Sequence[Any] = error.errors(include_url=False, include_input=False)
    return "; ".join(map(_problem, problems))


def _problem(error: Any) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])
    words = error["msg"].removeprefix("Value error, ")  # ours, which name their fields
    return f"spec{place}: {words}" if place else words
