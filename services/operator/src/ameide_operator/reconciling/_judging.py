"""How workloads stand: by Deployments and pods, by what pods say of themselves, by what Temporal says of workers."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ameide_operator.conditions import (
    Polling,
    Reason,
    Verdict,
    blocking,
    build_gone,
    failing,
    judge_polling,
    judge_rollout,
    judge_workload,
    runs_since,
    unready_pod,
)
from ameide_operator.models import ProcessSpec
from ameide_operator.monitoring import TemporalView
from ameide_operator.planning import Build, Component, deployment_name
from ameide_operator.reconciling._builds import Builds
from ameide_operator.reconciling._live import Live
from ameide_operator.reconciling._readiness import FRESH_SECONDS, ReadinessProbe
from ameide_operator.rollout import RolloutView


@dataclass(frozen=True, slots=True)
class Judgement:
    """How something stands, and after how many seconds to judge again if nothing happens before."""

    verdict: Verdict
    again: float | None = None


class WorkloadJudge:
    """Judges the workloads of one resource in one pass.

    Args:
        readiness: Asks pods that are not ready.
        spec: What is wanted.
        live: What is there.
        secrets: How the Secrets stand.
        view: What Temporal says.
        ready_limit: How long a pod is ready before its worker must have been heard of.
        hindered: Whether something kept children from being made.
    """

    def __init__(
        self,
        readiness: ReadinessProbe,
        spec: ProcessSpec,
        live: Live,
        *,
        secrets: Verdict,
        view: TemporalView,
        ready_limit: timedelta,
        hindered: bool = False,
    ) -> None:
        self._readiness = readiness
        self._spec = spec
        self._live = live
        self._secrets = secrets
        self._view = view
        self._ready_limit = ready_limit
        self._hindered = hindered
        self._now = datetime.now(UTC)

    async def ingress(self) -> Judgement:
        """How the ingress stands."""
        return await self._pods(Component.INGRESS, None)

    async def worker(self) -> Judgement:
        """How an unversioned worker stands."""
        queue = self._spec.temporal.task_queue
        hosts = {pod["metadata"]["name"] for pod in self._live.pods_of(Component.WORKER, None)}
        workers = self._view.workers or frozenset()
        # Where spec leaves the queue to the process, a worker is known by the host name, which is that of its pod.
        polled = any(each.task_queue == queue if queue else each.host in hosts for each in workers)
        what = f"task queue {queue!r}" if queue else "any task queue"
        return self._doubted(await self._pods(Component.WORKER, None), None, what=what, polled=polled)

    async def versioned_worker(self, builds: Builds, rollout: RolloutView | None) -> Judgement:
        """How the builds of a worker stand: those that get new work, and the one that should."""
        serving = [await self._build(build) for build in builds.serving(rollout)]
        worst = next((each for each in serving if not each.verdict.holds), serving[0])
        wanted = await self._pods(Component.WORKER, builds.wanted)
        pods = self._live.pods_of(Component.WORKER, builds.wanted)
        age = runs_since(pods, now=self._now)
        late = age is not None and age > self._ready_limit
        verdict = judge_rollout(worst.verdict, wanted.verdict, pods, rollout, late=late)
        if verdict.reason is Reason.AVAILABLE and (gone := self._builds_without_pods(builds, rollout)):
            verdict = build_gone(gone)
        times = [each.again for each in (*serving, wanted)]
        if age is not None and not late:
            times.append((self._ready_limit - age).total_seconds() + 1)
        return Judgement(verdict, min((time for time in times if time is not None), default=None))

    def _builds_without_pods(self, builds: Builds, rollout: RolloutView | None) -> list[str]:
        """Builds with open workflows that nobody works on: nothing is left that tells their image."""
        seen = rollout.seen if rollout else None
        if seen is None or self._view.workers is None:
            return []
        name = deployment_name(self._live.owner)
        polled = {each.build_id for each in self._view.workers if each.deployment == name}
        known = {each.build_id for each in (builds.wanted, *builds.earlier)}
        return [build for build in seen.draining() if build not in known | polled]

    async def _build(self, build: Build) -> Judgement:
        version = (deployment_name(self._live.owner), build.build_id)
        polled = any((each.deployment, each.build_id) == version for each in self._view.workers or ())
        what = f"build {build.build_id!r}"
        return self._doubted(await self._pods(Component.WORKER, build), build, what=what, polled=polled)

    async def _pods(self, component: Component, build: Build | None) -> Judgement:
        deployment = self._live.deployment(component, build)
        if deployment is None and blocking(self._secrets):
            return Judgement(failing(self._secrets.reason, f"no pods are made: {self._secrets.message}"))
        if deployment is None and self._hindered:
            missing = f"the {component.value} has no Deployment; condition Ready says what is in the way"
            return Judgement(failing(Reason.PROGRESSING, missing))
        pods = self._live.pods_of(component, build)
        verdict = judge_workload(component, deployment, pods, None)
        silent = unready_pod(pods)
        if verdict.reason is not Reason.PROGRESSING or silent is None:
            return Judgement(verdict)
        return Judgement(judge_workload(component, deployment, pods, await self._readiness.ask(silent)), FRESH_SECONDS)

    def _doubted(self, judgement: Judgement, build: Build | None, *, what: str, polled: bool) -> Judgement:
        if self._view.workers is None:
            return judgement
        pods = self._live.pods_of(Component.WORKER, build)
        polling = Polling(what, polled, self._view.looked_at)
        verdict, again = judge_polling(judgement.verdict, pods, polling, now=self._now, limit=self._ready_limit)
        return Judgement(verdict, again if again is not None else judgement.again)
