"""Where a dead letter goes back to, and as what."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ameide_process.configuration import (
    BoundSubscription,
    KafkaOutput,
    NatsOutput,
    NatsSubscription,
    OutputSettings,
    is_subject,
    subject_covers,
)
from ameide_process.nats_headers import EXPECTED_STREAM, written_as
from ameide_process.outputs import DeadLetterRecord, Headers, OutputRecord, SourcePosition
from ameide_process.redrive._fallback import NOT_BY_HTTP, Fallback

REDRIVE_PREFIX = "redrive-"
REDRIVE_ID = "redrive-id"
"""Header of a replayed message: the redrive. Other readers of the source can tell it by this and leave it out."""
REDRIVE_COUNT = "redrive-count"
"""Header of a replayed message: how often it was replayed, this time included."""

_OF_EARLIER_REDRIVES = (EXPECTED_STREAM, written_as(EXPECTED_STREAM))

LARGEST_COUNT = 1_000_000
"""A count beyond is no count of ours."""


@dataclass(frozen=True, slots=True)
class Target:
    """A source that the ingress reads."""

    subscription: str
    """Logical name."""
    source: str
    """Topic or stream."""
    subject: str = ""
    """Of the stream; empty: it is a topic."""
    stream: str = ""
    """The stream that is to take it, and no other; empty: a topic, or a stream that is filled from others."""


class Targets:
    """The sources of a process, as its present configuration binds them."""

    def __init__(
        self,
        subscriptions: Mapping[str, BoundSubscription],
        *,
        fallback: Fallback | None = None,
        taken: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Takes the subscriptions.

        Args:
            subscriptions: By logical name.
            fallback: For what has no way back of its own.
            taken: Which subjects the streams take; see `own_subjects`.
        """
        self._subscriptions = subscriptions
        self._taken = taken or {}
        fallback = fallback or Fallback()
        alone = next(iter(subscriptions)) if len(subscriptions) == 1 else ""
        self._fallback = Fallback(fallback.subscription or alone, fallback.source)

    def of(self, letter: DeadLetterRecord) -> Target | None:
        """Where a dead letter goes back to; None: that is not known, or nobody reads there any more."""
        own = self._target(letter.source.subscription, letter.source) if letter.source else None
        return own or self._target(self._fallback.subscription, None)

    def _target(self, name: str, came_from: SourcePosition | None) -> Target | None:
        """A source of a subscription: that where a message stood, or else the only one, or else that of the fallback.

        Any source of the subscription will do: the envelope says the rest.
        """
        bound = self._subscriptions.get(name)
        if bound is None or bound.settings.kind == "http":
            # Nobody reads HTTP: its producers send, and keep what is refused.
            return None
        settings = bound.settings
        named = [self._fallback.source] if came_from is None and self._fallback.source else []
        if settings.kind == "kafka":
            known = [came_from.source] if came_from is not None and came_from.source in settings.topics else []
            chosen = [*known, *named, *_only(settings.topics)]
            return Target(name, chosen[0]) if chosen else None
        known = [came_from.subject] if came_from is not None and _reads(settings, came_from) else []
        takes = self._takes(name)
        chosen = [*filter(takes, known), *named, *filter(takes, _only(_literal(settings)))]
        stream = settings.stream if name in self._taken else ""
        return Target(name, settings.stream, chosen[0], stream) if chosen else None

    def _takes(self, name: str) -> Callable[[str], bool]:
        """Says of a subject whether the stream of a subscription takes it, as far as that is known."""
        taken = self._taken.get(name)
        return lambda subject: taken is None or any(subject_covers(each, subject) for each in taken)

    def why_none(self) -> str:
        """Why there is no way for what has none of its own, and what to do, as a sentence."""
        read = ", ".join(f"{name} ({bound.settings.kind})" for name, bound in self._subscriptions.items())
        if not self._fallback.subscription:
            return f"name a subscription for them with --to; there are {read}"
        name = self._fallback.subscription
        settings = self._subscriptions[name].settings
        match settings.kind:
            case "kafka":
                return f"{name} reads the topics {', '.join(settings.topics)}: name one of them with --to-source"
            case "nats":
                filters = ", ".join(_filters(settings)) or "every subject"
                taken = f", which takes {', '.join(self._taken[name])}" if name in self._taken else ""
                return (
                    f"{name} reads {filters} of stream {settings.stream}{taken}: name a subject of it with --to-source"
                )
            case "http":
                return NOT_BY_HTTP

    def doubt(self) -> str:
        """What is doubtful about the fallback, as a sentence; empty: nothing that is known now."""
        name, source = self._fallback.subscription, self._fallback.source
        if not source or self._takes(name)(source):
            return ""
        return (
            f"the stream of {name} takes {', '.join(self._taken[name])}: {source!r} reaches it only if the server maps "
            "it to one of these, and is refused otherwise"
        )

    def output(self, target: Target) -> OutputSettings:
        """How to write to a target."""
        settings = self._subscriptions[target.subscription].settings
        match settings.kind:
            case "kafka":
                connection = settings.model_dump(include={"bootstrap_servers", "tls", "sasl"}, by_alias=True)
                return KafkaOutput.model_validate({"kind": "kafka", "topic": target.source, **connection})
            case "nats":
                connection = settings.model_dump(include={"servers", "tls", "credentials"}, by_alias=True)
                return NatsOutput.model_validate({"kind": "nats", "subject": target.subject, **connection})
            case "http":
                raise AssertionError("nothing is replayed to a subscription without a source")


def _filters(settings: NatsSubscription) -> Sequence[str]:
    return settings.subjects or settings.partitions


def _literal(settings: NatsSubscription) -> Sequence[str]:
    """What is read, if that is certain: a wildcard takes no messages."""
    filters = _filters(settings)
    return filters if all(is_subject(each) for each in filters) else []


def _reads(settings: NatsSubscription, came_from: SourcePosition) -> bool:
    """Whether a subscription still reads where a message stood."""
    filters = _filters(settings)
    if not is_subject(came_from.subject):
        return False
    if not filters:
        return came_from.source == settings.stream
    return any(subject_covers(each, came_from.subject) for each in filters)


def _only(sources: Sequence[str]) -> Sequence[str]:
    """The only one; nothing where there are more."""
    return sources if len(sources) == 1 else []


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
    headers = [
        (name, value)
        for name, value in letter.headers
        if not name.startswith(REDRIVE_PREFIX) and name not in _OF_EARLIER_REDRIVES
    ]
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
        subject=target.subject,
        stream=target.stream,
        headers=[*headers, (REDRIVE_ID, redrive_id.encode()), (REDRIVE_COUNT, str(count).encode())],
    )
