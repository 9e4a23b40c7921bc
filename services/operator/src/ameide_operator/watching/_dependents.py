"""Watches what resources depend on, and what depends on them; the content of Secrets never passes through."""

import asyncio
import random
from collections.abc import Mapping
from functools import partial
from typing import Final

import httpx2
import structlog
from lightkube.core.exceptions import ApiError

from ameide_operator.kubernetes import GONE, MANAGED, POD, SECRET, Cluster, seconds_to_wait
from ameide_operator.planning import DEPLOYMENT
from ameide_operator.reconciling import Listing, Store

_PAUSE_SECONDS: Final = 2.0
"""Before the next list after a watch that broke; jittered."""

_WHOLE: Final = frozenset({DEPLOYMENT, POD})
"""Kinds whose status is read; of the others it is who owns which field, or the version."""

DEPENDENTS: Final[Mapping[str, Mapping[str, str] | None]] = {
    SECRET: None,
    "ServiceAccount": MANAGED,
    "ConfigMap": MANAGED,
    "Service": MANAGED,
    "PodDisruptionBudget": MANAGED,
    DEPLOYMENT: MANAGED,
    POD: MANAGED,
}
"""The kinds, each with the labels that an object must have. kopf keeps several kB and a task for each object that it
watches, and works several times as long on each change."""

_log = structlog.get_logger(__name__)


async def watch_dependents(cluster: Cluster, store: Store, kind: str, *, listed: asyncio.Event) -> None:
    """Keeps the store up to date with a kind, until cancelled.

    Args:
        cluster: Where to look.
        store: What to fill.
        kind: One of `DEPENDENTS`.
        listed: Set as soon as the store has all objects that there are: before, none could be told from one that is
            missing.
    """
    labels, metadata_only = DEPENDENTS[kind], kind not in _WHOLE
    while True:
        try:
            listing = Listing(kind)
            see = partial(store.see_listed, listing)
            version = await cluster.list_all(kind, see, labels=labels, metadata_only=metadata_only)
            store.prune(listing, version)
            del listing, see
            listed.set()
            async for change, body in cluster.watch(kind, version, labels=labels, metadata_only=metadata_only):
                store.see(kind, body, deleted=change == "DELETED")
            wait = 0.0
        except (httpx2.HTTPError, ValueError) as error:  # ValueError: a line that was cut, so no JSON
            wait = seconds_to_wait(error)
            # A server forgets versions: to list anew is the answer, and nobody need know.
            forgotten = isinstance(error, ApiError) and error.status.code == GONE
            (_log.debug if forgotten else _log.warning)("watch failed; it starts again", kind=kind, error=str(error))
        await asyncio.sleep(max(wait, _PAUSE_SECONDS * (0.5 + random.random())))  # noqa: S311 # spreads load, no secret
