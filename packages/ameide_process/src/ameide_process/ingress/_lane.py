"""The events of one key: sent in order, one call at a time, several in one signal where several wait."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from temporalio.api.common.v1 import Payload

from ameide_process.ingress._budget import SIGNAL_OVERHEAD_BYTES, Account
from ameide_process.ingress._classification import CallFailure, Verdict
from ameide_process.ingress._delivery import Delivery
from ameide_process.ingress._limits import Limits

KEY_LEVEL = frozenset(
    {
        Verdict.BUSY,
        Verdict.SIGNAL_LIMIT,
        Verdict.OVER_BUDGET,
        Verdict.RUN_ENDED_BY_SERVER,
        Verdict.CLOSED,
        Verdict.UNKNOWN,
    }
)
"""Verdicts that are about one workflow and say nothing of others."""

REFUSED = frozenset({Verdict.BUSY, Verdict.SIGNAL_LIMIT, Verdict.THROTTLED, Verdict.TOO_LARGE})
"""Verdicts with which the server certainly has not appended the signal to a history."""

PARKED_AFTER = 1.0
"""Seconds of key-level failure after which a key counts as parked; a Continue-As-New is over long before."""


REMEMBERED_SECONDS = 30.0
"""Seconds for which a parked key is remembered whose events their senders took back. Who still wants them taken has
come again by then."""

REMEMBERED_KEYS = 1_000
"""Keys with failures above which no further one is remembered so."""


@dataclass(slots=True, eq=False)
class Batch:
    """Events of one key that travel in one signal, the same ones in every try."""

    lane: "Lane"
    deliveries: list[Delivery]
    request_id: str
    """Kept across tries, so that the server drops repetitions within a run."""
    sent_at: float = 0.0
    """When the latest try began."""
    charged: int = 0
    """Bytes that the latest try is charged with; 0: it must not be sent before a look at the workflow's history."""

    @property
    def history_size(self) -> int:
        """Bytes that it adds to the workflow's history, about."""
        return SIGNAL_OVERHEAD_BYTES + sum(
            delivery.payload.ByteSize() for delivery in self.deliveries if delivery.payload is not None
        )


class Lane:
    """The events of one workflow id.

    Attributes:
        workflow_id: The key.
        account: What it may be sent before a look at the workflow's history.
        start: The start argument, used by the call that starts the workflow.
        waiting: Events that no call has carried yet, in order.
        waiting_bytes: Bytes of their payloads.
        retry: A batch whose call failed and is to be repeated.
        busy: A call is in flight, or its failure is being dealt with.
        queued: It stands in the planner's queue of ready lanes.
        timed: It stands in the planner's heap of lanes that wait for a time.
        blocked: It has as many accepted but uncommitted events as it may.
        uncommitted: How many it has.
        not_before: When the next call may begin.
        failures: Failed calls in a row.
        failure: The latest of them.
        failing_since: When the first of them was.
        remembered_until: Until when it is not forgotten although nothing of it is here, since it is parked.
        largest_batch: Most events in one call; lowered when the server finds a batch too large.
    """

    __slots__ = (
        "account",
        "blocked",
        "busy",
        "failing_since",
        "failure",
        "failures",
        "largest_batch",
        "not_before",
        "queued",
        "remembered_until",
        "retry",
        "start",
        "timed",
        "uncommitted",
        "waiting",
        "waiting_bytes",
        "workflow_id",
    )

    def __init__(self, workflow_id: str, account: Account, largest_batch: int) -> None:
        self.workflow_id = workflow_id
        self.account = account
        self.start: Payload | None = None
        self.waiting: deque[Delivery] = deque()
        self.waiting_bytes = 0
        self.retry: Batch | None = None
        self.busy = False
        self.queued = False
        self.timed = False
        self.blocked = False
        self.uncommitted = 0
        self.not_before = 0.0
        self.failures = 0
        self.failure: CallFailure | None = None
        self.failing_since = 0.0
        self.remembered_until = 0.0
        self.largest_batch = largest_batch

    @property
    def idle(self) -> bool:
        """Whether it can be forgotten without loss."""
        return not (self.busy or self.waiting or self.retry or self.uncommitted)

    def parked(self, now: float) -> bool:
        """Whether the key has been held up for a while by a failure that is its own."""
        return (
            self.failure is not None and self.failure.verdict in KEY_LEVEL and now - self.failing_since >= PARKED_AFTER
        )

    def take(self, limits: Limits, request_id: str) -> Batch:
        """Takes waiting events for one call: at least one, up to the bounds of a batch and of the key."""
        allowed = min(self.largest_batch, limits.events_per_key - self.uncommitted)
        waiting = self.waiting
        first = waiting.popleft()
        taken = [first]
        size = payload_size(first)
        while waiting and len(taken) < allowed:
            more = payload_size(waiting[0])
            if size + more > limits.batch_bytes:
                break
            size += more
            taken.append(waiting.popleft())
        self.waiting_bytes -= size
        return Batch(self, taken, request_id)

    def withdraw(self, delivery: Delivery) -> None:
        """Forgets an event that waits."""
        self.waiting.remove(delivery)
        self.waiting_bytes -= payload_size(delivery)

    def keep_in_retry(self, keeps: Callable[[Delivery], bool], request_ids: Callable[[], str]) -> None:
        """Drops events from a batch that is to be repeated."""
        if self.retry is None:
            return
        kept = [each for each in self.retry.deliveries if keeps(each)]
        if len(kept) < len(self.retry.deliveries):
            # Another content is another request.
            self.retry = Batch(self, kept, request_ids()) if kept else None

    def give_back(self, deliveries: list[Delivery]) -> None:
        """Puts events of a batch that was not accepted back, before those that wait."""
        self.waiting.extendleft(reversed(deliveries))
        self.waiting_bytes += sum(map(payload_size, deliveries))


def payload_size(delivery: Delivery) -> int:
    """Bytes of an event in a signal, about: framing and metadata beside the data are small."""
    return len(delivery.payload.data) if delivery.payload is not None else 0


def why_refused(delivery: Delivery) -> str:
    """Why the dead-letter stream does not take an event, or one before it of its key; empty: it holds up neither."""
    if delivery.refusal:
        return delivery.refusal
    batch = delivery.lane.retry if delivery.lane is not None else None
    return next((each.refusal for each in batch.deliveries if each.refusal), "") if batch is not None else ""
