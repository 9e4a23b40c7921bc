"""Readiness as a metric: Prometheus sees a check fail that nobody asks `/readyz` for."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ameide_process.serving._readiness import Readiness


class ReadinessCollector(Collector):
    """Shows each check of `/readyz`.

    `ameide_readiness_check` is 1 while it passes; `ameide_readiness_warning` is 1 while it passes with a warning.
    """

    def __init__(self, readiness: Readiness) -> None:
        """Takes the checks.

        Args:
            readiness: Of the program; checks that are added later are shown too.
        """
        self._readiness = readiness

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yields the metrics as they stand now."""
        checks = GaugeMetricFamily(
            "ameide_readiness_check", "Whether a check of /readyz passes, which says why not.", labels=["check"]
        )
        warnings = GaugeMetricFamily(
            "ameide_readiness_warning", "Whether a check of /readyz passes with a warning.", labels=["check"]
        )
        for status in self._readiness.statuses():
            checks.add_metric([status.name], float(status.ok))
            warnings.add_metric([status.name], float(status.ok and bool(status.reason)))
        yield checks
        yield warnings
