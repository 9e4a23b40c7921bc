"""Subscriptions that would take each other's events; the rules of the ingress, which does not start with such."""

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations, zip_longest

from ameide_operator.models._streams import HttpEndpoint, Subscription


def shared_sources(process: str, subscriptions: Sequence[Subscription]) -> Iterator[str]:
    """Says of what two subscriptions are one reader, and of what one is two; each text names the fields.

    Args:
        process: Name of the process, which begins the names that are not set.
        subscriptions: Those of spec.ingress.
    """
    for position, each in enumerate(subscriptions):
        source = each.nats
        for wide, narrow in permutations((source and source.subjects) or (), 2):
            if _covers(wide, narrow):
                yield f"{_at(position)}.nats.subjects: {wide} has the events of {narrow} too; leave {narrow} out"
        for one, other in combinations((source and source.partitions) or (), 2):
            if overlap(one, other):
                yield f"{_at(position)}.nats.partitions: {one} and {other} share a subject; each needs its own"
    yield from _listeners(subscriptions)
    readers: dict[tuple[object, ...], list[int]] = {}
    for position, each in enumerate(subscriptions):
        earlier = readers.setdefault(_reader(process, each), [])
        for before in earlier:
            if share := _share(subscriptions[before], each):
                yield f"{_at(position)}: {_at(before)} has the same {share}; each subscription needs its own"
                break
        earlier.append(position)


def _listeners(subscriptions: Sequence[Subscription]) -> Iterator[str]:
    first: dict[int, int] = {}
    for position, each in enumerate(subscriptions):
        if each.kind != "http":
            continue
        port = (each.http or HttpEndpoint()).port
        before = first.setdefault(port, position)
        if _listening(subscriptions[before]) != _listening(each):
            yield (
                f"{_at(position)}.tls: {_at(before)} listens on port {port} too; give both the same tls and "
                "authSecretRef, or ports of their own"
            )


def _listening(subscription: Subscription) -> tuple[str, str | None] | None:
    """What holds of a whole port."""
    return (subscription.tls.mode, subscription.auth_secret_ref) if subscription.tls else None


def _reader(process: str, subscription: Subscription) -> tuple[object, ...]:
    """What the broker knows a reader by."""
    match subscription.kind:
        case "kafka":
            group = subscription.consumer_group or f"{process}.{subscription.name}"
            return "kafka", group, subscription.topic
        case "nats":
            source = subscription.nats
            durable = (source.durable if source else None) or f"{process}_{subscription.name}".replace(".", "_")
            return "nats", durable, source.stream if source else ""
        case "http":
            endpoint = subscription.http
            path = (endpoint.path if endpoint else None) or f"/events/{subscription.name}"
            return "http", path, (endpoint or HttpEndpoint()).port


def _share(one: Subscription, other: Subscription) -> str:
    """What two readers of one name share; empty: nothing, they are of different clusters."""
    match one.kind:
        case "kafka":
            return "topic and consumerGroup" if meet(one.bootstrap_servers, other.bootstrap_servers) else ""
        case "nats":
            servers = [each.nats.servers if each.nats else None for each in (one, other)]
            return "stream and durable" if meet(*servers) else ""
        case "http":
            return "path and port"


def meet(one: Sequence[str] | None, other: Sequence[str] | None) -> bool:
    """Whether two lists of servers surely mean the same cluster: both name one of its servers."""
    return not {each.lower() for each in one or ()}.isdisjoint(each.lower() for each in other or ())


def overlap(one: str, other: str) -> bool:
    """Whether some subject falls under both: `*` stands for one token, a last `>` for one or more."""
    for left, right in zip_longest(one.split("."), other.split(".")):
        if left is None or right is None:
            return False
        if ">" in (left, right):
            return True
        if left != right and "*" not in (left, right):
            return False
    return True


def _covers(wide: str, narrow: str) -> bool:
    """Whether all subjects of one fall under the other; NATS takes no consumer that has both."""
    for left, right in zip_longest(wide.split("."), narrow.split(".")):
        if left is None or right is None:
            return False
        if left == ">":
            return True
        if right == ">" or left not in ("*", right):
            return False
    return True


def _at(position: int) -> str:
    return f"spec.ingress.subscriptions[{position}]"
