"""Metrics of the operator: what it does, and which resources are ready."""

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ameide_operator.bodies import list_at
from ameide_operator.kubernetes import Body
from ameide_operator.models import ConditionType
from ameide_operator.reconciling import ResourceKey

SECONDS_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class OperatorMetrics:
    """Counts passes, and shows conditions as they stand when the page is asked for.

    Args:
        bodies: All resources, as they were seen last.
        waiting: How many resources wait for a pass.
    """

    def __init__(self, bodies: Callable[[], Iterable[Body]], waiting: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._passes = Counter(
            "ameide_operator_reconciles", "Passes over a resource, by result.", ["result"], registry=self._registry
        )
        for result in ("done", "failed"):
            self._passes.labels(result)
        self._seconds = Histogram(
            "ameide_operator_reconcile_seconds",
            "Duration of a pass over a resource.",
            buckets=SECONDS_BUCKETS,
            registry=self._registry,
        )
        Gauge(
            "ameide_operator_waiting_resources", "Resources that wait for a pass.", registry=self._registry
        ).set_function(waiting)
        self._registry.register(_Conditions(bodies))

    def measured(
        self, work: Callable[[ResourceKey], Awaitable[float | None]]
    ) -> Callable[[ResourceKey], Awaitable[float | None]]:
        """Wraps a pass, so that it is counted."""

        async def run(key: ResourceKey) -> float | None:
            began = time.perf_counter()
            result = "failed"
            try:
                later = await work(key)
                result = "done"
            finally:
                self._seconds.observe(time.perf_counter() - began)
                self._passes.labels(result).inc()
            return later

        return run

    def render(self) -> bytes:
        """The page in Prometheus text format."""
        return generate_latest(self._registry)


class _Conditions(Collector):
    """One series a resource and condition; all of them True or all of them False would hide what is wrong."""

    def __init__(self, bodies: Callable[[], Iterable[Body]]) -> None:
        self._bodies = bodies

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(
            "ameide_process_condition",
            "1 where the condition of a Process is True, 0 where it is not; with its reason.",
            labels=["namespace", "process", "condition", "reason"],
        )
        for body in self._bodies():
            metadata = body["metadata"]
            for condition, reason, status in _standing(body):
                family.add_metric([metadata["namespace"], metadata["name"], condition, reason], float(status == "True"))
        yield family


def _standing(body: Body) -> Iterator[tuple[str, str, str]]:
    present = {each["type"]: each for each in list_at(body, "status", "conditions")}
    for condition in ConditionType:
        each = present.get(condition.value)
        if each is not None:
            yield condition.value, each["reason"], each["status"]
