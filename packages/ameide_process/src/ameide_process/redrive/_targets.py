"""Where a dead letter goes back to, and as what."""

from collections.abc import Mapping
from dataclasses import dataclass

from ameide_process.configuration import (
    BoundSubscription,
    KafkaOutput,
    NatsOutput,
    OutputSettings,
    SubscriptionSettings,
)
from ameide_process.outputs import DeadLetterRecord, Headers, OutputRecord

REDRIVE_PREFIX = "redrive-"
REDRIVE_ID = "redrive-id"
"""Header of a replayed message: the redrive. Other readers of the source can tell it by this and leave it out."""
REDRIVE_COUNT = "redrive-count"
"""Header of a replayed message: how often it was replayed, this time included."""

LARGEST_COUNT = 1_000_000
"""A count beyond is no count of ours."""


@dataclass(frozen=True, slots=True)
class Target:
    """A source that the ingress reads."""

    subscription: str
    """Logical name."""
    source: str
    """Topic, stream or path."""


class Targets:
    """The sources of a process, as its present configuration binds them."""

    def __init__(self, subscriptions: Mapping[str, BoundSubscription], *, fallback: str = "") -> None:
        """Takes the subscriptions.

        Args:
            subscriptions: By logical name.
            fallback: Subscription of what has no way back of its own; empty: the only one, where there is one.
        """
        self._subscriptions = subscriptions
        self._fallback = fallback or (next(iter(subscriptions)) if len(subscriptions) == 1 else "")

    def of(self, letter: DeadLetterRecord) -> Target | None:
        """Where a dead letter goes back to; None: that is not known, or nobody reads there any more."""
        own = self._target(letter.source.subscription, letter.source.source) if letter.source else None
        return own or self._target(self._fallback, "")

    def _target(self, name: str, source: str) -> Target | None:
        bound = self._subscriptions.get(name)
        sources = _sources(bound.settings) if bound else []
        if source in sources:
            return Target(name, source)
        # Any source of the subscription will do where there is one: the envelope says the rest.
        return Target(name, sources[0]) if len(sources) == 1 else None

    def output(self, target: Target) -> OutputSettings:
        """How to write to a target."""
        settings = self._subscriptions[target.subscription].settings
        match settings.kind:
            case "kafka":
                connection = settings.model_dump(include={"bootstrap_servers", "tls", "sasl"}, by_alias=True)
                return KafkaOutput.model_validate({"kind": "kafka", "topic": target.source, **connection})
            case "nats":
                connection = settings.model_dump(include={"servers", "tls", "credentials"}, by_alias=True)
                return NatsOutput.model_validate({"kind": "nats", "subject": target.source, **connection})
            case "http":
                raise AssertionError("nothing is replayed to a subscription without a source")


def _sources(settings: SubscriptionSettings) -> list[str]:
    match settings.kind:
        case "kafka":
            return settings.topics
        case "nats":
            # A wildcard takes no messages, and the subject of a dead letter is not kept.
            return [each for each in settings.subjects if not set(each) & {"*", ">"}]
        case "http":
            # Nobody reads there: its producers send, and keep what is refused.
            return []


def redrives(headers: Headers) -> int:
    """How often a message was replayed in its earlier lives."""
    for name, value in headers:
        if name == REDRIVE_COUNT and value and value.isdigit():
            return min(int(value[:7]), LARGEST_COUNT)
    return 0


def replayed(letter: DeadLetterRecord, target: Target, redrive_id: str) -> OutputRecord:
    """Makes the message anew: original key, bytes and headers, and two headers that say what it is.

    It goes to the partition that it came from: one without a key has no other way to stay behind those before it.

    Args:
        letter: The dead letter.
        target: Where it goes.
        redrive_id: Of this redrive.
    """
    headers = [(name, value) for name, value in letter.headers if not name.startswith(REDRIVE_PREFIX)]
    count = redrives(letter.headers) + 1
    came_from = letter.source
    is_home = came_from is not None and (came_from.subscription, came_from.source) == (
        target.subscription,
        target.source,
    )
    return OutputRecord(
        value=letter.value,
        key=letter.key,
        partition=came_from.partition if came_from is not None and is_home else None,
        headers=[*headers, (REDRIVE_ID, redrive_id.encode()), (REDRIVE_COUNT, str(count).encode())],
    )
