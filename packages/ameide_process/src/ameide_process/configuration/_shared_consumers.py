"""Subscriptions that would take each other's events."""

from collections.abc import Sequence
from itertools import combinations

from ameide_process.configuration._bindings import BoundSubscription
from ameide_process.configuration._kafka import KafkaSubscription
from ameide_process.configuration._nats import NatsSubscription
from ameide_process.configuration._problems import ProblemList
from ameide_process.configuration._servers import share_server


def add_shared_consumers(subscriptions: Sequence[BoundSubscription], problems: ProblemList) -> None:
    """Refuses two subscriptions that are one reader to the broker, which gives either a part of the events only.

    Args:
        subscriptions: In the order of the contract.
        problems: Takes what is wrong.
    """
    for one, other in combinations(subscriptions, 2):
        setting, what = _shared(one, other)
        if what:
            problems.add(
                f"INGRESS_CONFIG {other.subscription.binding_ref}.{setting}",
                other.group,
                f"INGRESS_CONFIG {one.subscription.binding_ref} reads {what} as {other.group} too, so that each gets a "
                f"part of the events only; give each a {setting} of its own",
            )


def _shared(one: BoundSubscription, other: BoundSubscription) -> tuple[str, str]:
    """The setting by which two subscriptions are one reader, and of what; empty: they are not."""
    if one.group != other.group:
        return "", ""
    match one.settings, other.settings:
        case KafkaSubscription() as left, KafkaSubscription() as right:
            topics = [each for each in right.topics if each in left.topics]
            if topics and share_server(left.bootstrap_servers, right.bootstrap_servers):
                return "consumerGroup", f"topic {topics[0]}"
        case NatsSubscription() as left, NatsSubscription() as right:
            if left.stream == right.stream and share_server(left.servers, right.servers):
                return "durable", f"stream {right.stream}"
        case _:
            pass
    return "", ""
