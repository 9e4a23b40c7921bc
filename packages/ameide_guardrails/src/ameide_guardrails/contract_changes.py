"""What changed between a released contract and the present one, and which version each change needs.

The rules are those of the seed's versioning gate: messages evolve by addition, an addition raises the minor version,
and what events or running workflows are found by raises the major version. What is stored in histories, topics and
dead-letter streams cannot be taken back at all.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar, cast

from ameide_guardrails.contract import Contract

T = TypeVar("T")


class Needs(Enum):
    """What makes a change acceptable."""

    MINOR = "api_minor"
    MAJOR = "api_major"
    NEW_PACKAGE = "new package"
    """Nothing within the proto package does."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference."""

    what: str
    """A sentence without its end, names quoted."""
    needs: Needs


_IDENTITY = {
    "workflow_type": "running workflows and callers know the old one",
    "default_task_queue": "running workflows wait on the old one",
    "kind": "running workflows keep the old one",
    "reuse_policy": "closed workflows would be treated otherwise",
    "workflow_id": "events would no longer reach running workflows",
    "workflow_key": "events would no longer reach running workflows",
    "idempotency_key": "events applied before would be applied again",
    "schema_version": "producers fill the old field",
}
"""What events and workflows are found by, and what happens to those of before."""

_TUNING = ("versioning_behavior", "dedupe_window")


def changes(released: Contract, present: Contract) -> Iterator[Change]:
    """Yields what changed, field by field."""
    for name, consequence in _IDENTITY.items():
        old, new = getattr(released, name), getattr(present, name)
        if old != new:
            yield Change(f"{name} was {_shown(old)} and is {_shown(new)}: {consequence}", Needs.MAJOR)
    for name in _TUNING:
        old, new = getattr(released, name), getattr(present, name)
        if old != new:
            yield Change(f"{name} was {_shown(old)} and is {_shown(new)}", Needs.MINOR)
    yield from _parts(released, present)
    yield from _payloads(released, present)
    yield from _starts(released, present)
    yield from _activities(released, present)
    yield from _streams(released, present)
    yield from _messages(released, present)
    yield from _enums(released, present)


def _parts(released: Contract, present: Contract) -> Iterator[Change]:
    if released.envelope != present.envelope:
        yield _retyped("the envelope", released.envelope, present.envelope)
    for part in ("state", "result"):
        old, new = getattr(released, part), getattr(present, part)
        if old is None and new is not None:
            yield Change(f"a {part} message {new!r} was added", Needs.MINOR)
        elif new is None and old is not None:
            yield Change(f"the {part} message {old!r} was removed", Needs.NEW_PACKAGE)
        elif old != new:
            yield _retyped(f"the {part}", old, new)


def _payloads(released: Contract, present: Contract) -> Iterator[Change]:
    yield from _added("payload case", released.payloads, present.payloads)
    # A case is a field of the envelope too, whose removal or renaming is reported there.
    for name, (old, new) in _kept(released.payloads, present.payloads):
        if old.event_type != new.event_type:
            yield Change(
                f"the event type of payload case {name!r} was {old.event_type!r} and is {new.event_type!r}: "
                "producers send the old one",
                Needs.MAJOR,
            )
        if old.role != new.role:
            yield Change(f"payload case {name!r} was a {old.role} and is a {new.role}", Needs.MAJOR)


def _starts(released: Contract, present: Contract) -> Iterator[Change]:
    yield from _added("start version", released.starts, present.starts)
    yield from _removed("start version", released.starts, present.starts)
    for version, (old, new) in _kept(released.starts, present.starts):
        if old != new:
            yield _retyped(f"start version {version!r}", old, new)


def _activities(released: Contract, present: Contract) -> Iterator[Change]:
    yield from _added("activity", released.activities, present.activities)
    for name in released.activities.keys() - present.activities.keys():
        yield Change(f"activity {name!r} was removed: running workflows may have scheduled it", Needs.MAJOR)
    for name, (old, new) in _kept(released.activities, present.activities):
        if old.request != new.request:
            yield _retyped(f"the request of activity {name!r}", old.request, new.request)
        if old.response != new.response:
            yield _retyped(f"the response of activity {name!r}", old.response, new.response)


def _streams(released: Contract, present: Contract) -> Iterator[Change]:
    yield from _added("subscription", released.subscriptions, present.subscriptions)
    for name in released.subscriptions.keys() - present.subscriptions.keys():
        yield Change(f"subscription {name!r} was removed: its events would be left", Needs.MAJOR)
    for name, (old, new) in _kept(released.subscriptions, present.subscriptions):
        if old != new:
            yield Change(f"the binding of subscription {name!r} changed", Needs.MAJOR)
    yield from _added("emitted event", released.emits, present.emits)
    for name in released.emits.keys() - present.emits.keys():
        yield Change(f"emitted event {name!r} was removed: consumers wait for it", Needs.MAJOR)
    for name, (old, new) in _kept(released.emits, present.emits):
        if old.event_type != new.event_type:
            yield Change(
                f"the event type of emitted event {name!r} was {old.event_type!r} and is {new.event_type!r}",
                Needs.MAJOR,
            )
        if old.stream_ref != new.stream_ref:
            yield Change(
                f"the stream of emitted event {name!r} was {old.stream_ref!r} and is {new.stream_ref!r}", Needs.MAJOR
            )
        if old.partition_key != new.partition_key:
            yield Change(f"the record key of emitted event {name!r} changed: its order would break", Needs.MAJOR)
        if old.event_id != new.event_id:
            yield Change(f"the event id of emitted event {name!r} changed: repetitions would pass", Needs.MAJOR)
        if old.data_schema != new.data_schema:
            yield Change(f"the schema of emitted event {name!r} changed", Needs.MINOR)


def _messages(released: Contract, present: Contract) -> Iterator[Change]:
    # A message that nothing refers to any more is reported where the reference went.
    for message, (old, new) in _kept(released.messages, present.messages):
        yield from _members(
            f"of message {message!r}",
            "field",
            {name: declaration.rpartition(" = ")[2] for name, declaration in old.items()},
            {name: declaration.rpartition(" = ")[2] for name, declaration in new.items()},
        )
        for name, (was, now) in _kept(old, new):
            if was != now:
                yield _retyped(f"field {name!r} of message {message!r}", was, now)


def _enums(released: Contract, present: Contract) -> Iterator[Change]:
    for enum, (old, new) in _kept(released.enums, present.enums):
        yield from _members(f"of enum {enum!r}", "value", old, new)
        for name, (was, now) in _kept(old, new):
            if was != now:
                yield Change(f"value {name!r} of enum {enum!r} was {was} and is {now}", Needs.NEW_PACKAGE)


def _members(owner: str, kind: str, old: Mapping[str, str | int], new: Mapping[str, str | int]) -> Iterator[Change]:
    """Yields what was added to, renamed in and removed from a message or enum, by name and number."""
    arrivals = {number: name for name, number in new.items() if name not in old}
    for name, number in old.items():
        if name in new:
            continue
        renamed = arrivals.pop(number, None)
        if renamed is None:
            yield Change(f"{kind} {name!r} {owner} was removed", Needs.NEW_PACKAGE)
        else:
            yield Change(f"{kind} {name!r} {owner} was renamed to {renamed!r}", Needs.NEW_PACKAGE)
    for name in arrivals.values():
        yield Change(f"{kind} {name!r} {owner} was added", Needs.MINOR)


def _added(kind: str, old: Iterable[str], new: Iterable[str]) -> Iterator[Change]:
    for name in sorted(set(new) - set(old)):
        yield Change(f"{kind} {name!r} was added", Needs.MINOR)


def _removed(kind: str, old: Iterable[str], new: Iterable[str]) -> Iterator[Change]:
    for name in sorted(set(old) - set(new)):
        yield Change(f"{kind} {name!r} was removed", Needs.NEW_PACKAGE)


def _kept(old: Mapping[str, T], new: Mapping[str, T]) -> Iterator[tuple[str, tuple[T, T]]]:
    for name, value in old.items():
        if name in new:
            yield name, (value, new[name])


def _retyped(what: str, old: object, new: object) -> Change:
    return Change(f"{what} was {_shown(old)} and is {_shown(new)}", Needs.NEW_PACKAGE)


def _shown(value: object) -> str:
    return repr(", ".join(cast("list[str]", value))) if isinstance(value, list) else repr(value)
