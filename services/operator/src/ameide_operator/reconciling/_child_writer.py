"""Writes the children of a resource: only those that differ, and never an object that is not the resource's."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog
from lightkube.core.exceptions import ApiError

from ameide_operator.kubernetes import CONFLICT, FORBIDDEN, Body, Cluster
from ameide_operator.planning import COMPONENT_LABEL, Child, ChildKey, Plan
from ameide_operator.reconciling._ownership import controller_name, controller_uid, owned_fields
from ameide_operator.reconciling._store import ResourceKey, Store

_INVALID: Final = 422
_BAD_REQUEST: Final = 400
_WRONG_TYPE: Final = "failed to create typed patch object"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a plan."""

    conflicts: tuple[str, ...] = ()
    """Objects in the way, and whose they are."""
    refusals: tuple[str, ...] = ()
    """What the API server takes for invalid, and why."""
    forbidden: tuple[str, ...] = ()
    """What it would take from others, or later: by rights, quotas and policies, and why."""
    made: bool = False
    """Whether there are children that were not there before."""


@dataclass(slots=True)
class _Memory:
    """What the last write of a child left."""

    manifests: dict[ChildKey, str] = field(default_factory=dict[ChildKey, str])
    fields: dict[ChildKey, str] = field(default_factory=dict[ChildKey, str])
    in_the_way: set[ChildKey] = field(default_factory=set[ChildKey])
    """Objects of somebody else that had the names of children when we looked last."""


class ChildWriter:
    """Writes plans.

    What it wrote last is kept in memory only: after a start every child is written once more, which changes nothing on
    the server where nothing differs.
    """

    def __init__(self, cluster: Cluster, store: Store) -> None:
        self._cluster = cluster
        self._store = store
        self._memory: defaultdict[ResourceKey, _Memory] = defaultdict(_Memory)

    def forget(self, key: ResourceKey) -> None:
        """Drops what is kept of a resource that is gone."""
        self._memory.pop(key, None)

    async def write(self, key: ResourceKey, uid: str, plan: Plan) -> Written:
        """Makes the children as planned.

        Args:
            key: The resource.
            uid: Its uid.
            plan: What should be there.

        Raises:
            ApiError: The server refuses for a reason that may pass.
            httpx2.HTTPError: The server does not answer.
        """
        conflicts: list[str] = []
        refusals: list[str] = []
        forbidden: list[str] = []
        made = False
        for child in plan.apply:
            try:
                live = self._store.children(key).get(child.key)
                if live is None:
                    live = await self._create(key, uid, child)
                if live is None:
                    made = True
                    continue
                if controller_uid(live) != uid:
                    self._memory[key].in_the_way.add(child.key)
                    conflicts.append(
                        f"{child.key.kind} {child.key.name!r} belongs to {controller_name(live)}; it is left alone: "
                        "delete or rename it"
                    )
                    continue
                await self._write_if_different(key, child, live)
            except ApiError as error:
                if error.status.code == CONFLICT:
                    await self._look_again(key, child.key)
                if error.status.code == FORBIDDEN:
                    forbidden.append(str(error.status.message))
                elif _is_invalid(error) and await self._would_fit(key, child):
                    conflicts.append(
                        f"{child.key.kind} {child.key.name!r} was edited, and what spec says no longer fits to it: "
                        f"{error.status.message}; undo that edit, or delete it, then it is made anew"
                    )
                elif _is_invalid(error):
                    refusals.append(f"{error.status.message}; it is made of {_origin(child)}: correct that")
                else:
                    raise
        for child_key in plan.delete:
            _log.info("delete child", resource=str(key), kind=child_key.kind, name=child_key.name)
            await self._cluster.delete(child_key.kind, key.namespace, child_key.name)
        return Written(tuple(conflicts), tuple(refusals), tuple(forbidden), made=made)

    async def _create(self, key: ResourceKey, uid: str, child: Child) -> Body | None:
        """Makes a child that no watch has seen; if somebody else has an object of that name, returns it."""
        kind, name = child.key.kind, child.key.name
        in_the_way = self._memory[key].in_the_way
        # What was in the way likely still is: to look writes nothing.
        live = await self._cluster.get(kind, key.namespace, name) if child.key in in_the_way else None
        if live is None:
            in_the_way.discard(child.key)
            _log.info("apply child", resource=str(key), kind=kind, name=name, new=True)
            try:
                self._remember(key, child, await self._cluster.create(kind, key.namespace, name, child.manifest))
            except ApiError as error:
                live = await self._cluster.get(kind, key.namespace, name) if error.status.code == CONFLICT else None
                if live is None:
                    raise
            else:
                return None
        if controller_uid(live) != uid:
            return live
        # The store had lost it. It tells that there is one: what it has may change the plan.
        self._store.see(kind, live)
        return None

    async def _would_fit(self, key: ResourceKey, child: Child) -> bool:
        """Whether there is a live object, and the API server would take the manifest if there were none."""
        if child.key not in self._store.children(key):
            return False
        try:
            await self._cluster.try_create(child.key.kind, key.namespace, child.manifest)
        except ApiError as error:
            if _is_invalid(error):
                return False
            raise
        return True

    async def _look_again(self, key: ResourceKey, child: ChildKey) -> None:
        """Corrects the store, which took one object for another: a deletion fell into a gap of the watch."""
        live = await self._cluster.get(child.kind, key.namespace, child.name)
        if live is None:
            self._store.drop_child(key, child)
        else:
            self._store.see_write(child.kind, live)

    async def _write_if_different(self, key: ResourceKey, child: Child, live: Body) -> None:
        memory = self._memory[key]
        if memory.manifests.get(child.key) == _digest(child.manifest) and memory.fields.get(child.key) == owned_fields(
            live
        ):
            return
        _log.info("apply child", resource=str(key), kind=child.key.kind, name=child.key.name, new=False)
        # An object of another uid was made since we looked: the server refuses, and we look again.
        metadata = {**child.manifest["metadata"], "uid": live["metadata"]["uid"]}
        manifest = {**child.manifest, "metadata": metadata}
        applied = await self._cluster.apply(child.key.kind, key.namespace, child.key.name, manifest)
        self._remember(key, child, applied)

    def _remember(self, key: ResourceKey, child: Child, applied: Body) -> None:
        self._store.see_write(child.key.kind, applied)
        memory = self._memory[key]
        memory.manifests[child.key] = _digest(child.manifest)
        memory.fields[child.key] = owned_fields(applied)


def controlled(children: Mapping[ChildKey, Body], uid: str) -> dict[ChildKey, Body]:
    """Those that a resource controls."""
    return {key: body for key, body in children.items() if controller_uid(body) == uid}


def _is_invalid(error: ApiError) -> bool:
    # A value of another type than its field's is answered as if the server were broken.
    status = error.status
    return status.code in {_INVALID, _BAD_REQUEST} or str(status.message).startswith(_WRONG_TYPE)


def _origin(child: Child) -> str:
    """The part of spec that a child is made of."""
    component = child.manifest["metadata"]["labels"].get(COMPONENT_LABEL)
    return f"spec.{component}" if component else "spec"


def _digest(manifest: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
