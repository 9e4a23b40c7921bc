"""The operator: watches, queue, monitors and reconciler, put together."""

import asyncio
import base64
from contextlib import AsyncExitStack, nullcontext
from datetime import timedelta
from typing import Final

import structlog
from lightkube import SingleConfig

from ameide_operator.bodies import mapping_at
from ameide_operator.conditions import READY_LIMIT
from ameide_operator.kubernetes import SECRET, WATCH_SECONDS, Cluster, seconds_to_wait
from ameide_operator.monitoring import HEARTBEAT_LIMIT, INTERVAL_SECONDS, SWEEP_INTERVAL, Monitors, SecretContent
from ameide_operator.reconciling import KeyedQueue, ReadinessProbe, Reconciler, ResourceKey, Store
from ameide_operator.serving import HttpServer, OperatorMetrics
from ameide_operator.watching import DEPENDENTS, RESYNC_SECONDS, first_look, resync, watch, watch_dependents

WORKERS: Final = 16
"""Resources that are reconciled at once."""

REST_SECONDS: Final = 0.5
"""Between two passes over one resource: what a rollout changes comes as a dozen events in a second."""

POD_PORT: Final = 8080
"""PORT_HTTP of every program."""

_log = structlog.get_logger(__name__)


class Operator:
    """Runs until cancelled.

    Args:
        config: How to reach the API server; None finds out as kubectl does, or from the pod's service account.
        namespace: The one namespace to look at; None: all of them.
        workers: Resources that are reconciled at once.
        resync_seconds: From one look at everything to the next.
        watch_seconds: How long a watch is kept open before the next; a connection that is dead is noticed by then.
        monitor_seconds: From one look at a Temporal frontend to the next.
        heartbeat_limit: Age of the last heartbeat of a worker that lives.
        ready_limit: How long a pod is ready before its worker must have been heard of.
        http: Where `/healthz` and `/metrics` are served: address and port; None: nowhere.
        sweep_interval: Between two sweeps of Worker Deployments that no resource wants.
    """

    def __init__(
        self,
        config: SingleConfig | None = None,
        *,
        namespace: str | None,
        workers: int = WORKERS,
        resync_seconds: float = RESYNC_SECONDS,
        watch_seconds: int = WATCH_SECONDS,
        monitor_seconds: float = INTERVAL_SECONDS,
        heartbeat_limit: timedelta = HEARTBEAT_LIMIT,
        ready_limit: timedelta = READY_LIMIT,
        http: tuple[str, int] | None = None,
        sweep_interval: timedelta = SWEEP_INTERVAL,
    ) -> None:
        self._http = http
        self._config = config
        self._namespace = namespace
        self._workers = workers
        self._resync_seconds = resync_seconds
        self._watch_seconds = watch_seconds
        self._monitor_seconds = monitor_seconds
        self._heartbeat_limit = heartbeat_limit
        self._ready_limit = ready_limit
        self._sweep_interval = sweep_interval

    async def run(self) -> None:
        """Runs until cancelled.

        Raises:
            httpx2.HTTPError: At the start the API server does not answer, or does not have the CRD.
            ListenError: The address of `http` cannot be listened on.
        """
        async with Cluster(self._config, namespace=self._namespace, watch_seconds=self._watch_seconds) as cluster:
            readiness = ReadinessProbe(POD_PORT)
            queue: KeyedQueue[ResourceKey] | None = None

            def changed(key: ResourceKey) -> None:
                if queue is not None:
                    queue.add(key)

            async def read_secret(namespace: str, name: str) -> SecretContent | None:
                body = await cluster.get(SECRET, namespace, name)
                if body is None:
                    return None
                return {key: base64.b64decode(value) for key, value in mapping_at(body, "data").items()}

            store = Store(changed)
            monitors: Monitors[ResourceKey] = Monitors(
                read_secret,
                changed,
                interval=self._monitor_seconds,
                heartbeat_limit=self._heartbeat_limit,
                is_wanted=lambda name: store.resource(ResourceKey(*name.split("/", 1))) is not None,
                sweep_interval=self._sweep_interval,
            )
            reconciler = Reconciler(cluster, store, monitors, readiness, ready_limit=self._ready_limit)
            metrics = OperatorMetrics(store.bodies, lambda: queue.waiting if queue is not None else 0)
            queue = KeyedQueue(
                metrics.measured(reconciler.reconcile),
                workers=self._workers,
                least_pause=seconds_to_wait,
                rest=REST_SECONDS,
            )
            serving = HttpServer(*self._http, metrics=metrics.render) if self._http else nullcontext()
            async with serving, AsyncExitStack() as stack:
                stack.push_async_callback(readiness.close)
                stack.push_async_callback(monitors.close)
                await first_look(cluster, store)
                async with asyncio.TaskGroup() as group:
                    for kind in DEPENDENTS:
                        listed = asyncio.Event()
                        group.create_task(watch_dependents(cluster, store, kind, listed=listed))
                        await listed.wait()
                    relisted = asyncio.Event()
                    overdue = asyncio.Event()
                    group.create_task(watch(cluster, store, listed=relisted, overdue=overdue))
                    resyncing = resync(
                        cluster, store, queue, listed=relisted, overdue=overdue, interval=self._resync_seconds
                    )
                    group.create_task(resyncing)
                    group.create_task(queue.run())
                    _log.info("operator started", namespace=self._namespace or "all namespaces")
