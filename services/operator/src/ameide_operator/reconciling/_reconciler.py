"""One pass over one resource: look, plan, write what differs, judge, write the status if it differs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from pydantic import ValidationError

from ameide_operator.conditions import (
    READY_LIMIT,
    Polling,
    Reason,
    Verdict,
    assemble,
    blocking,
    failing,
    invalid,
    judge_polling,
    judge_secrets,
    judge_workload,
    seconds_until_next_finding,
    temporal_secrets,
    unknown,
    unready_pod,
    workload_status,
)
from ameide_operator.kubernetes import Body, Cluster
from ameide_operator.models import ConditionType, ProcessSpec, ProcessStatus, WorkloadStatus
from ameide_operator.monitoring import Monitors, TemporalView, temporal_target
from ameide_operator.planning import (
    COMPONENT_LABEL,
    DEPLOYMENT,
    ChildKey,
    Component,
    Observed,
    Owner,
    child_name,
    components,
    image_of,
    plan_children,
    replicas_seen,
    secret_uses,
)
from ameide_operator.reconciling._child_writer import ChildWriter, Written, controlled
from ameide_operator.reconciling._readiness import FRESH_SECONDS, ReadinessProbe
from ameide_operator.reconciling._retention import conflict, deciding
from ameide_operator.reconciling._secret_reader import SecretReader
from ameide_operator.reconciling._status import StatusWriter, conditions_of
from ameide_operator.reconciling._store import ResourceKey, Store
from ameide_operator.secret_summary import SecretSummary

LONGEST_WAIT_SECONDS: Final = 3600.0
"""Of a pass for the sake of time alone."""

_READY = {Component.WORKER: ConditionType.WORKER_READY, Component.INGRESS: ConditionType.INGRESS_READY}

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
            self._store.forget(key)
            return None
        try:
            spec = ProcessSpec.model_validate(body["spec"])
        except ValidationError as error:
            self._monitors.release(key)
            await self._write(key, body, None, invalid(_problems(error)))
            return None
        return await self._reconcile_valid(key, body, spec)

    async def _reconcile_valid(self, key: ResourceKey, body: Body, spec: ProcessSpec) -> float | None:
        now = datetime.now(UTC)
        uses = secret_uses(spec)
        self._store.use_secrets(key, {use.secret for use in uses})
        secrets = {use.secret: await self._secrets.read(key.namespace, use.secret) for use in uses}
        judged = judge_secrets(uses, secrets, now=now)
        verdicts = {ConditionType.SECRETS_READY: judged}
        written = Written()
        if not blocking(judged):
            written = await self._write_children(key, body["metadata"]["uid"], spec, secrets)
        view = self._temporal(key, body, spec, secrets, temporal_secrets(uses, secrets, now=now))
        verdicts |= {ConditionType.TEMPORAL_READY: view.temporal, ConditionType.NAMESPACE_READY: view.namespace}
        waits: list[float | None] = []
        for component in components(spec):
            verdict, wait = await self._judge(key, body, component, judged)
            if component is Component.WORKER and view.workers is not None:
                pods = self._pods(key, component)
                polling = _polling(spec, view, pods)
                verdict, wait_for_polls = judge_polling(verdict, pods, polling, now=now, limit=self._ready_limit)
                waits.append(wait_for_polls)
            verdicts[_READY[component]] = verdict
            waits.append(wait)
        verdicts |= _overall(written)
        await self._write(key, body, spec, verdicts)
        until = seconds_until_next_finding(secrets.values(), now=now)
        waits.append(min(until + 1, LONGEST_WAIT_SECONDS) if until is not None else None)
        return min((wait for wait in waits if wait is not None), default=None)

    async def _write_children(
        self, key: ResourceKey, uid: str, spec: ProcessSpec, secrets: Mapping[str, SecretSummary | None]
    ) -> Written:
        ours = controlled(self._store.children(key), uid)
        present = {name: summary for name, summary in secrets.items() if summary}
        observed = Observed(
            secret_keys={name: summary.keys for name, summary in present.items()},
            secret_digests={name: summary.digest for name, summary in present.items()},
            replicas={child.name: replicas_seen(live) for child, live in ours.items() if child.kind == DEPLOYMENT},
            children=ours.keys(),
            service_monitors=self._store.service_monitors,
        )
        plan = plan_children(spec, Owner(key.namespace, key.name, uid), observed)
        return await self._children.write(key, uid, plan)

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

    def _pods(self, key: ResourceKey, component: Component) -> list[Body]:
        pods = self._store.pods(key)
        return [pod for pod in pods if pod["metadata"]["labels"].get(COMPONENT_LABEL) == component.value]

    async def _judge(
        self, key: ResourceKey, body: Body, component: Component, secrets: Verdict
    ) -> tuple[Verdict, float | None]:
        """How a workload stands, and after how many seconds to ask one of its pods again about it."""
        deployment = self._deployment(key, body, component)
        if deployment is None and blocking(secrets):
            return failing(secrets.reason, f"no pods are made: {secrets.message}"), None
        pods = self._pods(key, component)
        verdict = judge_workload(component, deployment, pods, None)
        silent = unready_pod(pods)
        if verdict.reason is not Reason.PROGRESSING or silent is None:
            return verdict, None
        return judge_workload(component, deployment, pods, await self._readiness.ask(silent)), FRESH_SECONDS

    def _deployment(self, key: ResourceKey, body: Body, component: Component) -> Body | None:
        uid = body["metadata"]["uid"]
        owner = Owner(key.namespace, key.name, uid)
        return controlled(self._store.children(key), uid).get(ChildKey(DEPLOYMENT, child_name(owner, component)))

    async def _write(
        self, key: ResourceKey, body: Body, spec: ProcessSpec | None, verdicts: Mapping[ConditionType, Verdict]
    ) -> None:
        generation = body["metadata"]["generation"]
        conditions = assemble(
            verdicts,
            generation=generation,
            before=conditions_of(body),
            now=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        counts = {component: self._count(key, body, spec, component) for component in Component}
        status = ProcessStatus(
            observed_generation=generation,
            conditions=conditions,
            worker=counts[Component.WORKER],
            ingress=counts[Component.INGRESS],
        )
        await self._status.write(key, body, status)

    def _count(
        self, key: ResourceKey, body: Body, spec: ProcessSpec | None, component: Component
    ) -> WorkloadStatus | None:
        if spec is None or component not in components(spec):
            return None
        deployment = self._deployment(key, body, component)
        return workload_status(deployment, image_of(spec.image, component)) if deployment else None


def _polling(spec: ProcessSpec, view: TemporalView, pods: Sequence[Body]) -> Polling:
    """Whether the workers poll their task queue; where spec leaves it to the process, whether they poll at all."""
    workers = view.workers or frozenset()
    queue = spec.temporal.task_queue
    if queue:
        return Polling(f"task queue {queue!r}", any(each.task_queue == queue for each in workers), view.looked_at)
    hosts = {pod["metadata"]["name"] for pod in pods}
    return Polling("any task queue", any(each.host in hosts for each in workers), view.looked_at)


def _overall(written: Written) -> dict[ConditionType, Verdict]:
    """What is wrong with the resource as a whole."""
    if written.conflicts:
        message = "; ".join(written.conflicts) + "; it is left alone: delete or rename it"
        return {ConditionType.READY: failing(Reason.CHILD_CONFLICT, message)}
    if written.refusals:
        return {ConditionType.READY: failing(Reason.INVALID_SPEC, "; ".join(written.refusals))}
    return {}


def _problems(error: ValidationError) -> str:
    problems: Sequence[Any] = error.errors(include_url=False, include_input=False)
    return "; ".join(f"spec.{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in problems)
