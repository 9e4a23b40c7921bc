"""Readiness as a metric: Prometheus sees a check fail that nobody asks `/readyz` for."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ameide_process.serving._readiness import Readiness


class ReadinessCollector(Collector):
    """Shows each check of `/readyz` as `ameide_readiness_check`: 1 while it passes, otherwise 0."""

    def __init__(self, readiness: Readiness) -> None:
        """Takes the checks.

        Args:
            readiness: Of the program; checks that are added later are shown too.
        """
        self._readiness = readiness

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yields the metric as it stands now."""
        family = GaugeMetricFamily(
            "ameide_readiness_check", "Whether a check of /readyz passes, which says why not.", labels=["check"]
        )
        for status in self._readiness.statuses():
            family.add_metric([status.name], float(status.ok))
        yield family
