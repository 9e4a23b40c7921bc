"""What the operator has seen last of resources, children, pods and Secrets; filled by watches, pruned by lists."""

from collections import defaultdict
from collections.abc import Callable, Iterable, KeysView, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ameide_operator.bodies import mapping_at
from ameide_operator.kubernetes import POD, SECRET, Body
from ameide_operator.models import KIND
from ameide_operator.planning import CHILD_KINDS, RESOURCE_LABEL, ChildKey
from ameide_operator.reconciling._kept import kept
from ameide_operator.reconciling._ownership import controlling_process

_Name = tuple[str, str]
"""Namespace and name of an object."""


@dataclass(frozen=True, slots=True, order=True)
class ResourceKey:
    """Names a Process."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Listing:
    """What a list of a whole kind has: as much of each object as tells what the store has and it has not.

    Args:
        kind: The kind.
    """

    def __init__(self, kind: str) -> None:
        self.kind: Final = kind
        self._objects: dict[_Name, tuple[str | None, ResourceKey | None]] = {}

    def add(self, body: Body) -> None:
        """Takes in an object."""
        self._objects[_name(body)] = body["metadata"].get("uid"), _resource_of(self.kind, body)

    def names(self) -> KeysView[_Name]:
        """Namespaces and names."""
        return self._objects.keys()

    def resources(self) -> set[ResourceKey]:
        """The resources that the objects are, or are of."""
        return {key for _, key in self._objects.values() if key is not None}

    def has(self, body: Body, key: ResourceKey | None) -> bool:
        """Whether an object is there, is no other of its name, and is still a resource's."""
        return self._objects.get(_name(body)) == (body["metadata"].get("uid"), key)


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
        self._places: defaultdict[str, dict[_Name, ResourceKey]] = defaultdict(dict)
        """Whose each child and pod is, by kind: an event need not say so any more."""
        self._secrets: dict[_Name, str] = {}
        self._used_secrets: dict[ResourceKey, set[_Name]] = {}
        self._secret_users: defaultdict[_Name, set[ResourceKey]] = defaultdict(set)
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
        """What a resource of that name controls, or is labelled as its child and controlled by no other."""
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
        before = self._seen(kind, _name(body))
        if deleted:
            if before is not None and _is_same(before, body) and not _is_older(body, before):
                self._drop(kind, _name(body))
        elif not _is_older(body, before):
            self._put(kind, body, tell=not _same_version(before, body))

    def see_listed(self, listing: Listing, body: Body) -> None:
        """Takes in what a list has seen, and that the list has it."""
        listing.add(body)
        self.see(listing.kind, body)

    def see_write(self, kind: str, body: Body) -> None:
        """Takes in the answer to a write of our own; nobody needs to be told."""
        if not _is_older(body, self._seen(kind, _name(body))):
            self._put(kind, body, tell=False)

    def drop_child(self, key: ResourceKey, child: ChildKey) -> None:
        """Takes in that a child is not there, as its writer found out."""
        if child in self.children(key):
            self._take(child.kind, (key.namespace, child.name))

    def prune(self, listing: Listing, version: str) -> None:
        """Drops what a list of a whole kind does not have: a deletion that fell into a gap of the watch.

        Args:
            listing: What it has.
            version: State of the cluster that it shows: what was seen of a later one is none of its business.
        """
        kind = listing.kind
        if kind == SECRET:
            for secret in self._secrets.keys() - listing.names():
                del self._secrets[secret]
                self._tell_users(secret)
            return
        for name in self._known(kind):
            before = self._seen(kind, name)
            if (
                before is not None
                and not _is_after(before, version)
                and not listing.has(before, self._place(kind, name))
            ):
                self._drop(kind, name)

    def _known(self, kind: str) -> list[_Name]:
        if kind == KIND:
            return [(key.namespace, key.name) for key in self._resources]
        return list(self._places[kind])

    def _place(self, kind: str, name: _Name) -> ResourceKey | None:
        """The resource that an object is kept for; None where it is not kept."""
        if kind == KIND:
            return ResourceKey(*name) if ResourceKey(*name) in self._resources else None
        return self._places[kind].get(name)

    def _shelf(self, kind: str, key: ResourceKey, name: str) -> tuple[dict[Any, Body], Any]:
        if kind == KIND:
            return self._resources, key
        if kind == POD:
            return self._pods[key], name
        return self._children[key], ChildKey(kind, name)

    def _seen(self, kind: str, name: _Name) -> Body | None:
        """The last that was seen of an object, whosever it was."""
        key = self._place(kind, name)
        if key is None:
            return None
        shelf, place = self._shelf(kind, key, name[1])
        return shelf[place]

    def _put(self, kind: str, body: Body, *, tell: bool) -> None:
        name, key = _name(body), _resource_of(kind, body)
        if key != self._place(kind, name):
            self._drop(kind, name)
        if key is None:
            return
        shelf, place = self._shelf(kind, key, name[1])
        shelf[place] = kept(kind, body)
        if kind != KIND:
            self._places[kind][name] = key
        if tell:
            self._changed(key)

    def _drop(self, kind: str, name: _Name) -> None:
        """Takes an object out and tells whose it was."""
        key = self._take(kind, name)
        if key is not None:
            self._changed(key)

    def _take(self, kind: str, name: _Name) -> ResourceKey | None:
        key = self._place(kind, name)
        if key is not None:
            shelf, place = self._shelf(kind, key, name[1])
            del shelf[place]
            self._places[kind].pop(name, None)
        return key

    def _see_secret(self, body: Body, *, deleted: bool) -> None:
        secret = _name(body)
        version = None if deleted else body["metadata"]["resourceVersion"]
        if self._secrets.get(secret) == version:
            return
        if version is None:
            del self._secrets[secret]
        else:
            self._secrets[secret] = version
        self._tell_users(secret)

    def _tell_users(self, secret: _Name) -> None:
        for key in self._secret_users.get(secret, ()):
            self._changed(key)


def _name(body: Body) -> _Name:
    metadata = body["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _resource_of(kind: str, body: Body) -> ResourceKey | None:
    """Whose an object is: a child is its controller's, whatever its label; a pod without the label is let go."""
    namespace, name = _name(body)
    if kind == KIND:
        return ResourceKey(namespace, name)
    if kind not in CHILD_KINDS and kind != POD:
        return None
    owner = controlling_process(body) or mapping_at(body, "metadata", "labels").get(RESOURCE_LABEL)
    return ResourceKey(namespace, owner) if owner else None


def _is_same(before: Body, body: Body) -> bool:
    """Whether it is the same object, not another of its name."""
    return before["metadata"].get("uid") == body["metadata"].get("uid")


def _same_version(before: Body | None, body: Body) -> bool:
    return before is not None and before["metadata"].get("resourceVersion") == body["metadata"].get("resourceVersion")


def _is_older(body: Body, before: Body | None) -> bool:
    """Whether an event was overtaken by the answer to a write; versions of one kind are ordered numbers."""
    if before is None or not _is_same(before, body):
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
