"""Takes delivered messages: reads each, and lets it wait for its key or ends it."""

from typing import Generic

import structlog

from ameide_process.contract import EnvelopeT
from ameide_process.ingress._decoding import Decoder
from ameide_process.ingress._delivery import Delivery
from ameide_process.ingress._ending import TOMBSTONE
from ameide_process.ingress._endings import Endings
from ameide_process.ingress._limits import Limits
from ameide_process.ingress._message import Message
from ameide_process.ingress._planner import Planner
from ameide_process.invalid_event import InvalidEventError, InvalidReason
from ameide_process.routing import Router, to_compact_payload, to_payload
from ameide_process.trace_context import attach
from ameide_process.tracing import NO_SPANS, Tracing

READABLE_EVENTS = 10
"""Events in one signal that are protobuf-JSON, which reads well in Temporal's UI. Where more wait for one key, those
behind are binary: decoding JSON took half of a worker's time on a hot key (measured)."""

_logger = structlog.get_logger(__name__)


class Intake(Generic[EnvelopeT]):
    """Reads messages of one subscription into the planner."""

    def __init__(
        self,
        router: Router[EnvelopeT],
        decoder: Decoder[EnvelopeT],
        planner: Planner,
        endings: Endings,
        limits: Limits,
        *,
        subscription: str,
        tracing: Tracing = NO_SPANS,
    ) -> None:
        """Prepares it.

        Args:
            router: Of the process.
            decoder: Reads messages.
            planner: Takes what can be delivered.
            endings: Takes what can not.
            limits: Bounds.
            subscription: Logical name.
            tracing: Makes the spans of received events.
        """
        self._subscription = subscription
        self._tracing = tracing
        self._router = router
        self._decoder = decoder
        self._planner = planner
        self._endings = endings
        self._limits = limits

    def take(self, message: Message, now: float) -> None:
        """Takes one message of a partition that is ours."""
        delivery = Delivery(message, now)
        if message.value is None:
            # A compacted topic says with it that a key is gone. There is no envelope in it, so nothing to deliver,
            # and nothing wrong with it either.
            self._planner.admit(delivery)
            self._endings.end(delivery, TOMBSTONE)
            return
        try:
            envelope = self._read(delivery)
        except InvalidEventError as error:
            self._planner.admit(delivery)
            self._endings.reject(delivery, error.reason, str(error))
        except Exception as error:
            _logger.exception("decoding failed", position=message.position, partition=str(message.partition))
            self._planner.admit(delivery)
            self._endings.reject(delivery, InvalidReason.UNDECODABLE, f"decoding failed: {error!r}")
        else:
            self._planner.admit(delivery)
            lane = self._planner.enqueue(delivery, now)
            if lane.start is None:
                lane.start = to_payload(self._router.start(envelope))

    def _read(self, delivery: Delivery) -> EnvelopeT:
        """Fills a delivery from its message.

        Raises:
            InvalidEventError: It can never be delivered.
        """
        decoded = self._decoder.decode(delivery.message)
        delivery.route = decoded.route
        payload = to_payload(decoded.envelope)
        size = len(payload.data)
        if size > self._limits.event_bytes:
            received = len(delivery.message.value or b"")
            raise InvalidEventError(
                InvalidReason.TOO_LARGE,
                f"the event has {size} bytes as protobuf-JSON, as Temporal gets it ({received} bytes as received), "
                f"and a signal takes {self._limits.event_bytes}",
            )
        if self._planner.waiting(decoded.route.workflow_id) >= READABLE_EVENTS:
            payload = to_compact_payload(decoded.envelope)
            size = len(payload.data)
        carried = self._tracing.received(decoded.carried, subscription=self._subscription, route=decoded.route)
        if carried:
            attach(payload, carried)
        delivery.payload = payload
        delivery.size += size
        return decoded.envelope
