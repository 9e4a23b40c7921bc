"""Now and then looks at everything anew: what a watch has missed must not stay wrong for ever."""

import asyncio
from typing import Final

import httpx2
import structlog

from ameide_operator.kubernetes import FORBIDDEN, MANAGED, POD, TOO_MANY_REQUESTS, Cluster, seconds_to_wait
from ameide_operator.models import KIND
from ameide_operator.planning import CHILD_KINDS, SERVICE_MONITOR
from ameide_operator.reconciling import KeyedQueue, ResourceKey, Store

RESYNC_SECONDS: Final = 300.0
RETRY_SECONDS: Final = 5.0
"""Before the next try of one that failed."""

INTERNAL_SERVER_ERROR: Final = 500
"""From here on it is the server's fault, and may pass."""

SETTLE_SECONDS: Final = 1.0
"""What the watches of the other kinds get to begin anew too."""

_log = structlog.get_logger(__name__)


async def resync(
    cluster: Cluster,
    store: Store,
    queue: KeyedQueue[ResourceKey],
    *,
    listed: asyncio.Event,
    interval: float = RESYNC_SECONDS,
) -> None:
    """Prunes the store by a list of each kind and reconciles every resource, until cancelled.

    Args:
        cluster: Where to look.
        store: What to prune.
        queue: Takes every resource.
        listed: Set when a watch began anew, which calls for it at once.
        interval: From one time to the next otherwise, in seconds.
    """
    while True:
        try:
            async with asyncio.timeout(interval):
                await listed.wait()
            await asyncio.sleep(SETTLE_SECONDS)
        except TimeoutError:
            pass  # it is time
        listed.clear()
        try:
            await _resync_once(cluster, store)
        except (httpx2.HTTPError, ValueError) as error:  # ValueError: an answer that is no JSON
            _log.warning("resync failed; it starts again", error=str(error))
            await asyncio.sleep(max(RETRY_SECONDS, seconds_to_wait(error)))
            listed.set()
            continue
        for key in store.resources():
            queue.add(key)


async def first_look(cluster: Cluster, store: Store) -> None:
    """Looks at everything once; waits for rights that are not granted yet, and for a server that is overloaded.

    Raises:
        httpx2.HTTPError: The server does not answer, or does not have the CRD.
    """
    while True:
        try:
            return await _resync_once(cluster, store)
        except httpx2.HTTPStatusError as error:
            status = error.response.status_code
            if status not in {FORBIDDEN, TOO_MANY_REQUESTS} and status < INTERNAL_SERVER_ERROR:
                raise
            _log.warning("the API server refuses a first look; it starts again", error=str(error))
            await asyncio.sleep(max(RETRY_SECONDS, seconds_to_wait(error)))


async def _resync_once(cluster: Cluster, store: Store) -> None:
    """Prunes the store by a list of each kind; asks again which APIs there are.

    Raises:
        ApiError: The server refuses.
        httpx2.HTTPError: The server does not answer.
    """
    store.service_monitors = await cluster.has_service_monitors()
    for kind in (KIND, *CHILD_KINDS, POD):
        if kind == SERVICE_MONITOR and not store.service_monitors:
            continue
        labels = None if kind == KIND else MANAGED
        present, version = await cluster.list_metadata(kind, labels=labels, owners=kind == SERVICE_MONITOR)
        if kind == SERVICE_MONITOR:  # not watched: its API may come and go
            for body in present:
                store.see(kind, body)
        store.prune(kind, present, version)
