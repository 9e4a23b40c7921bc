"""The durable consumer at the server: made where it is absent, and compared where it is there."""

from typing import Any, Final

from nats.aio.client import Client

from ameide_process.configuration import NatsSubscription
from ameide_process.ingress._transport import TransportError
from ameide_process.jetstream import CONSUMER_NOT_FOUND, STREAM_NOT_FOUND, JetStreamError, ask_jetstream

GROUP: Final = "ingress"
"""The one priority group of each consumer."""

_NANOSECONDS: Final = 1_000_000_000


def wanted_config(settings: NatsSubscription, consumer: str, subjects: list[str]) -> dict[str, Any]:
    """Returns the consumer's configuration as JetStream's API takes it."""
    return {
        "name": consumer,
        "durable_name": consumer,
        "description": "made by the ingress; one member at a time is pinned, which keeps the order of keys",
        "deliver_policy": "all" if settings.start_from == "earliest" else "new",
        "ack_policy": "explicit",
        "ack_wait": int(settings.ack_wait_seconds * _NANOSECONDS),
        "max_ack_pending": settings.max_ack_pending,
        "max_deliver": -1,
        "filter_subjects": subjects,
        "priority_groups": [GROUP],
        "priority_policy": "pinned_client",
        "priority_timeout": int(settings.member_timeout_seconds * _NANOSECONDS),
    }


async def ensure_consumer(client: Client, stream: str, wanted: dict[str, Any]) -> None:
    """Makes the consumer where it is absent.

    Raises:
        TransportError: The stream is absent, the consumer is there with another configuration, or the server is too
            old or refuses; the text says what to do.
    """
    name = wanted["name"]
    try:
        try:
            info = await ask_jetstream(client, f"CONSUMER.INFO.{stream}.{name}")
        except JetStreamError as error:
            if error.code != CONSUMER_NOT_FOUND:
                raise
            info = await ask_jetstream(
                client, f"CONSUMER.CREATE.{stream}.{name}", {"stream_name": stream, "config": wanted}
            )
    except JetStreamError as error:
        raise TransportError(explain(error, stream, name)) from error
    differences = _differences(wanted, info["config"])
    if "priority_policy" in differences and not info["config"].get("priority_policy"):
        raise TransportError(
            f"consumer {name} of nats stream {stream} has no pinned client; that needs NATS server 2.11 or newer, and "
            "a consumer that was made with it: delete the consumer after it has delivered everything"
        )
    if differences:
        said = "; ".join(
            f"{field} is {info['config'].get(field)!r}, wanted is {wanted[field]!r}" for field in differences
        )
        raise TransportError(
            f"consumer {name} of nats stream {stream} is there with another configuration ({said}, times in "
            f"nanoseconds): change it by `nats consumer edit {stream} {name}`, or set what it has in INGRESS_CONFIG, "
            "or name another durable"
        )


def explain(error: JetStreamError, stream: str, consumer: str) -> str:
    """Says what a refusal means, and what to do."""
    if error.code == STREAM_NOT_FOUND:
        return f"nats has no stream {stream}, or does not show it to us; create it"
    if error.code == CONSUMER_NOT_FOUND:
        return f"consumer {consumer} of nats stream {stream} is gone; it is made anew"
    return f"consumer {consumer} of nats stream {stream}: {error}"


def _differences(wanted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Fields that decide about order and loss; where a consumer began is past."""
    # The server keeps a single subject in a field of its own.
    found = {
        **found,
        "filter_subjects": sorted(found.get("filter_subjects") or filter(None, [found.get("filter_subject")])),
    }
    wanted = {**wanted, "filter_subjects": sorted(wanted["filter_subjects"])}
    checked = wanted.keys() - {"description", "deliver_policy", "name"}
    return sorted(field for field in checked if found.get(field) != wanted[field])
