"""Dead letters that would come back: an output that is a source of the same ingress."""

from collections.abc import Iterator, Mapping, Sequence

from ameide_process.configuration._bindings import BoundSubscription, OutputSettings, SubscriptionSettings
from ameide_process.configuration._kafka import KafkaOutput, KafkaSubscription
from ameide_process.configuration._nats import NatsOutput, NatsSubscription
from ameide_process.configuration._nats_subjects import subjects_overlap
from ameide_process.configuration._problems import ProblemList
from ameide_process.configuration._servers import share_server


def add_loops(
    subscriptions: Sequence[BoundSubscription], outputs: Mapping[str, OutputSettings], problems: ProblemList
) -> None:
    """Refuses a dead-letter output that one of the subscriptions reads: each record would be one more, for ever.

    Only what the settings show is found: a cluster by one of its servers that both name, and a subject of NATS only
    where the subscription names subjects, since its stream may have any.

    Args:
        subscriptions: Their sources, and the outputs of their dead letters.
        outputs: By name.
        problems: Takes what is wrong.
    """
    for name in dict.fromkeys(each.dead_letter for each in subscriptions):
        output = outputs.get(name) if name is not None else None
        if output is None:
            continue
        setting, written = ("topic", output.topic) if isinstance(output, KafkaOutput) else ("subject", output.subject)
        for bound in subscriptions:
            for read in _read_too(bound.settings, output):
                problems.add(
                    f"OUTPUT_CONFIG {name}.{setting}",
                    written,
                    f"INGRESS_CONFIG {bound.subscription.binding_ref}.{read} is read from the same servers, so that "
                    f"each dead letter would become another, for ever; give dead letters a {setting} that no "
                    "subscription reads",
                )


def _read_too(settings: SubscriptionSettings, output: OutputSettings) -> Iterator[str]:
    """Names the settings of a subscription under which what is written to an output falls."""
    match settings, output:
        case KafkaSubscription(), KafkaOutput():
            if output.topic in settings.topics and share_server(settings.bootstrap_servers, output.bootstrap_servers):
                yield "topics"
        case NatsSubscription(), NatsOutput():
            if not share_server(settings.servers, output.servers):
                return
            for setting, subjects in (("subjects", settings.subjects), ("partitions", settings.partitions)):
                if any(subjects_overlap(each, output.subject) for each in subjects):
                    yield setting
        case _:
            pass
