"""Dead letters that would come back; the rule of the ingress, which does not start with such."""

from collections.abc import Iterator, Sequence

from ameide_operator.models._shared_sources import meet, overlap
from ameide_operator.models._streams import DEAD_LETTER, Output, Subscription


def dead_letter_loops(subscriptions: Sequence[Subscription], outputs: Sequence[Output]) -> Iterator[str]:
    """Says which output of dead letters a subscription reads: each record would be one more, for ever.

    Args:
        subscriptions: Those of spec.ingress.
        outputs: Those of spec.
    """
    named = {_dead_letter(each) for each in subscriptions}
    for place, output in enumerate(outputs):
        if output.name not in named:
            continue
        for position, each in enumerate(subscriptions):
            if _reads(each, output):
                setting = "topic" if output.kind == "kafka" else "nats.subject"
                yield (
                    f"spec.outputs[{place}].{setting}: spec.ingress.subscriptions[{position}] reads it, so that each "
                    "dead letter would become another, for ever; give dead letters one that no subscription reads"
                )


def _dead_letter(subscription: Subscription) -> str | None:
    return subscription.dead_letter or (None if subscription.kind == "http" else DEAD_LETTER)


def _reads(subscription: Subscription, output: Output) -> bool:
    if subscription.kind == output.kind == "kafka":
        return subscription.topic == output.topic and meet(subscription.bootstrap_servers, output.bootstrap_servers)
    source, target = subscription.nats, output.nats
    if source is None or target is None or not meet(source.servers, target.servers):
        return False
    return any(overlap(each, target.subject) for each in (*(source.subjects or ()), *(source.partitions or ())))
