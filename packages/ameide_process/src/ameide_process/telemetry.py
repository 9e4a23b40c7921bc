"""Metrics of a program: ours and the Temporal SDK's, on one Prometheus page.

The SDK aggregates in Rust and exports on a loopback port of its own, which `render` reads when it is scraped. Its
alternative, MetricBuffer, hands every single update to Python, drops updates when it is not drained in time, and
leaves histograms to us.
"""

import logging
import socket
from datetime import timedelta

import aiohttp
from prometheus_client import CollectorRegistry, GCCollector, Info, PlatformCollector, ProcessCollector, generate_latest
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from ameide_process.contract import ProcessContract

_PORT_ATTEMPTS = 8
"""Another process may take the free port between our look and the SDK's bind; so often we look again."""

_SCRAPE_TIMEOUT = aiohttp.ClientTimeout(total=2)
"""Seconds for the SDK's page, which comes from this very process."""

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds; from a call within the cluster to one that times out."""


class Telemetry:
    """The SDK's runtime, and the page that shows its metrics beside ours.

    Attributes:
        registry: Where our own metrics are registered; those of the interpreter are in it already.
        runtime: The SDK's runtime.
    """

    def __init__(self, contract: ProcessContract) -> None:
        """Starts the SDK's runtime.

        Args:
            contract: Stands on the page as `ameide_process_info`.

        Raises:
            ValueError: The SDK cannot listen on loopback.
        """
        # One of its own, not the global one: two programs may live in one interpreter, in tests at least.
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        Info("ameide_process", "The contract that this program was built for.", registry=self.registry).info(
            {
                "process": contract.name,
                "workflow_type": contract.workflow_type,
                "api_version": contract.api_version,
                "digest": contract.digest,
            }
        )
        self.runtime, self._sdk_url = _start_runtime()
        self._session: aiohttp.ClientSession | None = None

    async def render(self) -> bytes:
        """Returns the page in Prometheus text format."""
        return generate_latest(self.registry) + b"\n" + await self._sdk_page()

    async def close(self) -> None:
        """Releases the connection to the SDK's page."""
        if self._session is not None:
            await self._session.close()

    async def _sdk_page(self) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_SCRAPE_TIMEOUT)
        try:
            async with self._session.get(self._sdk_url) as response:
                return await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            # Half a page is better than none; the comment says why.
            return f"# the Temporal SDK's metrics are missing: {type(error).__name__}\n".encode()


def _start_runtime() -> tuple[Runtime, str]:
    for attempt in range(1, _PORT_ATTEMPTS + 1):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        telemetry = TelemetryConfig(
            logging=LoggingConfig(
                filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
                forwarding=LogForwardingConfig(logger=logging.getLogger("temporalio.core")),
            ),
            metrics=PrometheusConfig(
                bind_address=f"127.0.0.1:{port}",
                counters_total_suffix=True,
                unit_suffix=True,
                durations_as_seconds=True,
            ),
        )
        try:
            return Runtime(telemetry=telemetry, worker_heartbeat_interval=timedelta(seconds=60)), (
                f"http://127.0.0.1:{port}/metrics"
            )
        except ValueError:
            if attempt == _PORT_ATTEMPTS:
                raise
    raise AssertionError("unreachable")
