"""Now and then looks at everything anew: what a watch has missed must not stay wrong for ever."""

import asyncio
from typing import Final

import httpx2
import structlog

from ameide_operator.kubernetes import (
    FORBIDDEN,
    MANAGED,
    NOT_FOUND,
    POD,
    TOO_MANY_REQUESTS,
    Body,
    Cluster,
    seconds_to_wait,
)
from ameide_operator.models import KIND
from ameide_operator.planning import CHILD_KINDS, SERVICE_MONITOR
from ameide_operator.reconciling import KeyedQueue, Listing, ResourceKey, Store

RESYNC_SECONDS: Final = 300.0
RETRY_SECONDS: Final = 5.0
"""Before the next try of one that failed."""

INTERNAL_SERVER_ERROR: Final = 500
"""From here on it is the server's fault, and may pass."""

PUT_OFF: Final = 3
"""How many times in a row one that is due is put off while resources wait for a worker: it makes all of them wait."""

SETTLE_SECONDS: Final = 1.0
"""What the watches of the other kinds get to begin anew too."""

LATE_SECONDS: Final = 5.0
"""What the watch of resources gets to show one that a list has shown."""

_OF_ALL_TIME: Final = str(2**63)
"""A version of the cluster after every other."""

_log = structlog.get_logger(__name__)


async def resync(
    cluster: Cluster,
    store: Store,
    queue: KeyedQueue[ResourceKey],
    *,
    listed: asyncio.Event,
    overdue: asyncio.Event,
    interval: float = RESYNC_SECONDS,
) -> None:
    """Prunes the store by a list of each kind and reconciles every resource, until cancelled.

    Args:
        cluster: Where to look.
        store: What to prune.
        queue: Takes every resource.
        listed: Set when a watch began anew, which calls for it at once.
        overdue: Is set when the watch of resources does not show what there is.
        interval: From one time to the next otherwise, in seconds.
    """
    put_off = 0
    while True:
        try:
            async with asyncio.timeout(interval):
                await listed.wait()
            await asyncio.sleep(SETTLE_SECONDS)
        except TimeoutError:  # it is time
            if queue.waiting and put_off < PUT_OFF:
                put_off += 1
                continue
        put_off = 0
        listed.clear()
        try:
            there = await _resync_resources(cluster, store)
            await _resync_dependents(cluster, store)
        except (httpx2.HTTPError, ValueError) as error:  # ValueError: an answer that is no JSON
            _log.warning("resync failed; it starts again", error=str(error))
            await asyncio.sleep(max(RETRY_SECONDS, seconds_to_wait(error)))
            listed.set()
            continue
        for key in store.resources():
            queue.add(key)
        if await _misses_any(cluster, store, there):
            overdue.set()


async def first_look(cluster: Cluster, store: Store) -> None:
    """Looks at everything once; waits for rights that are not granted yet, and for a server that is overloaded.

    Raises:
        httpx2.HTTPError: The server does not answer, or does not have the CRD.
    """
    while True:
        try:
            await cluster.list_all(KIND, Listing(KIND).add)
            return await _resync_dependents(cluster, store)
        except httpx2.HTTPStatusError as error:
            status = error.response.status_code
            if status not in {FORBIDDEN, TOO_MANY_REQUESTS} and status < INTERNAL_SERVER_ERROR:
                raise
            _log.warning("the API server refuses a first look; it starts again", error=str(error))
            await asyncio.sleep(max(RETRY_SECONDS, seconds_to_wait(error)))


async def _misses_any(cluster: Cluster, store: Store, there: set[ResourceKey]) -> bool:
    """Whether the watch does not show a resource that a list has shown, and that is still there."""
    if there <= set(store.resources()):
        return False
    await asyncio.sleep(LATE_SECONDS)  # it may be on its way
    missing = there - set(store.resources())
    if not missing:
        return False
    listing = Listing(KIND)
    try:
        await cluster.list_all(KIND, listing.add)
    except (httpx2.HTTPError, ValueError):
        return False  # the next resync tells
    return not missing.isdisjoint(listing.resources())


async def _resync_resources(cluster: Cluster, store: Store) -> set[ResourceKey]:
    """Prunes the store by a list of resources; where their API is gone, so are all of them.

    Returns:
        Resources that there are.

    Raises:
        ApiError: The server refuses.
        httpx2.HTTPError: The server does not answer.
    """
    listing = Listing(KIND)
    try:
        version = await cluster.list_all(KIND, listing.add)
    except httpx2.HTTPStatusError as error:
        if error.response.status_code != NOT_FOUND:
            raise
        listing, version = Listing(KIND), _OF_ALL_TIME
    store.prune(listing, version)
    return listing.resources()


async def _resync_dependents(cluster: Cluster, store: Store) -> None:
    """Prunes the store by a list of each other kind.

    Raises:
        ApiError: The server refuses.
        httpx2.HTTPError: The server does not answer.
    """
    await _resync_service_monitors(cluster, store)
    for kind in (*CHILD_KINDS, POD):
        if kind != SERVICE_MONITOR:
            listing = Listing(kind)
            version = await cluster.list_all(kind, listing.add, labels=MANAGED)
            store.prune(listing, version)


async def _resync_service_monitors(cluster: Cluster, store: Store) -> None:
    """Fills and prunes the store by a list, which says too whether there is that API, and we may use it.

    They are not watched: the API of the Prometheus operator may come and go.

    Raises:
        ApiError: The server refuses for another reason.
        httpx2.HTTPError: The server does not answer.
    """
    listing = Listing(SERVICE_MONITOR)

    def see(body: Body) -> None:
        store.service_monitors = True  # before a pass sees one that it would take for unwanted
        store.see_listed(listing, body)

    try:
        version = await cluster.list_all(SERVICE_MONITOR, see, labels=MANAGED)
    except httpx2.HTTPStatusError as error:  # of an API that is not there the server says it in plain text
        if error.response.status_code not in {NOT_FOUND, FORBIDDEN}:
            raise
        # What cannot be deleted either must not be planned to be.
        store.service_monitors, listing, version = False, Listing(SERVICE_MONITOR), _OF_ALL_TIME
    else:
        store.service_monitors = True
    store.prune(listing, version)
