"""What a program does at the stations of a trace; without a collector it passes the context on and makes no span."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from temporalio.api.common.v1 import Header, Payload
from temporalio.worker import Interceptor

from ameide_process.configuration import TracingSettings
from ameide_process.contract import ProcessContract
from ameide_process.outputs import FactRecord
from ameide_process.routing import Route
from ameide_process.trace_context import signal_header
from ameide_process.tracing._carrying import Causes


class Tracing:
    """Passes the context on."""

    def received(self, carried: Mapping[str, bytes], *, subscription: str, route: Route) -> Mapping[str, bytes]:
        """Says that the ingress has read an event.

        Args:
            carried: Context of its message.
            subscription: Logical name.
            route: Where it goes.

        Returns:
            The context that travels with the event.
        """
        del subscription, route
        return carried

    def delivering(self, events: Sequence[Payload], *, workflow_id: str) -> AbstractContextManager[Header | None]:
        """Entered while a call delivers events; gives the header of their signal."""
        del workflow_id
        return nullcontext(signal_header(events[0]))

    def sending(self, fact: FactRecord) -> AbstractContextManager[FactRecord]:
        """Entered while a fact is sent; gives the fact with the context that travels with it."""
        return nullcontext(fact)

    def interceptors(self) -> Sequence[Interceptor]:
        """Temporal interceptors of a worker, outermost first."""
        return (Causes(),)

    async def close(self) -> None:
        """Hands the last spans to the collector."""


NO_SPANS = Tracing()


def open_tracing(settings: TracingSettings | None, contract: ProcessContract, *, program: str) -> Tracing:
    """Begins to trace.

    Args:
        settings: The collector; None: there is none.
        contract: Of the process.
        program: `worker` or `ingress`.
    """
    if settings is None:
        return NO_SPANS
    # Here, so that a program without a collector starts without OpenTelemetry: 0.3 s of CPU and 6 MB (measured).
    from ameide_process.tracing._spans import SpanTracing  # noqa: PLC0415 -- see above

    return SpanTracing(settings, contract, program=program)
