"""The durable consumer at the server: made where it is absent, and compared where it is there."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from nats.aio.client import Client

from ameide_process.configuration import NatsSubscription
from ameide_process.ingress._transport import TransportError
from ameide_process.ingress.nats._ended import Known
from ameide_process.jetstream import (
    CONSUMER_EXISTS,
    CONSUMER_NOT_FOUND,
    STREAM_NOT_FOUND,
    JetStreamError,
    ask_jetstream,
)

GROUP: Final = "ingress"
"""The one priority group of each consumer."""

OTHERS_SECONDS: Final = 6.0
"""What members that run get to make a consumer anew that somebody deleted, before one that has just started and knows
nothing of it does: the one that reads it notices within 2 s, one that stands by within 4 s."""

_LOOK_SECONDS: Final = 0.5
"""Between two looks meanwhile."""

_NANOSECONDS: Final = 1_000_000_000

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ensured:
    """What became of a consumer."""

    began: str
    """Where it begins, for people, if it was known and we made it anew; else empty."""
    void: bool
    """Whether what was known of an earlier one is void; see `Known.see`."""


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


async def ensure_consumer(
    client: Client,
    stream: str,
    wanted: dict[str, Any],
    known: Known,
    *,
    waiting: Callable[[str], None] | None = None,
) -> Ensured:
    """Makes the consumer where it is absent; where an earlier one is known, it goes on where that was.

    Args:
        client: Connected.
        stream: Name of the stream.
        wanted: Its configuration, with the start for a consumer of which nothing is known.
        known: Of the consumer; brought up to date.
        waiting: Told why it takes long; None: nobody asks.

    Raises:
        TransportError: The stream is absent, the consumer is there with another configuration, or the server is too
            old or refuses; the text says what to do.
    """
    name = wanted["name"]
    began = ""
    try:
        try:
            info = await ask_jetstream(client, f"CONSUMER.INFO.{stream}.{name}")
        except JetStreamError as error:
            if error.code != CONSUMER_NOT_FOUND:
                raise
            info, began = await _create(client, stream, wanted, known, waiting)
        void = await see_consumer(client, stream, info, known)
    except JetStreamError as error:
        raise TransportError(
            explain(error, stream, name), may_lose=error.code in {STREAM_NOT_FOUND, CONSUMER_NOT_FOUND}
        ) from error
    _compare(stream, wanted, info)
    return Ensured(began, void)


async def see_consumer(client: Client, stream: str, info: dict[str, Any], known: Known) -> bool:
    """Brings what is known up to date, and says whether what was known is void; see `Known.see`.

    Raises:
        JetStreamError: The stream went.
    """
    if known.is_of(info):
        return known.see(info)
    # Whoever may not see the stream reads it all the same; only a consumer that goes is made anew as configured.
    return known.see(info, await _stream_of(client, stream))


async def _create(
    client: Client, stream: str, wanted: dict[str, Any], known: Known, waiting: Callable[[str], None] | None
) -> tuple[dict[str, Any], str]:
    name = wanted["name"]
    if known.ended is not None:
        beginning = known.beginning(await ask_jetstream(client, f"STREAM.INFO.{stream}"))
    elif known.consumer:
        beginning = {}
    else:
        there_is = await _stream_of(client, stream)
        if there_is is None or there_is["state"]["last_seq"]:
            if waiting is not None:
                waiting(f"nats stream {stream} has no consumer {name}; a member that read it gets {OTHERS_SECONDS:g} s")
            if (made := await _made_by_others(client, stream, name)) is not None:
                return made, ""
        beginning = known.first_beginning(wanted, there_is) if there_is is not None else {}
    question = {"stream_name": stream, "config": {**wanted, **beginning}, "action": "create"}
    try:
        info = await ask_jetstream(client, f"CONSUMER.CREATE.{stream}.{name}", question)
    except JetStreamError as error:
        if error.code != CONSUMER_EXISTS:
            raise
        # Another member was faster, and decided where it begins.
        return await ask_jetstream(client, f"CONSUMER.INFO.{stream}.{name}"), ""
    if known.ended is None:
        return info, "it is made anew as configured" if known.consumer else ""
    start = beginning.get("opt_start_seq")
    if start is None:
        _logger.warning("consumer made anew", stream=stream, consumer=name, sequence=1, reason="the stream is new")
        return info, "so was its stream; the new one is read from its beginning"
    _logger.warning("consumer made anew", stream=stream, consumer=name, sequence=start, reason="it was deleted")
    return info, f"it is made anew and goes on from sequence {start}, the first not known to be acknowledged"


async def _stream_of(client: Client, stream: str) -> dict[str, Any] | None:
    """What the server says of a stream; None where we may not see it."""
    try:
        return await ask_jetstream(client, f"STREAM.INFO.{stream}")
    except JetStreamError as error:
        if error.code == STREAM_NOT_FOUND:
            raise
        return None


async def _made_by_others(client: Client, stream: str, name: str) -> dict[str, Any] | None:
    """Waits for members that know where the consumer was; None where none makes it."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(OTHERS_SECONDS):
            while True:
                await asyncio.sleep(_LOOK_SECONDS)
                try:
                    return await ask_jetstream(client, f"CONSUMER.INFO.{stream}.{name}")
                except JetStreamError as error:
                    if error.code != CONSUMER_NOT_FOUND:
                        raise
    return None


def _compare(stream: str, wanted: dict[str, Any], info: dict[str, Any]) -> None:
    name = wanted["name"]
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
        return f"consumer {consumer} of nats stream {stream} is gone"
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
