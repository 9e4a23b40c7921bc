"""Watches the metadata of kinds of which nothing else is read; the content of Secrets never passes through."""

import asyncio
import random
from collections.abc import Mapping
from typing import Final

import httpx2
import structlog

from ameide_operator.kubernetes import MANAGED, SECRET, Cluster, seconds_to_wait
from ameide_operator.reconciling import Store

_PAUSE_SECONDS: Final = 2.0
"""Before the next list after a watch that broke; jittered."""

METADATA_WATCHED: Final[Mapping[str, Mapping[str, str] | None]] = {
    SECRET: None,
    "ServiceAccount": MANAGED,
    "ConfigMap": MANAGED,
    "Service": MANAGED,
    "PodDisruptionBudget": MANAGED,
}
"""The kinds, each with the labels that an object must have. kopf keeps several kB and a task for each object that it
watches, which is most of the memory of an operator with a thousand resources."""

_log = structlog.get_logger(__name__)


async def watch_metadata(cluster: Cluster, store: Store, kind: str, *, listed: asyncio.Event) -> None:
    """Keeps the store up to date with a kind, until cancelled.

    Args:
        cluster: Where to look.
        store: What to fill.
        kind: One of `METADATA_WATCHED`.
        listed: Set as soon as the store has all objects that there are: before, none could be told from one that is
            missing.
    """
    labels = METADATA_WATCHED[kind]
    while True:
        try:
            # Of a child it is read who wrote which field.
            present, version = await cluster.list_metadata(kind, labels=labels, owners=kind != SECRET)
            for body in present:
                store.see(kind, body)
            store.prune(kind, present, version)
            del present
            listed.set()
            async for change, body in cluster.watch_metadata(kind, version, labels=labels):
                store.see(kind, body, deleted=change == "DELETED")
            wait = 0.0
        except (httpx2.HTTPError, ValueError) as error:  # ValueError: a line that was cut, so no JSON
            wait = seconds_to_wait(error)
            _log.warning("watch failed; it starts again", kind=kind, error=str(error))
        await asyncio.sleep(max(wait, _PAUSE_SECONDS * (0.5 + random.random())))  # noqa: S311 # spreads load, no secret
