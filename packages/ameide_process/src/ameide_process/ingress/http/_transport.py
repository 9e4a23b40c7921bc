"""HTTP as a source: a request is answered once its events have ended.

Nothing is kept here. An event is acknowledged by 202, when Temporal (or the dead-letter stream, where the subscription
has one) has it; with any other answer, or none, it is still its producer's, who may send it again. A request's events
are delivered in the order in which requests were read to their ends: one that is sent after the answer to another is
behind it, and of two that are sent at once either may be first.
"""

import asyncio
import contextlib
import os
import ssl
import time
from collections import deque
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Final

import structlog
from aiohttp import web

from ameide_process.configuration import HttpSubscription
from ameide_process.ingress._dead_lettering import DEAD_LETTER_STREAM
from ameide_process.ingress._ending import Ending
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._metrics import IngressMetrics
from ameide_process.ingress._pauses import PARKED
from ameide_process.ingress._progress import Progress
from ameide_process.ingress._transport import PartitionLag, TransportError, TransportListener
from ameide_process.ingress.http._answers import ACCEPTED, REPEAT_IS_SAFE, answer
from ameide_process.ingress.http._bearer_tokens import BearerTokens, TokensUnreadableError
from ameide_process.ingress.http._bodies import Bodies
from ameide_process.ingress.http._port import EventsPort
from ameide_process.ingress.http._refusal import RefusalError, refused
from ameide_process.ingress.http._refusal_log import RefusalLog
from ameide_process.ingress.http._requests import PostedEvents, event_headers, posted_events

POLL_EVENTS: Final = 500
"""Events of one poll; they are decoded in chunks."""

LOOK_INTERVAL: Final = 0.5
"""Seconds between two looks at why the events of a request have not ended."""

RETRY_SOON: Final = 1.0
"""Seconds after which a client may repeat what was refused for a moment's load."""

RETRY_LATER: Final = 5.0
"""The same where something must come back first: Temporal, a worker, another pod."""

WATCHED_STATUSES: Final = (400, 401, 408, 409, 413, 415, 422, 429, 500, 503)
"""What alerts may ask for."""

FINISH_SECONDS: Final = 10.0
"""What a stop gives the events of requests that were read to be sent. The engine's own drain follows."""

_logger = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Posted:
    """An event, and what its request waits for."""

    message: Message
    end: asyncio.Future[Ending | RefusalError]


class HttpTransport:
    """The events that are posted to one path."""

    def __init__(
        self, settings: HttpSubscription, *, path: str, subscription: str, port: EventsPort, metrics: IngressMetrics
    ) -> None:
        """Prepares the path; nothing listens yet.

        Args:
            settings: Bounds and credentials.
            path: The path.
            subscription: Logical name, for people.
            port: Where it is served.
            metrics: Count requests, and show those in work.
        """
        self._settings = settings
        self._path = path
        self._subscription = subscription
        self._port = port
        self._requests = metrics.http_requests
        for status in (ACCEPTED, *WATCHED_STATUSES):
            # There from the beginning: an alert on a rate misses the first of what appears with it.
            metrics.http_requests.labels(subscription, str(status))
        self._tokens = BearerTokens(settings.bearer_token_file) if settings.bearer_token_file else None
        # Apart from the requests that wait: a slow sender takes nothing from those whose body is here.
        self._bodies = Bodies(
            limit=settings.max_body_bytes,
            timeout=settings.body_timeout_seconds,
            places=settings.max_concurrent_requests,
        )
        self._listener: TransportListener | None = None
        self._partition = Partition(path, 0, acknowledges_each=True, sender_waits=True)
        self._positions = count()
        self._arrived: deque[_Posted] = deque()
        """Events that the engine has not taken."""
        self._taken: dict[int, _Posted] = {}
        """Events that it has and has not ended, by position; of some nobody waits for the end any more."""
        self._stirred = asyncio.Event()
        """Set when `poll` may have something to return."""
        self._settled = asyncio.Event()
        """Set when the engine has ended all that it took; only a stop looks at it."""
        self._waiting = 0
        """Requests whose body is here and whose events have not ended."""
        self._paused: str | None = None
        self._stopping = False
        self._log = _logger.bind(subscription=subscription)
        self._refusals = RefusalLog(subscription=subscription)
        metrics.http_requests_in_work.labels(subscription, "reading").set_function(lambda: self._bodies.reading)
        metrics.http_requests_in_work.labels(subscription, "waiting").set_function(lambda: self._waiting)
        metrics.http_body_bytes.labels(subscription).set_function(lambda: self._bodies.held)
        port.announce(path)

    # The engine's side

    @property
    def lease_seconds(self) -> None:
        """See `Transport`; nobody else has our requests."""
        return None

    async def start(self, listener: TransportListener) -> None:
        """Begins to listen; see `Transport`."""
        self._check_tokens()
        self._listener = listener
        try:
            await self._port.attach(self._path, self._serve)
        except OSError as error:
            # asyncio's own text repeats the address.
            why = error if isinstance(error, ssl.SSLError) or not error.errno else os.strerror(error.errno)
            raise TransportError(f"cannot listen on {self._port} for events: {why}") from error
        listener.assigned([self._partition])
        self._log.info("listening for events", address=str(self._port), path=self._path)

    async def poll(self, wait: float) -> Sequence[Message]:
        """Returns events that were posted; see `Transport`."""
        if not self._deliverable:
            self._stirred.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._stirred.wait()
        messages: list[Message] = []
        while self._deliverable and len(messages) < POLL_EVENTS:
            posted = self._arrived.popleft()
            messages.append(posted.message)
            self._taken[posted.message.position] = posted
        return messages

    @property
    def _deliverable(self) -> bool:
        """Whether the engine may have an event.

        While it wants none it gets one all the same where it has none: only a call tells that Temporal is back.
        """
        return bool(self._arrived) and (self._paused is None or not self._taken)

    def pause(self, partitions: Mapping[Partition, str]) -> None:
        """Refuses what comes; see `Transport`."""
        self._paused = partitions.get(self._partition, self._paused)

    def resume(self, partitions: Collection[Partition]) -> None:
        """Takes what comes; see `Transport`."""
        if self._partition in partitions:
            self._paused = None
            self._stirred.set()

    async def commit(self, progress: Progress) -> None:
        """Answers requests whose events have ended; see `Transport`."""
        for ended in progress.messages.get(self._partition, ()):
            posted = self._taken.pop(ended.message.position, None)
            if posted is not None:
                _end(posted, ended.ending)
        if not self._taken:
            self._settled.set()
            self._stirred.set()

    async def lag(self) -> Sequence[PartitionLag]:
        """Knows of none, since nothing waits here; looks at what may have changed since the last time.

        See `Transport`.
        """
        for posted in list(self._taken.values()):
            # Nobody waits for it any more.
            if posted.end.done():
                self._take_back(posted, PARKED, DEAD_LETTER_STREAM)
        self._check_tokens()
        try:
            self._port.reload_certificates()
        except OSError as error:
            raise TransportError(f"the certificates of {self._port} changed and do not load: {error}") from error
        return []

    async def retention(self) -> timedelta | None:
        """Says nothing: producers repeat as long as they like. See `Transport`."""
        return None

    async def stop(self) -> None:
        """Refuses what comes, lets what was read end, and closes the port; see `Transport`."""
        if self._listener is None:
            return
        self._stopping = True
        refusal = _stopping()
        while self._arrived:
            _end(self._arrived.popleft(), refusal)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINISH_SECONDS):
                while self._taken:
                    self._settled.clear()
                    await self._settled.wait()
        await self._listener.revoked([self._partition])
        for posted in self._taken.values():
            _end(posted, refusal)
        self._taken.clear()
        await self._port.detach(self._path)

    def _check_tokens(self) -> None:
        """Reads the tokens.

        Raises:
            TransportError: There is none.
        """
        try:
            if self._tokens is not None:
                self._tokens.read()
        except TokensUnreadableError as error:
            raise TransportError(f"bearerTokenFile: {error}") from error

    # The client's side

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            response = await self._respond(request)
        except RefusalError as refusal:
            self._refusals.refused(refusal.reason, status=refusal.status, client=request.remote)
            response = refused(refusal)
        self._requests.labels(self._subscription, str(response.status)).inc()
        return response

    async def _respond(self, request: web.BaseRequest) -> web.Response:
        if self._stopping:
            raise _stopping()
        if self._tokens is not None:
            self._tokens.check([value for name, value in request.raw_headers if name.lower() == b"authorization"])
        if self._paused is not None and (self._taken or self._arrived):
            raise RefusalError(
                503, "unavailable", f"no events are taken now: {self._paused}", retry_after=RETRY_LATER, close=True
            )
        headers = event_headers(request.raw_headers)
        async with self._bodies.body(request) as body:
            posted = posted_events(headers, body)
            with self._place():
                ends = await self._deliver(posted)
        return answer(ends, batch=posted.batch)

    @contextlib.contextmanager
    def _place(self) -> Generator[None]:
        """Takes one of the places of requests that wait.

        Raises:
            RefusalError: All are taken.
        """
        most = self._settings.max_concurrent_requests
        if self._waiting >= most:
            self._port.saturation.note(
                f"{most} requests of {self._subscription} wait for Temporal or the dead-letter stream, further ones "
                "are answered 429; see their latency, add replicas of the ingress, or raise maxConcurrentRequests",
                fails=False,
            )
            raise RefusalError(
                429,
                "too-many-requests",
                f"{most} requests wait for Temporal or the dead-letter stream, as many as may; send it again",
                retry_after=RETRY_SOON,
            )
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    async def _deliver(self, posted: PostedEvents) -> Sequence[Ending | RefusalError]:
        """Hands events to the engine and waits for their ends; where they take too long, says why."""
        loop = asyncio.get_running_loop()
        if self._stopping:
            raise _stopping()
        taken_ms = int(time.time() * 1000)
        events = [
            _Posted(
                Message(self._partition, next(self._positions), each.value, None, each.headers, taken_ms),
                loop.create_future(),
            )
            for each in posted.events
        ]
        self._arrived.extend(events)
        self._stirred.set()
        deadline = loop.time() + self._settings.acceptance_timeout_seconds
        while waiting := [each for each in events if not each.end.done()]:
            left = deadline - loop.time()
            if left <= 0:
                break
            await asyncio.wait([each.end for each in waiting], timeout=min(left, LOOK_INTERVAL))
            # From the last to the first: a later event of a key must not be left where an earlier one is taken back.
            for each in reversed(waiting):
                if why := self._take_back(each, PARKED):
                    _end(each, _unavailable("parked", f"its key is held up ({why})"))
                # Its place is for those whom the stream does not concern.
                elif why := self._take_back(each, DEAD_LETTER_STREAM):
                    _end(each, _unavailable("unavailable", why))
        for each in reversed(waiting):
            _end(each, self._late(each))
        return [each.end.result() for each in events]

    def _take_back(self, posted: _Posted, *reasons: str) -> str:
        """Takes an event back from the engine that waits for one of some reasons.

        It would fill the room of others, with each repetition once more.

        Returns:
            Why it waited; empty: it waits for nothing of that kind, or cannot be taken back now, as while a call
            carries it.
        """
        why = self._why_waiting(posted)
        if not why.startswith(reasons) or self._listener is None or not self._listener.withdraw(posted.message):
            return ""
        self._taken.pop(posted.message.position, None)
        self._settled.set()
        return why

    def _late(self, posted: _Posted) -> RefusalError:
        """Says why an event has no end in time.

        It stays where it is, since its call may be what Temporal answers next; not so what no call is for.
        """
        seconds = f"{self._settings.acceptance_timeout_seconds:g} seconds"
        if posted in self._arrived:
            self._arrived.remove(posted)
            return _unavailable("not-accepted-in-time", f"it was not delivered within {seconds}")
        if why := self._take_back(posted, DEAD_LETTER_STREAM):
            return _unavailable("not-accepted-in-time", f"it was not taken within {seconds} ({why})")
        why = self._why_waiting(posted)
        detail = f"it was not accepted within {seconds} and may still be{f' ({why})' if why else ''}"
        return _unavailable("not-accepted-in-time", detail)

    def _why_waiting(self, posted: _Posted) -> str:
        why = self._listener.why_waiting(posted.message) if self._listener is not None else None
        return why or ""


def _end(posted: _Posted, end: Ending | RefusalError) -> None:
    if not posted.end.done():
        posted.end.set_result(end)


def _unavailable(reason: str, detail: str) -> RefusalError:
    return RefusalError(503, reason, f"{detail}; {REPEAT_IS_SAFE}", retry_after=RETRY_LATER)


def _stopping() -> RefusalError:
    return RefusalError(
        503,
        "stopping",
        f"this ingress is stopping; send it again: {REPEAT_IS_SAFE}",
        retry_after=RETRY_SOON,
        close=True,
    )
