"""Executes what the planner decides, for one subscription: polls, decodes, sends, commits, pauses, drains."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Collection, Sequence
from typing import Generic

import structlog
from temporalio.service import RPCError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from ameide_process.contract import EnvelopeT
from ameide_process.ingress._budget import over_budget
from ameide_process.ingress._classification import CallFailure, Verdict, classify
from ameide_process.ingress._commits import Commits
from ameide_process.ingress._dead_lettering import DeadLettering
from ameide_process.ingress._decoding import Decoder
from ameide_process.ingress._delivery_check import check_delivery
from ameide_process.ingress._endings import Endings
from ameide_process.ingress._failed_calls import FailedCalls
from ameide_process.ingress._intake import Intake
from ameide_process.ingress._lane import Batch
from ameide_process.ingress._lease import Lease
from ameide_process.ingress._limits import Limits
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._planner import Planner
from ameide_process.ingress._retention import Retention
from ameide_process.ingress._senders import Senders
from ameide_process.ingress._subscription_metrics import SubscriptionMetrics
from ameide_process.ingress._temporal_calls import TemporalCalls
from ameide_process.ingress._transport import Transport, TransportError
from ameide_process.outputs import DeadLetterPublisher
from ameide_process.routing import Router
from ameide_process.serving import Check
from ameide_process.startup import unless_stopped
from ameide_process.tracing import NO_SPANS, Tracing

POLL_WAIT = 0.5
"""Seconds that one poll waits for a message."""

CHUNK = 32
"""Messages decoded in a row before calls get their turn: about 5 ms."""

WATCH_INTERVAL = 1.0
"""Seconds between two looks at figures and readiness."""

LAG_INTERVAL = 2.0
"""Seconds between two questions to the broker how far we are behind; also how its absence is noticed. One request to
each broker."""

RETENTION_INTERVAL = 600.0
"""Seconds between two comparisons of how long the source and the namespace keep what they have."""

NO_PARTITION = (
    "no partition is assigned to this member, or none yet; with more members than partitions some have none for good"
)

_RECONNECT = wait_random_exponential(multiplier=0.2, max=5)

_logger = structlog.get_logger(__name__)


class Engine(Generic[EnvelopeT]):
    """Delivers the events of one subscription to workflows, losing none.

    A position is committed only when Temporal, or the dead-letter stream, has every message below it.
    """

    def __init__(
        self,
        *,
        name: str,
        router: Router[EnvelopeT],
        decoder: Decoder[EnvelopeT],
        transport: Transport,
        calls: TemporalCalls,
        dead_letters: DeadLetterPublisher | None,
        limits: Limits,
        metrics: SubscriptionMetrics,
        source_check: Check,
        delivery_check: Check,
        source: random.Random | None = None,
        tracing: Tracing = NO_SPANS,
    ) -> None:
        """Prepares the engine.

        Args:
            name: Of the subscription.
            router: Of the process.
            decoder: Reads messages.
            transport: Delivers them; not started yet.
            calls: Reach Temporal.
            dead_letters: Takes what can never be delivered; None where that stays with its producer.
            limits: Bounds.
            metrics: Counts.
            source_check: Says whether messages can come.
            delivery_check: Says whether they go.
            source: Randomness for the planner, where a test decides on it.
            tracing: Makes the spans of received events.
        """
        self._transport = transport
        self._calls = calls
        self._limits = limits
        self._metrics = metrics
        self._source_check = source_check
        self._delivery_check = delivery_check
        self._planner = Planner(limits, source=source, lease=Lease(transport.lease_seconds))
        self._senders = Senders(self._planner, self._deliver, number=limits.concurrent_calls)
        self._dead_lettering = DeadLettering(
            dead_letters,
            contract=router.contract,
            subscription=name,
            wants=self._planner.wants,
            changed=self._dead_letters_changed,
        )
        endings = Endings(self._planner, metrics, self._dead_lettering, progress=self._progressed)
        self._endings = endings
        self._failed_calls = FailedCalls(self._planner, calls, endings)
        self._intake = Intake(router, decoder, self._planner, endings, limits, subscription=name, tracing=tracing)
        self._commits = Commits(self._planner, transport, metrics, subscription=name)
        self._progress = asyncio.Event()
        """Set whenever something in flight has ended; only a drain looks at it."""
        self._log = _logger.bind(subscription=name)
        self._debug = logging.getLogger(__name__).isEnabledFor(logging.DEBUG)
        """Asked once: a call for nothing with every event would cost more than all counters together."""
        self._retention = Retention(name)
        self._standing_by = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Delivers until the event is set; then finishes what is in flight, commits and leaves.

        Args:
            stop: Asks to end.
        """
        if not await self._start_transport(stop):
            return
        self._senders.start()
        loops = [
            asyncio.create_task(each) for each in (self._poll(), self._commits.run(self._after_commit), self._watch())
        ]
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([stopping, *loops], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            poll, commit, watch = loops
            await _cancel(poll, watch)
            # Drains and commits through `revoked`, then leaves the group.
            await self._transport.stop()
            await _cancel(commit)
            await self._endings.stop()
            await self._senders.stop()
        # One that ended by itself ended by an error, which is a defect.
        for each in loops:
            if not each.cancelled() and (error := each.exception()) is not None:
                raise error

    # The transport's listener

    def waiting(self, reason: str) -> None:
        """Says why messages do not come yet; see `TransportListener`."""
        if self._source_check.status.reason != reason:
            self._log.info("waiting for the source", reason=reason)
        self._source_check.failed(reason)

    def standing_by(self, reason: str) -> None:
        """Says that nothing is assigned, which is in order; see `TransportListener`."""
        self._standing_by = reason

    def assigned(self, partitions: Collection[Partition]) -> None:
        """Takes partitions; see `TransportListener`."""
        self._planner.assign(partitions)
        self._planner.lease.renew(asyncio.get_running_loop().time())
        self._standing_by = ""
        self._source_check.passed()
        self._log.info("partitions assigned", partitions=[str(each) for each in partitions])

    async def revoked(self, partitions: Collection[Partition]) -> None:
        """Gives partitions up; see `TransportListener`."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._planner.close(partitions, began)
        self._dead_lettering.interrupt()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.drain_seconds):
                while self._planner.in_flight(partitions) or self._dead_lettering.in_flight(partitions):
                    self._progress.clear()
                    await self._progress.wait()
        # Past the deadline the partitions go all the same: what is still in flight comes again, and is a duplicate.
        await self._commits.commit()
        self._planner.revoke(partitions, loop.time())
        self._log.info(
            "partitions revoked",
            partitions=[str(each) for each in partitions],
            drained_in=round(loop.time() - began, 3),
        )

    def why_waiting(self, message: Message) -> str | None:
        """Says why a message has not ended yet; see `TransportListener`."""
        return self._planner.why_waiting(message, asyncio.get_running_loop().time())

    def withdraw(self, message: Message) -> bool:
        """Forgets a message; see `TransportListener`."""
        return self._planner.withdraw(message, asyncio.get_running_loop().time())

    # In

    async def _start_transport(self, stop: asyncio.Event) -> bool:
        tries = 0

        def before_sleep(state: RetryCallState) -> None:
            nonlocal tries
            tries += 1
            error = state.outcome.exception() if state.outcome else None
            seconds = round(state.seconds_since_start or 0)
            outlook = error.outlook if isinstance(error, TransportError) else ""
            self._source_check.failed(f"{error} ({tries} tries in {seconds} s){outlook}")
            self._log.warning("source unreachable", error=str(error), tries=tries)

        async def connect() -> bool:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(TransportError), wait=_RECONNECT, before_sleep=before_sleep
            ):
                with attempt:
                    await self._transport.start(self)
            return True

        if await unless_stopped(stop, connect()):
            return True
        await self._transport.stop()
        return False

    async def _poll(self) -> None:
        while True:
            try:
                messages = await self._transport.poll(POLL_WAIT)
            except TransportError as error:
                self._source_failed(error)
                await asyncio.sleep(WATCH_INTERVAL)
                continue
            if messages:
                await self._take(messages)
                self._apply_flow()

    async def _take(self, messages: Sequence[Message]) -> None:
        self._retention.saw(messages)
        now = asyncio.get_running_loop().time()
        for number, message in enumerate(messages, start=1):
            # Asked each time: a rebalance may come between two chunks.
            if self._planner.takes(message.partition):
                self._intake.take(message, now)
            if number % CHUNK == 0:
                self._senders.wake()
                await asyncio.sleep(0)
        self._senders.wake()
        if self._planner.commit_pressed or not self._planner.lease.holds(asyncio.get_running_loop().time()):
            self._commits.wanted.set()

    # Out

    async def _deliver(self, batch: Batch) -> None:
        loop = asyncio.get_running_loop()
        try:
            if not batch.charged and not await self._has_room(batch):
                self._progress.set()
                return
            response = await self._calls.deliver(batch)
        except RPCError as error:
            self._failed(batch, classify(error))
        except Exception as error:  # noqa: BLE001 - the key is parked, and everybody can see why
            self._log.exception("call failed", workflow_id=batch.lane.workflow_id)
            self._failed(batch, CallFailure(Verdict.UNKNOWN, repr(error)))
        else:
            now = loop.time()
            was_away, had_failed = self._planner.gate.away, batch.lane.failure is not None
            self._planner.accepted(batch, now)
            self._metrics.accepted(len(batch.deliveries), started=response.started, seconds=now - batch.sent_at)
            if self._planner.commit_pressed or not self._planner.calls:
                self._commits.wanted.set()
            if self._debug:
                self._log_accepted(batch, response.run_id, started=response.started)
            if was_away:
                self._log.info("temporal takes events again")
            if was_away or had_failed:
                self._look()
        # The sender that runs this asks the planner next, so nobody else need be woken.
        self._progress.set()

    async def _has_room(self, batch: Batch) -> bool:
        """Looks at the history of a batch's workflow, and ends the batch's turn if it must not be sent.

        Raises:
            RPCError: Temporal does not say.
        """
        history = await self._calls.history(batch.lane.workflow_id)
        now = asyncio.get_running_loop().time()
        ours = all(self._planner.may_end(each.message.partition) for each in batch.deliveries)
        if not ours or not self._planner.lease.holds(now):
            self._planner.unsent(batch, now)
            return False
        if not self._planner.confirmed(batch, history):
            self._failed(batch, CallFailure(Verdict.OVER_BUDGET, over_budget(history, self._limits)))
            return False
        return True

    def _log_accepted(self, batch: Batch, run_id: str, *, started: bool) -> None:
        for delivery in batch.deliveries:
            if delivery.route is not None:
                self._log.debug(
                    "event accepted",
                    workflow_id=batch.lane.workflow_id,
                    run_id=run_id,
                    event_id=delivery.route.idempotency_key,
                    event_case=delivery.route.case,
                    position=delivery.message.position,
                    outcome="started" if started else "signalled",
                )

    def _failed(self, batch: Batch, failure: CallFailure) -> None:
        self._metrics.call_failures[failure.verdict].inc()
        was_away = self._planner.gate.away
        self._failed_calls.handle(batch, failure)
        if self._planner.gate.away and not was_away:
            self._log.warning("temporal takes no events", reason=failure.reason)
            self._look()

    def _progressed(self) -> None:
        """Something in flight has ended, and may have made its key ready, now or for later."""
        self._progress.set()
        self._senders.wake()
        if self._planner.commit_pressed:
            self._commits.wanted.set()

    # Commits and flow

    def _after_commit(self) -> None:
        self._apply_flow()
        if self._planner.ready:
            self._senders.wake()

    def _apply_flow(self) -> None:
        flow = self._planner.flow(asyncio.get_running_loop().time())
        if flow.pause:
            self._transport.pause(flow.pause)
        if flow.resume:
            self._transport.resume(flow.resume)

    def _dead_letters_changed(self, partition: Partition) -> None:
        reason = self._dead_lettering.trouble.get(partition)
        # One that is acknowledged by itself waits alone; only a position holds up all that is above it.
        if reason is None:
            self._planner.release(partition)
        elif not partition.acknowledges_each:
            self._planner.hold(partition, reason)
        self._look()

    # Watching

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        lag_at = retention_at = 0.0
        while True:
            was_away = self._planner.gate.away
            self._planner.sweep(loop.time())
            if was_away and not self._planner.gate.away:
                self._log.info("nothing waits for temporal any more")
            self._look()
            if loop.time() >= lag_at:
                lag_at = loop.time() + LAG_INTERVAL
                await self._ask_lag()
            if loop.time() >= retention_at:
                retention_at = loop.time() + RETENTION_INTERVAL
                await self._compare_retention()
            await asyncio.sleep(WATCH_INTERVAL)

    async def _ask_lag(self) -> None:
        try:
            lags = await self._transport.lag()
        except TransportError as error:
            self._source_failed(error)
            if error.lags:
                self._metrics.show_lag(error.lags)
        else:
            # Legitimate for a member beyond the number of partitions; unready it would hold up rollouts for ever.
            spare = "" if self._planner.trackers() else NO_PARTITION
            self._source_check.passed(self._retention.warning or self._standing_by or spare)
            self._metrics.show_lag(lags)

    def _source_failed(self, error: TransportError) -> None:
        reason = f"{error}{error.outlook}"
        if self._source_check.status.reason != reason:
            self._log.warning("source not usable", error=str(error))
        self._source_check.failed(reason)

    async def _compare_retention(self) -> None:
        self._retention.compare(await self._transport.retention(), await self._calls.history_retention())

    def _look(self) -> None:
        """Brings pauses, readiness and gauges up to date."""
        now = asyncio.get_running_loop().time()
        self._apply_flow()
        planner = self._planner
        self._metrics.show(planner, now)
        check_delivery(
            self._delivery_check, planner, self._limits, dead_letters_wait=self._dead_lettering.trouble, now=now
        )


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
