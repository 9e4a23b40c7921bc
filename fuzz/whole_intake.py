"""One message on its whole way through decoding, dead-lettering and acknowledgement, without broker and Temporal."""

from collections.abc import Coroutine, Sequence

from ameide_process.ingress._dead_lettering import DeadLettering
from ameide_process.ingress._decoding import Decoder
from ameide_process.ingress._endings import Endings
from ameide_process.ingress._intake import Intake
from ameide_process.ingress._limits import Limits
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._metrics import IngressMetrics
from ameide_process.ingress._planner import Planner
from ameide_process.ingress._subscription_metrics import SubscriptionMetrics
from ameide_process.invalid_event import InvalidReason
from ameide_process.outputs import DeadLetterPublisher, OutputRecord
from order_fulfillment_generated.contract import CONTRACT
from order_fulfillment_generated.router import ROUTER
from prometheus_client import CollectorRegistry

REASON = "dead-letter-reason"


class Records:
    """A dead-letter stream that takes everything at once."""

    def __init__(self) -> None:
        self.taken: list[OutputRecord] = []

    async def publish(self, record: OutputRecord) -> None:
        self.taken.append(record)

    async def look(self) -> None:
        pass

    async def close(self) -> None:
        pass


class EndingsAtOnce(Endings):
    """Runs what takes time at once, since nothing here ever waits."""

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Runs to the end.

        Raises:
            RuntimeError: It waits.
        """
        try:
            work.send(None)
        except StopIteration:
            return
        raise RuntimeError("dead-lettering waits although the stream takes everything")


class WholeIntake:
    """Takes one message after the other, and checks what becomes of each."""

    def __init__(self) -> None:
        self._limits = Limits(events_per_key=100, event_bytes=2_000)
        self._planner = Planner(self._limits)
        self._records = Records()
        dead_lettering = DeadLettering(
            DeadLetterPublisher(self._records),
            contract=CONTRACT,
            subscription="fuzz",
            wants=self._planner.wants,
            changed=lambda _: None,
        )
        metrics = SubscriptionMetrics(IngressMetrics(CollectorRegistry()), "fuzz")
        endings = EndingsAtOnce(self._planner, metrics, dead_lettering, progress=lambda: None)
        self._intakes = [
            Intake(ROUTER, Decoder(ROUTER, form), self._planner, endings, self._limits, subscription=form)
            for form in ("protobuf", "json")
        ]
        self._partition = Partition("fuzz", 0)
        self._planner.assign([self._partition])
        self._next = 0
        self._now = 0.0

    def take(self, content: tuple[bytes | None, Sequence[tuple[str, bytes]]]) -> None:
        """Takes the value and headers of a message.

        Raises:
            AssertionError: It is acknowledged too early or not at all, or its dead letter is not whole.
        """
        value, headers = content
        position, self._next = self._next, self._next + 1
        self._now += 1.0
        message = Message(self._partition, position, value, b"key", headers, timestamp_ms=1_700_000_000_000)
        self._records.taken.clear()
        self._intakes[position % 2].take(message, self._now)
        batch = self._planner.next_batch(self._now)
        if batch is not None:
            assert not self._records.taken, "it is dead-lettered and sent"
            assert not self._planner.committable(), "it is acknowledged before Temporal has it"
            assert [each.message for each in batch.deliveries] == [message]
            assert batch.lane.start is not None
            assert batch.deliveries[0].payload is not None
            self._planner.accepted(batch, self._now)
        elif value is not None:
            (record,) = self._records.taken
            assert (record.value, record.key) == (value, b"key")
            original = [each for each in headers if not each[0].startswith("dead-letter-")]
            assert list(record.headers)[: len(original)] == original
            InvalidReason((dict(record.headers)[REASON] or b"").decode())
        progress = self._planner.committable()
        assert progress.positions == {self._partition: position + 1}, "it is not acknowledged"
        self._planner.committed(progress, self._now)
        if position % 1000 == 0:
            self._planner.sweep(self._now + 1_000)
