"""Kubernetes Events of resources: at transitions of Ready and of its reason, and never for the sake of a pass."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import httpx2
import structlog

from ameide_operator.conditions import Reason
from ameide_operator.kubernetes import EVENT, Body, Cluster
from ameide_operator.models import API_VERSION, KIND, MANAGER, Condition, ConditionType
from ameide_operator.reconciling._store import ResourceKey

BURST: Final = 25
REFILL_SECONDS: Final = 300.0
"""A resource may have so many Events at once, and one more each five minutes: as Kubernetes' own recorder."""

LONGEST_NOTE: Final = 1024
"""Characters of a message; the API server refuses more."""

_REMEMBERED: Final = 1000
"""Events whose next occurrence is counted and not written anew; beyond, the oldest are forgotten."""

_NORMAL: Final = frozenset({Reason.AVAILABLE, Reason.PROGRESSING})

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Recorded:
    name: str
    first: str
    count: int = 0


@dataclass(slots=True)
class _Allowance:
    left: float = BURST
    at: float = 0.0


class EventRecorder:
    """Records transitions; what cannot be recorded is logged and let go, since the status says it too.

    Args:
        cluster: Where to write.
        clock: Seconds, for the bound on Events.
    """

    def __init__(self, cluster: Cluster, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._clock = clock
        self._recorded: OrderedDict[tuple[str, str, str], _Recorded] = OrderedDict()
        self._allowances: dict[ResourceKey, _Allowance] = {}

    def forget(self, key: ResourceKey) -> None:
        """Drops what is kept of a resource that is gone."""
        self._allowances.pop(key, None)

    async def record(
        self, key: ResourceKey, body: Body, before: Iterable[Condition], after: Iterable[Condition]
    ) -> None:
        """Records what changed from one written status to the next."""
        ready = _ready(after)
        if ready is None or _state(ready) == _state(_ready(before)):
            return
        if not self._allowed(key):
            _log.info("no event: too many of this resource", resource=str(key), reason=ready.reason)
            return
        try:
            await self._write(key, body["metadata"]["uid"], ready)
        except httpx2.HTTPError as error:
            _log.warning("event not recorded", resource=str(key), reason=ready.reason, error=str(error))

    def _allowed(self, key: ResourceKey) -> bool:
        now = self._clock()
        allowance = self._allowances.setdefault(key, _Allowance(at=now))
        allowance.left = min(BURST, allowance.left + (now - allowance.at) / REFILL_SECONDS)
        allowance.at = now
        if allowance.left < 1:
            return False
        allowance.left -= 1
        return True

    async def _write(self, key: ResourceKey, uid: str, ready: Condition) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        same = (uid, ready.reason, ready.message)
        recorded = self._recorded.setdefault(same, _Recorded(f"{key.name}.{time.time_ns():x}", now))
        self._recorded.move_to_end(same)
        if len(self._recorded) > _REMEMBERED:
            self._recorded.popitem(last=False)
        recorded.count += 1
        manifest = {
            "apiVersion": "v1",
            "kind": EVENT,
            "metadata": {"name": recorded.name, "namespace": key.namespace},
            "involvedObject": {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "namespace": key.namespace,
                "name": key.name,
                "uid": uid,
            },
            "type": "Normal" if ready.reason in _NORMAL else "Warning",
            "reason": ready.reason,
            "message": shown(ready.message),
            "count": recorded.count,
            "firstTimestamp": recorded.first,
            "lastTimestamp": now,
            "source": {"component": MANAGER},
            "reportingComponent": MANAGER,
        }
        await self._cluster.apply(EVENT, key.namespace, recorded.name, manifest)


def shown(message: str) -> str:
    """A message of at most as many bytes as the API server takes characters."""
    encoded = message.encode()
    if len(encoded) <= LONGEST_NOTE:
        return message
    return encoded[: LONGEST_NOTE - 3].decode(errors="ignore") + "…"


def _ready(conditions: Iterable[Condition]) -> Condition | None:
    return next((each for each in conditions if each.type == ConditionType.READY.value), None)


def _state(ready: Condition | None) -> tuple[str, str] | None:
    return (ready.status, ready.reason) if ready else None
