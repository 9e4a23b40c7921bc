"""Which subjects NATS streams take: a message need not have been sent on the one that it is stored under."""

from collections.abc import Mapping, Sequence

from ameide_process.configuration import BoundSubscription, NatsSubscription
from ameide_process.jetstream import JetStreamError, ask_jetstream
from ameide_process.nats_connection import NatsConnectionError, close_nats, connect_nats


async def own_subjects(subscriptions: Mapping[str, BoundSubscription]) -> dict[str, Sequence[str]]:
    """Asks which subjects the streams take.

    Args:
        subscriptions: By logical name.

    Returns:
        Subjects, perhaps with wildcards, by subscription. It lacks streams that are filled from others, and those of
        which the server does not say it: if it is away, so will it be for what is replayed, which is said then.
    """
    found: dict[str, Sequence[str]] = {}
    for name, bound in subscriptions.items():
        if isinstance(bound.settings, NatsSubscription):
            subjects = await _ask(bound.settings, name)
            if subjects is not None:
                found[name] = subjects
    return found


async def _ask(settings: NatsSubscription, name: str) -> Sequence[str] | None:
    try:
        client = await connect_nats(settings, name=f"redrive {name}")
    except NatsConnectionError:
        return None
    try:
        config = (await ask_jetstream(client, f"STREAM.INFO.{settings.stream}"))["config"]
    except JetStreamError:
        return None
    finally:
        await close_nats(client)
    return None if config.get("mirror") or config.get("sources") else config.get("subjects") or []
