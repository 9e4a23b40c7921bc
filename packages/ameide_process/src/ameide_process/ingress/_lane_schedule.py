"""Which key is sent next: ready ones first come first served, the others when their time has come."""

import heapq
import random
from collections import deque
from collections.abc import Collection
from itertools import count

from ameide_process.ingress._backoff import BACKOFF
from ameide_process.ingress._budget import Accounts
from ameide_process.ingress._classification import CallFailure, Verdict
from ameide_process.ingress._delivery import Delivery
from ameide_process.ingress._lane import REMEMBERED_KEYS, REMEMBERED_SECONDS, Lane, payload_size
from ameide_process.ingress._limits import Limits
from ameide_process.ingress._message import Partition


class LaneSchedule:
    """The lanes that have something to send, or had a moment ago.

    Attributes:
        failing: Lanes whose latest call failed.
        blocked: Lanes that wait for a commit, having as many uncommitted events as they may.
    """

    __slots__ = (
        "_accounts",
        "_cooling",
        "_lanes",
        "_limits",
        "_order",
        "_ready",
        "_source",
        "_timed",
        "blocked",
        "failing",
    )

    def __init__(self, limits: Limits, source: random.Random) -> None:
        self._limits = limits
        self._source = source
        self._accounts = Accounts(limits, source)
        self._lanes: dict[str, Lane] = {}
        self._ready: deque[Lane] = deque()
        self._timed: list[tuple[float, int, Lane]] = []
        self._order = count()
        """Breaks ties in the heap."""
        self._cooling: dict[Lane, None] = {}
        """Done, but remembered until the gap between two signals has passed."""
        self.failing: set[Lane] = set()
        self.blocked: set[Lane] = set()

    def lane(self, workflow_id: str) -> Lane:
        """Returns the lane of a key, a new one where there is none."""
        lane = self._lanes.get(workflow_id)
        if lane is None:
            account = self._accounts.take(workflow_id)
            lane = self._lanes[workflow_id] = Lane(workflow_id, account, self._limits.batch_events)
        return lane

    def waiting(self, workflow_id: str) -> int:
        """How many events wait in the lane of a key."""
        lane = self._lanes.get(workflow_id)
        return 0 if lane is None else len(lane.waiting)

    def add(self, lane: Lane, delivery: Delivery, now: float) -> None:
        """Lets an event wait in its lane."""
        delivery.lane = lane
        lane.waiting.append(delivery)
        lane.waiting_bytes += payload_size(delivery)
        self.schedule(lane, now)

    def schedule(self, lane: Lane, now: float) -> None:
        """Makes sure that a lane with something to send is chosen when its time has come."""
        if lane.busy or lane.queued or not (lane.retry or lane.waiting) or self._over_budget(lane):
            return
        limits = self._limits
        full = lane.failure is None and (
            lane.waiting_bytes >= limits.batch_bytes or len(lane.waiting) >= limits.batch_events
        )
        if lane.not_before <= now or full:
            lane.queued = True
            self._ready.append(lane)
        elif not lane.timed:
            lane.timed = True
            heapq.heappush(self._timed, (lane.not_before, next(self._order), lane))

    def choose(self, now: float) -> Lane | None:
        """Removes and returns the lane to send now; None where none is ready."""
        timed = self._timed
        while timed and timed[0][0] <= now:
            lane = heapq.heappop(timed)[2]
            lane.timed = False
            self.schedule(lane, now)
        while self._ready:
            lane = self._ready.popleft()
            lane.queued = False
            # What made it ready may be gone with its partition.
            if not lane.busy and (lane.retry or lane.waiting) and not self._over_budget(lane):
                return lane
        return None

    @property
    def ready(self) -> int:
        """Lanes that are ready, some perhaps in vain."""
        return len(self._ready)

    @property
    def waits(self) -> bool:
        """Whether a lane has something to send, ready or not."""
        return any(lane.retry is not None or lane.waiting for lane in self._lanes.values())

    def wakes_at(self) -> float | None:
        """When `choose` may return something although nothing else happened; None: not by time alone."""
        if self._ready:
            return 0.0
        return self._timed[0][0] if self._timed else None

    def failed(self, lane: Lane, failure: CallFailure, now: float) -> None:
        """Notes a failed call and when the next one may begin."""
        if lane.failure is None or lane.failure.verdict is not failure.verdict:
            lane.failures = 0
            lane.failing_since = now
        lane.failures += 1
        lane.failure = failure
        self.failing.add(lane)
        lane.not_before = now + BACKOFF[failure.verdict].delay(lane.failures, self._source)

    def succeeded(self, lane: Lane) -> None:
        """Forgets earlier failures."""
        if lane.failure is not None:
            lane.failures = 0
            lane.failure = None
            lane.remembered_until = 0.0
            lane.largest_batch = self._limits.batch_events
            self.failing.discard(lane)

    def remember(self, lane: Lane, now: float) -> None:
        """Keeps a parked lane for a while although its events are its senders' again."""
        if lane.parked(now) and len(self.failing) <= REMEMBERED_KEYS:
            lane.remembered_until = now + REMEMBERED_SECONDS

    def hurry(self, now: float) -> None:
        """Temporal is back: what waits for nothing else waits no longer."""
        for lane in self.failing:
            if lane.failure is not None and lane.failure.verdict in {Verdict.SERVICE, Verdict.THROTTLED}:
                lane.not_before = now
                # It stands in the heap for a later time; standing there twice does no harm.
                lane.timed = False
                self.schedule(lane, now)

    def settle(self, lane: Lane, now: float) -> None:
        """Frees a lane that has room again, and forgets one that is done."""
        if lane.blocked and lane.uncommitted < self._limits.events_per_key:
            lane.blocked = False
            self.blocked.discard(lane)
            self.schedule(lane, now)
        if not lane.idle:
            return
        if lane.not_before > now:
            # Forgotten now, its next event would not keep the gap between two signals.
            self._cooling[lane] = None
        elif lane.remembered_until > now:
            # For people alone: its next event finds out as soon as that of a key that is not known.
            lane.failures = 0
            self._cooling[lane] = None
        elif self._lanes.get(lane.workflow_id) is lane:
            del self._lanes[lane.workflow_id]
            self._accounts.rest(lane.workflow_id, lane.account)
            self.failing.discard(lane)

    def sweep(self, now: float) -> None:
        """Forgets lanes that are done and whose gap has passed."""
        cooling, self._cooling = self._cooling, {}
        for lane in cooling:
            self.settle(lane, now)

    def lanes(self) -> Collection[Lane]:
        """Returns every lane that is remembered."""
        return self._lanes.values()

    def keep_only(self, known: Collection[Partition], now: float) -> None:
        """Drops waiting events of all other partitions."""
        for lane in list(self._lanes.values()):
            if any(each.message.partition not in known for each in lane.waiting):
                lane.waiting = deque(each for each in lane.waiting if each.message.partition in known)
                lane.waiting_bytes = sum(map(payload_size, lane.waiting))
            self.settle(lane, now)

    def _over_budget(self, lane: Lane) -> bool:
        if lane.retry is not None or lane.uncommitted < self._limits.events_per_key:
            return False
        lane.blocked = True
        self.blocked.add(lane)
        return True
