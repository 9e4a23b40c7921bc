"""The trace of an event on its way through ingress, workflow and activities, out to the facts that come of it.

Trace context and correlation cross without OpenTelemetry; where an OTLP collector is configured, spans are made too.
"""

from ameide_process.tracing._carrying import Causes, carried_headers
from ameide_process.tracing._tracing import NO_SPANS, Tracing, open_tracing

__all__ = ["NO_SPANS", "Causes", "Tracing", "carried_headers", "open_tracing"]
