"""Removes Worker Deployments of resources that are gone: the server takes 100 in a namespace."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

import structlog
from temporalio.service import RPCError

from ameide_operator.rollout._plan import SetCurrent, SetRamping
from ameide_operator.rollout._state import Phase, Seen
from ameide_operator.rollout._temporal import WorkerDeployments

_log = structlog.get_logger(__name__)


def plan_removal(seen: Seen) -> SetCurrent | SetRamping | None:
    """What must change so that the versions of an unused Worker Deployment drain; None: nothing, only time passes."""
    if seen.ramping:
        return SetRamping("", 0)
    return SetCurrent("") if seen.current else None


async def sweep(
    deployments: WorkerDeployments,
    *,
    prefix: str,
    manager: str,
    is_wanted: Callable[[str], bool],
    polled: Mapping[str, AbstractSet[str]],
) -> None:
    """Lets go what nobody needs, as far as it goes now; open workflows keep their version, and so all of it.

    Args:
        deployments: Those of the namespace.
        prefix: What names of ours begin with.
        manager: Who we are: what another manages is left alone.
        is_wanted: Whether there is a resource of the name.
        polled: Worker Deployments whose workers live; those of another cluster may have the same prefix.

    Raises:
        RPCError: The server does not list.
    """
    leftovers = [
        name
        async for name in deployments.names()
        if name.startswith(prefix) and not is_wanted(name) and name not in polled
    ]
    for name in leftovers:
        try:
            await _remove(deployments, name, manager)
        except RPCError as error:
            _log.info("worker deployment stays", deployment=name, error=error.message)


async def _remove(deployments: WorkerDeployments, name: str, manager: str) -> None:
    seen = await deployments.look(name)
    while seen is not None and seen.manager == manager and (action := plan_removal(seen)) is not None:
        await deployments.act(name, action, seen)
        seen = await deployments.look(name)
    if seen is None or seen.manager != manager:
        return
    unneeded = [build for build, phase in seen.versions.items() if phase in {Phase.DRAINED, Phase.INACTIVE}]
    removed = [build for build in unneeded if await deployments.forget_version(name, build)]
    if len(removed) == len(seen.versions):
        await deployments.forget(name)
        _log.info("worker deployment removed", deployment=name)
