"""Where dead letters go that have no way back of their own, as somebody asks for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ameide_process.configuration import BoundSubscription, Problem, is_subject

NOT_BY_HTTP = (
    "a subscription of kind http has no stream that could be written to: send each of its dead letters again as a POST "
    "to the ingress, the record's value as body, its content-type and ce- headers as headers; or name a subscription "
    "of kind kafka or nats with --to, where the process has one"
)


@dataclass(frozen=True, slots=True)
class Fallback:
    """Where dead letters go that have no way back of their own."""

    subscription: str = ""
    """Logical name; empty: the only one, where there is one."""
    source: str = ""
    """Topic or subject; empty: the only one that the subscription reads."""

    def problems(self, subscriptions: Mapping[str, BoundSubscription]) -> Iterator[Problem]:
        """Says what is wrong with it.

        Args:
            subscriptions: By logical name.
        """
        name, source = self.subscription, self.source
        if not name and source and len(subscriptions) > 1:
            yield Problem("--to-source", source, "name its subscription too, with --to")
        elif name and name not in subscriptions:
            yield Problem("--to", name, f"known are: {', '.join(sorted(subscriptions))}")
        elif name or source:
            settings = subscriptions[name or next(iter(subscriptions))].settings
            if settings.kind == "http":
                yield Problem("--to", name, NOT_BY_HTTP)
            elif source and settings.kind == "kafka" and source not in settings.topics:
                yield Problem("--to-source", source, f"its subscription reads {', '.join(settings.topics)}")
            elif source and settings.kind == "nats" and not is_subject(source):
                yield Problem("--to-source", source, "no message has such a subject; write one without wildcards")
