"""Resolves the payload cases and what the process emits, with their external identity."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from protoc_gen_process.model import Event, PayloadCase, Role
from protoc_gen_process.parse.declarations import (
    DeclaredEventFact,
    DeclaredField,
    DeclaredMessage,
    Delivery,
    FieldKind,
    Given,
)
from protoc_gen_process.proto_types import FieldPath
from protoc_gen_process.rules import Rule
from protoc_gen_process.validate.envelope import FoundEnvelope
from protoc_gen_process.validate.field_paths import NoPath, resolve
from protoc_gen_process.validate.scope import Scope, message_type

_EVENT_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*\.v[1-9][0-9]*")
_STREAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_STREAM_LIMIT = 253
"""Characters of a key in run-time configuration: that of a Kubernetes ConfigMap."""
_RUNTIME_STREAMS = frozenset({"progress", "dead-letter"})
"""Outputs of the runtime itself; subscriptions may have dead-letter outputs of their own, `dead-letter.<name>`."""

_LIBRARY = "google.protobuf."
"""Package of the messages that nobody can add options to."""

_EVENT_FACT = "(ameide_core_proto.common.v1.event_fact)"
_FACT = "(ameide_core_proto.process.v1.fact)"
_COMMAND = "(ameide_core_proto.process.v1.command)"


@dataclass(frozen=True, slots=True)
class CheckedEvents:
    """What the process takes, and what it emits."""

    cases: tuple[PayloadCase, ...]
    emitted: tuple[Event, ...]


def check_events(scope: Scope, envelope: FoundEnvelope) -> CheckedEvents:
    """Checks all payload cases, and all other events of the process's file; returns those that can be resolved."""
    cases = _cases(scope, envelope)
    case_events = {case.message.python.proto_name: case.event for case in cases}
    case_types = {field.type for field in envelope.cases}
    emitted: list[Event] = []
    for message in scope.file.messages:
        if message.full_name not in case_types:
            event = _emitted_only(scope, message)
        else:
            event = case_events.get(message.full_name)
            if message.event_fact is not None:
                _refuse_fields_without_stream(scope, message, message.event_fact)
        if event is not None and event.stream_ref is not None:
            emitted.append(event)
    _check_types_unique(scope, {event.message.python.proto_name: event for event in (*case_events.values(), *emitted)})
    return CheckedEvents(cases, tuple(emitted))


def _cases(scope: Scope, envelope: FoundEnvelope) -> tuple[PayloadCase, ...]:
    cases: list[PayloadCase] = []
    first: dict[str, DeclaredField] = {}
    for field in envelope.cases:
        if field.kind is not FieldKind.MESSAGE:
            scope.refuse(
                Rule.CASE_NOT_A_MESSAGE,
                field.place,
                f"payload case {field.name} is of type {field.shown_type}",
                "make it a message that says what happened or what is asked",
            )
            continue
        message = scope.message(field.type)
        other = first.setdefault(field.type, field)
        if other is not field:
            scope.refuse(
                Rule.CASE_TYPE_NOT_UNIQUE,
                field.place,
                f"payload cases {other.name} and {field.name} are both of type {message.name}",
                "give each case a message of its own",
            )
            continue
        case = _case(scope, field, message)
        if case is not None:
            cases.append(case)
    return tuple(cases)


def _check_types_unique(scope: Scope, events: Mapping[str, Event]) -> None:
    first: dict[str, Event] = {}
    for full_name, event in events.items():
        other = first.setdefault(event.type, event)
        if other is event:
            continue
        message = scope.message(full_name)
        given = message.event_fact.type if message.event_fact is not None else None
        scope.refuse(
            Rule.EVENT_TYPE_NOT_UNIQUE,
            given.place if given is not None else message.place,
            f"event type {event.type!r} is that of {other.message.name} too",
            f"give {event.message.name} a type of its own",
        )


def _case(scope: Scope, field: DeclaredField, message: DeclaredMessage) -> PayloadCase | None:
    role = _role(scope, message)
    if message.fact is None and message.command is None:
        lost = "" if scope.declarations.files[message.file].is_requested else " (the options of its file are lost)"
        scope.refuse(
            Rule.CASE_WITHOUT_ROLE,
            field.place,
            f"payload case {field.name} is neither a fact nor a command{lost}",
            _remedy(message, f"add option {_FACT} = {{}} or option {_COMMAND} = {{}}"),
        )
    if message.event_fact is None or message.event_fact.type is None:
        scope.refuse(
            Rule.EVENT_TYPE_MISSING,
            field.place,
            f"payload case {field.name} has no event_fact.type",
            _remedy(message, f'add option {_EVENT_FACT} = {{type: "orders.{message.name}.v1"}}'),
        )
        return None
    event = _event(scope, message, message.event_fact, message.event_fact.type, role or Role.FACT)
    return PayloadCase(field.name, event, field.docs or message.docs) if role is not None else None


def _remedy(message: DeclaredMessage, advice: str) -> str:
    if message.full_name.startswith(_LIBRARY):
        return f"wrap {message.full_name} in a message of your own: options cannot be added to it"
    return f"{advice} to {message.name}"


def _emitted_only(scope: Scope, message: DeclaredMessage) -> Event | None:
    """Returns the event that a message which is no payload case is, None where it is none."""
    declared = message.event_fact
    marked = message.fact or (message.command.place if message.command is not None else None)
    if declared is None and marked is None:
        return None
    role = _role(scope, message)
    if declared is None or declared.stream_ref is None:
        scope.refuse(
            Rule.EVENT_UNUSED,
            declared.place if declared is not None else marked or message.place,
            f"{message.name} is neither a payload case nor emitted",
            "add it to the oneof payload, name the stream that it is emitted to with event_fact.stream_ref, or remove "
            "the option",
        )
        return None
    if marked is None:
        scope.refuse(
            Rule.EVENT_WITHOUT_ROLE,
            declared.place,
            f"emitted event {message.name} is neither a fact nor a command",
            f"add option {_FACT} = {{}} or option {_COMMAND} = {{}} to {message.name}",
        )
    if declared.type is None:
        scope.refuse(
            Rule.EVENT_TYPE_MISSING,
            declared.place,
            f"emitted event {message.name} has no event_fact.type",
            f'add type: "orders.{message.name}.v1"',
        )
        return None
    return _event(scope, message, declared, declared.type, role or Role.FACT)


def _role(scope: Scope, message: DeclaredMessage) -> Role | None:
    """Returns what a message says, None where it does not say."""
    if message.command is None:
        return Role.FACT if message.fact is not None else None
    if message.fact is not None:
        scope.refuse(
            Rule.ROLES_CONTRADICT,
            message.command.place,
            f"{message.name} is marked as a fact and as a command",
            "keep the one that it is",
        )
    delivery = message.command.delivery
    if delivery is not None and delivery.value is Delivery.UPDATE:
        scope.refuse(
            Rule.DELIVERY_UNSUPPORTED,
            delivery.place,
            f"command {message.name} asks for delivery UPDATE; Workflow Updates are not supported",
            "write delivery: SIGNAL, or leave it out",
        )
    return Role.COMMAND


def _event(
    scope: Scope, message: DeclaredMessage, declared: DeclaredEventFact, event_type: Given[str], role: Role
) -> Event:
    if not _EVENT_TYPE.fullmatch(event_type.value):
        scope.refuse(
            Rule.EVENT_TYPE_INVALID,
            event_type.place,
            f"event type {event_type.value!r} is not dotted words that end in a version",
            f"write a type such as 'orders.{message.name}.v1'",
        )
    if message.file != scope.file.path:
        # How others emit a shared message is no part of this process.
        return Event(message_type(message), role, event_type.value, None, None, (), ())
    if declared.stream_ref is not None:
        _check_stream(scope, declared.stream_ref)
    if declared.schema_subject is not None and not declared.schema_subject.value.strip():
        scope.refuse(
            Rule.SCHEMA_SUBJECT_EMPTY,
            declared.schema_subject.place,
            "schema_subject is empty",
            "write what becomes the event's dataschema, or remove it",
        )
    return Event(
        message=message_type(message),
        role=role,
        type=event_type.value,
        schema_subject=declared.schema_subject.value if declared.schema_subject is not None else None,
        stream_ref=declared.stream_ref.value if declared.stream_ref is not None else None,
        partition_key=_paths(scope, message, "partition_key_fields", declared.partition_key_fields),
        idempotency_key=_paths(scope, message, "idempotency_key_fields", declared.idempotency_key_fields),
    )


def _check_stream(scope: Scope, stream: Given[str]) -> None:
    if not _STREAM.fullmatch(stream.value) or len(stream.value) > _STREAM_LIMIT:
        scope.refuse(
            Rule.STREAM_INVALID,
            stream.place,
            f"stream_ref {stream.value!r} cannot be a key of run-time configuration",
            f"write letters, digits and . _ - only, at most {_STREAM_LIMIT}",
        )
    if stream.value.partition(".")[0] in _RUNTIME_STREAMS:
        scope.refuse(
            Rule.STREAM_RESERVED,
            stream.place,
            f"stream_ref {stream.value!r} is an output of the runtime",
            "choose another name",
        )


def _refuse_fields_without_stream(scope: Scope, message: DeclaredMessage, declared: DeclaredEventFact) -> None:
    if declared.stream_ref is not None:
        return
    described = [declared.schema_subject, *declared.partition_key_fields, *declared.idempotency_key_fields]
    given = next((one for one in described if one is not None), None)
    if given is not None:
        scope.refuse(
            Rule.EVENT_FIELD_UNUSED,
            given.place,
            f"event_fact of {message.name} describes how it is emitted, but names no stream_ref, so the process does "
            "not emit it",
            "add stream_ref, or keep type alone",
        )


def _paths(
    scope: Scope, message: DeclaredMessage, option: str, given_paths: tuple[Given[str], ...]
) -> tuple[FieldPath, ...]:
    paths: list[FieldPath] = []
    for number, given in enumerate(given_paths, start=1):
        found = resolve(scope, message, given.value)
        if isinstance(found, NoPath):
            scope.refuse(
                Rule.EVENT_PATH_INVALID,
                given.place,
                f"{option} of {message.name} has {given.value!r} as entry {number}, but {found.problem}",
                found.remedy,
            )
        elif found in paths:
            scope.refuse(
                Rule.EVENT_PATH_REPEATED,
                given.place,
                f"{option} of {message.name} has {given.value!r} twice, again as entry {number}",
                "remove one of them",
            )
        else:
            paths.append(found)
    return tuple(paths)
