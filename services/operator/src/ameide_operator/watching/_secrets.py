"""Watches the metadata of Secrets: their content never passes through."""

import asyncio
import random
from typing import Final

import httpx2
import structlog

from ameide_operator.kubernetes import SECRET, Cluster, seconds_to_wait
from ameide_operator.reconciling import Store

_PAUSE_SECONDS: Final = 2.0
"""Before the next list after a watch that broke; jittered."""

_log = structlog.get_logger(__name__)


async def watch_secrets(cluster: Cluster, store: Store, *, listed: asyncio.Event) -> None:
    """Keeps the store up to date, until cancelled.

    Args:
        cluster: Where to look.
        store: What to fill.
        listed: Set as soon as the store has all Secrets that there are: before, none could be told from one that is
            missing.
    """
    while True:
        try:
            present, version = await cluster.list_metadata(SECRET)
            for body in present:
                store.see(SECRET, body)
            store.prune(SECRET, present, version)
            listed.set()
            async for change, body in cluster.watch_secret_metadata(version):
                store.see(SECRET, body, deleted=change == "DELETED")
            wait = 0.0
        except (httpx2.HTTPError, ValueError) as error:  # ValueError: a line that was cut, so no JSON
            wait = seconds_to_wait(error)
            _log.warning("watch of Secrets failed; it starts again", error=str(error))
        await asyncio.sleep(max(wait, _PAUSE_SECONDS * (0.5 + random.random())))  # noqa: S311 # spreads load, no secret
