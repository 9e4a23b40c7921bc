"""What the operator has seen last of resources, children, pods and Secrets; filled by watches, pruned by lists."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ameide_operator.bodies import mapping_at
from ameide_operator.kubernetes import POD, SECRET, Body
from ameide_operator.models import KIND
from ameide_operator.planning import CHILD_KINDS, RESOURCE_LABEL, ChildKey
from ameide_operator.reconciling._kept import kept


@dataclass(frozen=True, slots=True, order=True)
class ResourceKey:
    """Names a Process."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Store:
    """The last that was seen, and who must be told when it changes.

    Args:
        changed: Called with each resource that a change concerns.
    """

    def __init__(self, changed: Callable[[ResourceKey], None]) -> None:
        self._changed = changed
        self._resources: dict[ResourceKey, Body] = {}
        self._children: defaultdict[ResourceKey, dict[ChildKey, Body]] = defaultdict(dict)
        self._pods: defaultdict[ResourceKey, dict[str, Body]] = defaultdict(dict)
        self._secrets: dict[tuple[str, str], str] = {}
        self._used_secrets: dict[ResourceKey, set[tuple[str, str]]] = {}
        self._secret_users: defaultdict[tuple[str, str], set[ResourceKey]] = defaultdict(set)
        self.service_monitors = False
        """Whether the cluster has that API."""

    def resource(self, key: ResourceKey) -> Body | None:
        """A Process, None where there is none."""
        return self._resources.get(key)

    def resources(self) -> Iterable[ResourceKey]:
        """All of them."""
        return list(self._resources)

    def bodies(self) -> Iterable[Body]:
        """All of them, as they were seen last."""
        return self._resources.values()

    def children(self, key: ResourceKey) -> Mapping[ChildKey, Body]:
        """What is labelled as a child of a resource; it need not be one."""
        return self._children.get(key, {})

    def pods(self, key: ResourceKey) -> list[Body]:
        """Pods that are labelled as a resource's, by name."""
        return [body for _, body in sorted(self._pods.get(key, {}).items())]

    def secret_version(self, namespace: str, name: str) -> str | None:
        """ResourceVersion of a Secret, None where there is none."""
        return self._secrets.get((namespace, name))

    def use_secrets(self, key: ResourceKey, names: Iterable[str]) -> None:
        """Says which Secrets concern a resource from now on."""
        wanted = {(key.namespace, name) for name in names}
        for secret in self._used_secrets.pop(key, set()) - wanted:
            self._secret_users[secret].discard(key)
            if not self._secret_users[secret]:
                del self._secret_users[secret]
        for secret in wanted:
            self._secret_users[secret].add(key)
        if wanted:
            self._used_secrets[key] = wanted

    def forget(self, key: ResourceKey) -> None:
        """Drops what is kept beside the watches' own."""
        self.use_secrets(key, ())

    def see(self, kind: str, body: Body, *, deleted: bool = False) -> None:
        """Takes in what a watch, a list or a write has seen."""
        if kind == SECRET:
            self._see_secret(body, deleted=deleted)
            return
        key = _resource_of(kind, body)
        if key is None:
            return
        shelf, place = self._place(kind, key, body["metadata"]["name"])
        before = shelf.get(place)
        if deleted:
            shelf.pop(place, None)
            if before is None:
                return
        elif _is_older(body, before):
            return
        else:
            shelf[place] = kept(kind, body)
        if deleted or not _same_version(before, body):
            self._changed(key)

    def see_write(self, kind: str, body: Body) -> None:
        """Takes in the answer to a write of our own; nobody needs to be told."""
        key = _resource_of(kind, body)
        if key is not None:
            shelf, place = self._place(kind, key, body["metadata"]["name"])
            if not _is_older(body, shelf.get(place)):
                shelf[place] = kept(kind, body)

    def drop_child(self, key: ResourceKey, child: ChildKey) -> None:
        """Takes in that a child is not there, as its writer found out."""
        self._children[key].pop(child, None)

    def prune(self, kind: str, present: Iterable[Body], version: str) -> None:
        """Drops what a list of a whole kind does not have: a deletion that fell into a gap of the watch.

        Args:
            kind: The kind.
            present: What the list has.
            version: State of the cluster that the list shows: what was seen of a later one is none of its business.
        """
        names = {(body["metadata"].get("namespace", ""), body["metadata"]["name"]) for body in present}
        if kind == SECRET:
            for secret in [secret for secret in self._secrets if secret not in names]:
                del self._secrets[secret]
                self._tell_users(secret)
            return
        for key, name in self._known(kind):
            if (key.namespace, name) not in names:
                shelf, place = self._place(kind, key, name)
                if place in shelf and not _is_after(shelf[place], version):
                    del shelf[place]
                    self._changed(key)

    def _known(self, kind: str) -> list[tuple[ResourceKey, str]]:
        if kind == KIND:
            return [(key, key.name) for key in self._resources]
        if kind == POD:
            return [(key, name) for key, pods in self._pods.items() for name in pods]
        return [
            (key, child.name) for key, children in self._children.items() for child in children if child.kind == kind
        ]

    def _place(self, kind: str, key: ResourceKey, name: str) -> tuple[dict[Any, Body], Any]:
        if kind == KIND:
            return self._resources, key
        if kind == POD:
            return self._pods[key], name
        return self._children[key], ChildKey(kind, name)

    def _see_secret(self, body: Body, *, deleted: bool) -> None:
        metadata = body["metadata"]
        secret = (metadata["namespace"], metadata["name"])
        version = None if deleted else metadata["resourceVersion"]
        if self._secrets.get(secret) == version:
            return
        if version is None:
            del self._secrets[secret]
        else:
            self._secrets[secret] = version
        self._tell_users(secret)

    def _tell_users(self, secret: tuple[str, str]) -> None:
        for key in self._secret_users.get(secret, ()):
            self._changed(key)


def _resource_of(kind: str, body: Body) -> ResourceKey | None:
    metadata = body["metadata"]
    if kind == KIND:
        return ResourceKey(metadata["namespace"], metadata["name"])
    if kind not in CHILD_KINDS and kind != POD:
        return None
    owner = mapping_at(metadata, "labels").get(RESOURCE_LABEL)
    return ResourceKey(metadata["namespace"], owner) if owner else None


def _same_version(before: Body | None, body: Body) -> bool:
    return before is not None and before["metadata"].get("resourceVersion") == body["metadata"].get("resourceVersion")


def _is_older(body: Body, before: Body | None) -> bool:
    """Whether an event was overtaken by the answer to a write; versions of one kind are ordered numbers."""
    if before is None or before["metadata"].get("uid") != body["metadata"].get("uid"):
        return False
    try:
        return int(body["metadata"]["resourceVersion"]) < int(before["metadata"]["resourceVersion"])
    except (KeyError, ValueError):
        return False


def _is_after(body: Body, version: str) -> bool:
    """Whether an object is of a later state of the cluster; its states are ordered numbers."""
    try:
        return int(body["metadata"]["resourceVersion"]) > int(version)
    except (KeyError, ValueError):
        return False
