"""Finds the messages that start a workflow, are its state, and are its result."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count

from protoc_gen_process.diagnostics import Place
from protoc_gen_process.model import StartVersion, WorkflowKey
from protoc_gen_process.parse.declarations import DeclaredField, DeclaredMessage, FieldKind
from protoc_gen_process.proto_types import MessageType
from protoc_gen_process.rules import Rule
from protoc_gen_process.validate.envelope import FoundEnvelope
from protoc_gen_process.validate.field_paths import not_singular
from protoc_gen_process.validate.scope import Scope, message_type

_START_NAME = re.compile(r".*StartV([1-9][0-9]*)")
_UNCLEAR_NAME = re.compile(r"(.*(?:Start|State|Result))_?(?:V|v|Ver|Version)_?([0-9]*)_?[A-Za-z]?")
"""What looks like a versioned name of a part, the right names included."""
_CLEAR_NAME = re.compile(r".*(?:Start|State|Result)V[1-9][0-9]*")

START_VERSION_FIELD = "start_version"
_VERSIONS = range(1, 2**31)
"""What every integer type of protobuf can hold."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part that at most one message plays."""

    option: str
    marker_of: Callable[[DeclaredMessage], Place | None]
    pattern: re.Pattern[str]
    """Names of messages that play it without the option."""
    ambiguous: Rule


_STATE = _Part("state", lambda message: message.state, re.compile(r".*StateV[1-9][0-9]*"), Rule.STATE_AMBIGUOUS)
_RESULT = _Part("result", lambda message: message.result, re.compile(r".*ResultV[1-9][0-9]*"), Rule.RESULT_AMBIGUOUS)


def find_starts(
    scope: Scope, envelope: FoundEnvelope, key: WorkflowKey | None, others: frozenset[str]
) -> tuple[StartVersion, ...]:
    """Returns the start messages that can be resolved, ascending by version.

    Args:
        scope: The process.
        envelope: Its envelope, of which meta shows the types of the key's fields.
        key: Its workflow key, None where that is wrong.
        others: Full names of messages that play another part, and so are not found by name.
    """
    messages = _start_messages(scope, others)
    starts: dict[int, StartVersion] = {}
    for message in messages:
        version = _version(scope, message)
        _check_version_field(scope, message)
        key_field = _key_field(scope, message, key, envelope) if key is not None else None
        _check_required(scope, message, {START_VERSION_FIELD, *_key_names(key, key_field)}, "the router")
        if version is None:
            continue
        if version in starts:
            scope.refuse(
                Rule.START_VERSION_NOT_UNIQUE,
                message.place,
                f"{starts[version].message.name} and {message.name} are both start version {version}",
                "give each start message a version of its own",
            )
            continue
        starts[version] = StartVersion(version, message_type(message), key_field)
    return tuple(starts[version] for version in sorted(starts))


def find_state(scope: Scope, others: frozenset[str]) -> MessageType | None:
    """Returns the state message, None where there is none."""
    state = _one(scope, others, _STATE)
    if state is None:
        return None
    _check_required(scope, state, set(), "a new workflow")
    return message_type(state)


def find_result(scope: Scope, others: frozenset[str]) -> MessageType | None:
    """Returns the result message, None where there is none."""
    result = _one(scope, others, _RESULT)
    return message_type(result) if result is not None else None


def check_parts(scope: Scope, envelope: FoundEnvelope) -> None:
    """Checks that no message is marked for a part when it plays another."""
    taken = {envelope.message.full_name: "the envelope", envelope.meta.full_name: "the envelope's meta"}
    taken |= {field.type: f"payload case {field.name}" for field in envelope.cases}
    for message in scope.file.messages:
        marked = {
            "a start message": message.start.place if message.start is not None else None,
            "the state": message.state,
            "the result": message.result,
        }
        parts = {part: place for part, place in marked.items() if place is not None}
        names = [taken[message.full_name]] if message.full_name in taken else []
        names += list(parts)
        if parts and len(names) > 1:
            scope.refuse(
                Rule.MESSAGE_PARTS,
                list(parts.values())[-1],
                f"{message.name} is {' and '.join(names)}",
                "use a message of its own for each",
            )


def check_part_names(scope: Scope, others: frozenset[str]) -> None:
    """Checks that no message is named nearly, and not quite, like a start message, the state or the result.

    Args:
        scope: The process.
        others: Full names of messages that play another part, and so may have any name.
    """
    taken = {message.name for message in scope.file.messages}
    for message in _unclear(scope, others).values():
        match = _UNCLEAR_NAME.fullmatch(message.name)
        if match is None:
            continue
        stem, version = match.group(1), int(match.group(2) or 0)
        names = (f"{stem}V{number}" for number in count(max(version, 1)))
        part = next(part for part in ("Start", "State", "Result") if stem.endswith(part))
        article = "a start message" if part == "Start" else f"the {part.lower()}"
        scope.refuse(
            Rule.PART_NAME_UNCLEAR,
            message.place,
            f"message {message.name} is named like {article}, but with no version from 1 on, and so is ignored",
            f"name it {next(name for name in names if name not in taken)}, or where it is none, without a version",
        )


def _unclear(scope: Scope, others: frozenset[str]) -> dict[str, DeclaredMessage]:
    """Returns the messages of unclear names by name; an option makes any name clear."""
    return {
        message.name: message
        for message in _named(scope, others, _UNCLEAR_NAME)
        if not _CLEAR_NAME.fullmatch(message.name)
        and message.start is None
        and message.state is None
        and message.result is None
    }


def _start_messages(scope: Scope, others: frozenset[str]) -> list[DeclaredMessage]:
    marked = [message for message in scope.file.messages if message.start is not None]
    named = _named(scope, others, _START_NAME)
    if not marked:
        if not named and not any("Start" in name for name in _unclear(scope, others)):
            scope.refuse(
                Rule.START_MISSING,
                scope.process.place,
                "the file has no start message",
                "add a message named *StartV1 with a uint32 start_version and the workflow key",
            )
        return named
    for message in named:
        if message.start is None:
            scope.refuse(
                Rule.START_PARTLY_MARKED,
                message.place,
                f"{message.name} is named like a start message but does not carry the start option, which "
                f"{marked[0].name} does",
                "add option (ameide_core_proto.process.v1.start) = {}, or rename it",
            )
    return marked


def _named(scope: Scope, others: frozenset[str], pattern: re.Pattern[str]) -> list[DeclaredMessage]:
    return [
        message
        for message in scope.file.messages
        if pattern.fullmatch(message.name) and message.full_name not in others
    ]


def _version(scope: Scope, message: DeclaredMessage) -> int | None:
    match = _START_NAME.fullmatch(message.name)
    named = int(match.group(1)) if match is not None else None
    given = message.start.version if message.start is not None else None
    if given is None and named is None:
        scope.refuse(
            Rule.START_VERSION_MISSING,
            message.start.place if message.start is not None else message.place,
            f"start message {message.name} has no version",
            "write option (ameide_core_proto.process.v1.start) = {version: 1}, or name it *StartV1",
        )
        return None
    version = given.value if given is not None else named
    place = given.place if given is not None else message.place
    if version not in _VERSIONS:
        scope.refuse(
            Rule.START_VERSION_RANGE,
            place,
            f"start message {message.name} has version {version}",
            f"write a version from {_VERSIONS[0]} to {_VERSIONS[-1]}",
        )
        return None
    if given is not None and named is not None and named != given.value:
        scope.refuse(
            Rule.START_VERSION_CONTRADICTS,
            place,
            f"start message {message.name} has version {given.value}",
            f"write version: {named}, or rename the message",
        )
    return version


def _check_version_field(scope: Scope, message: DeclaredMessage) -> None:
    field = message.field(START_VERSION_FIELD)
    if field is None:
        problem, place = f"start message {message.name} has no field {START_VERSION_FIELD}", message.place
    elif field.kind is not FieldKind.INTEGER or not_singular(field) is not None:
        problem, place = f"{message.name}.{START_VERSION_FIELD} is not a singular integer", field.place
    else:
        return
    scope.refuse(Rule.START_VERSION_FIELD, place, problem, f"add uint32 {START_VERSION_FIELD} to it")


def _key_field(scope: Scope, message: DeclaredMessage, key: WorkflowKey, envelope: FoundEnvelope) -> str | None:
    """Returns the field of a start message that takes the key message; None where it takes single fields."""
    if key.message is None:
        for key_field in key.fields:
            wanted = _declared_field(scope, envelope.meta, key_field.path.names[1:])
            _check_flat_key_field(scope, message, key_field.name, wanted)
        return None
    full_name = key.message.type.python.proto_name
    fields = [field for field in message.fields if field.type == full_name and not_singular(field) is None]
    if not fields:
        scope.refuse(
            Rule.START_WITHOUT_KEY,
            message.place,
            f"start message {message.name} does not carry the workflow key",
            f"add a field {key.message.type.name} {key.message.path[-1]}",
        )
        return None
    same_name = [field for field in fields if field.name == key.message.path[-1]]
    if len(fields) > 1 and not same_name:
        scope.refuse(
            Rule.START_KEY_AMBIGUOUS,
            fields[1].place,
            f"start message {message.name} has {fields[0].name} and {fields[1].name}, which both could take the "
            "workflow key",
            f"name one of them {key.message.path[-1]}",
        )
    return (same_name or fields)[0].name


def _check_flat_key_field(scope: Scope, message: DeclaredMessage, name: str, wanted: DeclaredField) -> None:
    field = message.field(name)
    if field is not None and field.type == wanted.type and not_singular(field) is None:
        return
    scope.refuse(
        Rule.START_WITHOUT_KEY,
        field.place if field is not None else message.place,
        f"start message {message.name} does not carry the workflow key {name}"
        if field is None
        else f"{message.name}.{name} is {field.shown_type}, and the workflow key of that name is {wanted.shown_type}",
        f"add a field {wanted.shown_type} {name}" if field is None else "give both the same type",
    )


def _declared_field(scope: Scope, message: DeclaredMessage, names: tuple[str, ...]) -> DeclaredField:
    """Returns the field at the end of a resolved path."""
    *through, last = names
    for name in through:
        message = scope.message(_existing(message.field(name)).type)
    return _existing(message.field(last))


def _existing(field: DeclaredField | None) -> DeclaredField:
    if field is None:
        msg = "a resolved path leads through fields that exist"
        raise LookupError(msg)
    return field


def _key_names(key: WorkflowKey | None, key_field: str | None) -> Iterable[str]:
    if key is None or key.message is not None:
        return () if key_field is None else (key_field,)
    return (field.name for field in key.fields)


def _check_required(scope: Scope, message: DeclaredMessage, filled: set[str], creator: str) -> None:
    for field in message.fields:
        if field.is_required and field.name not in filled:
            scope.refuse(
                Rule.REQUIRED_FIELD,
                field.place,
                f"{message.name}.{field.name} is required, and {creator} cannot fill it",
                "make it optional",
            )


def _one(scope: Scope, others: frozenset[str], part: _Part) -> DeclaredMessage | None:
    """Returns the message that plays a part, by its option, else by its name."""
    marked = [message for message in scope.file.messages if part.marker_of(message) is not None]
    found = marked or _named(scope, others, part.pattern)
    if len(found) > 1:
        option = f"option (ameide_core_proto.process.v1.{part.option}) = {{}}"
        scope.refuse(
            part.ambiguous,
            part.marker_of(found[1]) or found[1].place,
            f"{found[0].name} and {found[1].name} could both be the {part.option}",
            f"keep {option} on one of them" if marked else f"mark one of them with {option}",
        )
    return found[0] if found else None
