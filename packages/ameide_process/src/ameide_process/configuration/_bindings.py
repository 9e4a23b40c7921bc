"""What binds the contract's logical names to an environment: the files at INGRESS_CONFIG and OUTPUT_CONFIG.

INGRESS_CONFIG maps each subscription's `binding_ref` to its transport; OUTPUT_CONFIG maps each output name to its
transport. Both may be YAML or JSON. A further transport is one more model in the two unions below.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, TypeAlias, TypeVar

from pydantic import Discriminator, TypeAdapter, ValidationError

from ameide_process.configuration._documents import add_validation_problems, read_mapping
from ameide_process.configuration._environment import read_path
from ameide_process.configuration._http import HttpSubscription, port_conflicts
from ameide_process.configuration._kafka import SECRET_FILES, KafkaOutput, KafkaSubscription, resolve_group_instance_id
from ameide_process.configuration._nats import NatsOutput, NatsSubscription
from ameide_process.configuration._problems import ProblemList
from ameide_process.contract import ProcessContract, Subscription

DEAD_LETTER = "dead-letter"
"""Output of what can never be handled; every worker and ingress has one."""

PROGRESS = "progress"
"""Output of progress facts; without it none are emitted."""

_OUTPUT_CONFIG_ADVICE = "set it to the path of the mounted file that binds dead-letter and the other outputs"
_INGRESS_CONFIG_ADVICE = "set it to the path of the mounted file that binds the subscriptions"

SubscriptionSettings: TypeAlias = Annotated[
    KafkaSubscription | NatsSubscription | HttpSubscription, Discriminator("kind")
]
OutputSettings: TypeAlias = Annotated[KafkaOutput | NatsOutput, Discriminator("kind")]

_SUBSCRIPTION: TypeAdapter[SubscriptionSettings] = TypeAdapter(SubscriptionSettings)
_OUTPUT: TypeAdapter[OutputSettings] = TypeAdapter(OutputSettings)

SettingsT = TypeVar(
    "SettingsT", bound=KafkaSubscription | KafkaOutput | NatsSubscription | NatsOutput | HttpSubscription
)


@dataclass(frozen=True, slots=True)
class BoundSubscription:
    """A subscription of the contract with its transport."""

    subscription: Subscription
    settings: SubscriptionSettings
    group: str
    """Consumer group, or durable consumer; empty where the transport has none."""
    dead_letter: str | None
    """Output that takes what can never be handled; None: it stays with its producer."""


def read_outputs(
    contract: ProcessContract, environ: Mapping[str, str], problems: ProblemList, *, required: Iterable[str]
) -> Mapping[str, OutputSettings]:
    """Reads OUTPUT_CONFIG.

    Args:
        contract: Its streams are the names that outputs may have, beside `progress` and `dead-letter`. A name that
            begins with `dead-letter.` is one too, for subscriptions with a dead-letter output of their own.
        environ: Names the file.
        problems: Takes what is wrong.
        required: Outputs that must be bound.
    """
    path = read_path("OUTPUT_CONFIG", environ, problems, advice=_OUTPUT_CONFIG_ADVICE)
    document = read_mapping("OUTPUT_CONFIG", path, problems) if path else None
    if document is None:
        return {}
    known = {DEAD_LETTER, PROGRESS, *contract.streams}
    outputs: dict[str, OutputSettings] = {}
    for name, content in document.items():
        if name not in known and not name.startswith(f"{DEAD_LETTER}."):
            _add_unknown("OUTPUT_CONFIG", name, known, problems)
            continue
        settings = _validate("OUTPUT_CONFIG", name, content, _OUTPUT, problems)
        if settings is not None:
            outputs[name] = settings
    for name in dict.fromkeys(required):
        if name not in document:
            problems.add(f"OUTPUT_CONFIG {name}", "is missing", _output_advice(name))
    return outputs


def read_subscriptions(
    contract: ProcessContract, environ: Mapping[str, str], problems: ProblemList, *, health_port: int
) -> tuple[BoundSubscription, ...]:
    """Reads INGRESS_CONFIG: one binding for each subscription of the contract, and no other.

    Args:
        contract: Declares the subscriptions.
        environ: Names the file.
        problems: Takes what is wrong.
        health_port: PORT_HTTP, which events cannot have.
    """
    path = read_path("INGRESS_CONFIG", environ, problems, advice=_INGRESS_CONFIG_ADVICE)
    document = read_mapping("INGRESS_CONFIG", path, problems) if path else None
    if document is None:
        return ()
    bound: list[BoundSubscription] = []
    for subscription in contract.subscriptions:
        if subscription.binding_ref not in document:
            problems.add(
                f"INGRESS_CONFIG {subscription.binding_ref}",
                "is missing",
                f"bind subscription {subscription.name} to its {subscription.kind} transport",
            )
            continue
        settings = _validate(
            "INGRESS_CONFIG", subscription.binding_ref, document[subscription.binding_ref], _SUBSCRIPTION, problems
        )
        if settings is None:
            continue
        if settings.kind != subscription.kind:
            problems.add(
                f"INGRESS_CONFIG {subscription.binding_ref}.kind",
                settings.kind,
                f"the contract says {subscription.kind} of subscription {subscription.name}",
            )
            continue
        if isinstance(settings, KafkaSubscription) and settings.group_instance_id is not None:
            try:
                resolved = resolve_group_instance_id(settings.group_instance_id, environ)
            except ValueError as error:
                place = f"INGRESS_CONFIG {subscription.binding_ref}.groupInstanceId"
                problems.add(place, settings.group_instance_id, str(error))
                continue
            settings = settings.model_copy(update={"group_instance_id": resolved})
        bound.append(
            BoundSubscription(
                subscription=subscription,
                settings=settings,
                group=_group(settings, contract, subscription),
                dead_letter=settings.dead_letter,
            )
        )
    posted = [
        (each.subscription.binding_ref, each.settings) for each in bound if isinstance(each.settings, HttpSubscription)
    ]
    for place, advice in port_conflicts(posted, health_port).items():
        problems.add(f"INGRESS_CONFIG {place}", "is taken", advice)
    known = {subscription.binding_ref for subscription in contract.subscriptions}
    for name in document:
        if name not in known:
            _add_unknown("INGRESS_CONFIG", name, known, problems)
    return tuple(bound)


def _group(settings: SubscriptionSettings, contract: ProcessContract, subscription: Subscription) -> str:
    match settings:
        case KafkaSubscription():
            return settings.consumer_group or f"{contract.name}.{subscription.name}"
        case NatsSubscription():
            # NATS takes no dots in the names of consumers.
            return settings.durable or f"{contract.name}_{subscription.name}".replace(".", "_")
        case HttpSubscription():
            return ""


def _validate(
    variable: str, name: str, content: object, adapter: TypeAdapter[SettingsT], problems: ProblemList
) -> SettingsT | None:
    try:
        settings = adapter.validate_python(content)
    except ValidationError as error:
        add_validation_problems(f"{variable} {name}", error, problems)
        return None
    missing = {setting: path for setting, path in settings.files().items() if not _is_file(path)}
    for setting, path in missing.items():
        # People write the secret itself where its file is asked for.
        shown = "names no file" if setting in SECRET_FILES else str(path)
        problems.add(f"{variable} {name}.{setting}", shown, "no such file; is the Secret mounted?")
    if settings.tls is not None and not missing:
        try:
            settings.tls.context()
        except OSError as error:
            reason = getattr(error, "reason", None) or str(error)
            problems.add(f"{variable} {name}.tls", "is wrong", f"its certificates do not load: {reason}")
    return settings


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # Longer than a path may be, as a certificate is.
        return False


def _add_unknown(variable: str, name: str, known: Iterable[str], problems: ProblemList) -> None:
    close = get_close_matches(name, sorted(known), n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are: {', '.join(sorted(known)) or 'none'}"
    problems.add(f"{variable} {name}", "is not known", hint)


def _output_advice(name: str) -> str:
    if name == DEAD_LETTER or name.startswith(f"{DEAD_LETTER}."):
        return "bind it to a stream: what can never be handled goes there, so that nothing is lost"
    return "bind it to a stream: the process emits events to it"
