"""Finds what identifies a message: the fields of the envelope's meta that carry markers."""

from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from protoc_gen_process.model import KeyField, KeyMessage, WorkflowKey, WorkflowKind
from protoc_gen_process.parse.declarations import DeclaredField, DeclaredMarkers, DeclaredMessage, FieldKind, Given
from protoc_gen_process.proto_types import FieldPath, ScalarKind
from protoc_gen_process.python_names import key_attribute
from protoc_gen_process.rules import Rule
from protoc_gen_process.validate.envelope import META, FoundEnvelope
from protoc_gen_process.validate.field_paths import field_path, not_singular
from protoc_gen_process.validate.scope import Scope, message_type


@dataclass(frozen=True, slots=True)
class MarkedField:
    """A field inside of meta that carries markers."""

    names: tuple[str, ...]
    """Path in the envelope."""
    owner: DeclaredMessage
    field: DeclaredField
    markers: DeclaredMarkers

    @property
    def dotted(self) -> str:
        """The path as a developer writes it."""
        return ".".join(self.names)

    @property
    def element(self) -> str:
        """Full name of the field, which several paths may reach."""
        return f"{self.owner.full_name}.{self.field.name}"


@dataclass(frozen=True, slots=True)
class Markers:
    """What identifies a message; None where it is missing or wrong."""

    idempotency_key: FieldPath | None
    schema_version: FieldPath | None
    key: WorkflowKey | None


def check_markers(scope: Scope, envelope: FoundEnvelope, kind: WorkflowKind) -> Markers:
    """Checks all markers of the process's file, and of the messages that its meta is made of."""
    marked = list(_marked_fields(scope, envelope.meta, (META,), ()))
    by_element = {found.element: found for found in marked}
    _refuse_unread(scope, by_element.keys())
    for found in by_element.values():
        _check_combination(scope, found, kind)
    return Markers(
        idempotency_key=_idempotency_key(scope, envelope, marked),
        schema_version=_schema_version(scope, envelope, marked),
        key=_workflow_key(scope, envelope, marked),
    )


def _marked_fields(
    scope: Scope, message: DeclaredMessage, prefix: tuple[str, ...], around: tuple[str, ...]
) -> Iterator[MarkedField]:
    """Yields the marked fields of a message and of the messages in it, in field order, each path once.

    Args:
        scope: The process.
        message: Where to look.
        prefix: Path of the message in the envelope.
        around: Full names of the messages that it is in: a recursive message is entered once.
    """
    for field in message.fields:
        names = (*prefix, field.name)
        if field.markers is not None:
            yield MarkedField(names, message, field, field.markers)
        if field.kind is FieldKind.MESSAGE and not_singular(field) is None and field.type not in around:
            yield from _marked_fields(scope, scope.message(field.type), names, (*around, message.full_name))


def _refuse_unread(scope: Scope, read: AbstractSet[str]) -> None:
    for message in scope.file.messages:
        for field in message.fields:
            if field.markers is not None and f"{message.full_name}.{field.name}" not in read:
                scope.refuse(
                    Rule.MARKER_OUTSIDE_META,
                    field.markers.place,
                    f"markers of {message.name}.{field.name} are not read: the field is not inside of the envelope's "
                    "meta, or only through a repeated field or a oneof",
                    "remove them, or move the field into meta",
                )


def _check_combination(scope: Scope, found: MarkedField, kind: WorkflowKind) -> None:
    markers = found.markers
    given = {
        "workflow_key": markers.workflow_key,
        "idempotency_key": markers.idempotency_key,
        "schema_version": markers.schema_version,
    }
    names = [name for name, marker in given.items() if marker is not None and marker.value]
    if not names or any(marker is not None and not marker.value for marker in given.values()):
        scope.refuse(
            Rule.MARKER_WITHOUT_EFFECT,
            markers.place,
            f"markers of {found.dotted} say that it is not something, which has no effect",
            "write only markers that are true",
        )
    if len(names) < 2:
        return
    if "schema_version" in names:
        scope.refuse(
            Rule.MARKERS_CONTRADICT,
            markers.place,
            f"{found.dotted} is marked as {' and '.join(names)}",
            "use one field for each",
        )
    elif kind is WorkflowKind.ENTITY:
        scope.refuse(
            Rule.MARKERS_CONTRADICT,
            markers.place,
            f"{found.dotted} is marked as {' and '.join(names)}, so each message would have a workflow of its own",
            "use one field for each, or write kind: TRANSACTION",
        )


def _is(marker: Given[bool] | None) -> bool:
    return marker is not None and marker.value


def _idempotency_key(scope: Scope, envelope: FoundEnvelope, marked: list[MarkedField]) -> FieldPath | None:
    found = [candidate for candidate in marked if _is(candidate.markers.idempotency_key)]
    if not found:
        scope.refuse(
            Rule.IDEMPOTENCY_KEY_MISSING,
            envelope.meta.place,
            f"no field of {envelope.meta.name} is the idempotency key",
            "mark the string field that names a message with (ameide_core_proto.process.v1.markers) = "
            "{idempotency_key: true}",
        )
        return None
    if len(found) > 1:
        scope.refuse(
            Rule.IDEMPOTENCY_KEY_AMBIGUOUS,
            found[1].markers.place,
            f"{found[0].dotted} and {found[1].dotted} are both the idempotency key",
            "mark one field, and reach it in one way",
        )
        return None
    path = field_path(scope, found[0].names, found[0].field)
    if path is None or path.kind is not ScalarKind.STRING:
        scope.refuse(
            Rule.IDEMPOTENCY_KEY_TYPE,
            found[0].markers.place,
            f"idempotency key {found[0].dotted} is {_shown(found[0].field)}",
            "mark a singular string outside of a oneof",
        )
        return None
    return path


def _schema_version(scope: Scope, envelope: FoundEnvelope, marked: list[MarkedField]) -> FieldPath | None:
    found = [candidate for candidate in marked if _is(candidate.markers.schema_version)]
    if not found:
        scope.refuse(
            Rule.SCHEMA_VERSION_MISSING,
            envelope.meta.place,
            f"no field of {envelope.meta.name} is the schema version",
            "mark an unsigned integer field with (ameide_core_proto.process.v1.markers) = {schema_version: true}",
        )
        return None
    if len(found) > 1:
        scope.refuse(
            Rule.SCHEMA_VERSION_AMBIGUOUS,
            found[1].markers.place,
            f"{found[0].dotted} and {found[1].dotted} are both the schema version",
            "mark one field, and reach it in one way",
        )
        return None
    field = found[0].field
    path = field_path(scope, found[0].names, field)
    if path is None or field.type not in {"uint32", "uint64", "fixed32", "fixed64"}:
        scope.refuse(
            Rule.SCHEMA_VERSION_TYPE,
            found[0].markers.place,
            f"schema version {found[0].dotted} is {_shown(field)}",
            "mark a singular unsigned integer, such as a uint32, outside of a oneof",
        )
        return None
    return path


def _workflow_key(scope: Scope, envelope: FoundEnvelope, marked: list[MarkedField]) -> WorkflowKey | None:
    found = [candidate for candidate in marked if _is(candidate.markers.workflow_key)]
    if not found:
        scope.refuse(
            Rule.WORKFLOW_KEY_MISSING,
            envelope.meta.place,
            f"no field of {envelope.meta.name} is a workflow key",
            "mark the fields that name what the workflow is about with (ameide_core_proto.process.v1.markers) = "
            "{workflow_key: true}",
        )
        return None
    if not _reached_once(scope, found):
        return None
    paths: list[FieldPath] = []
    for candidate in found:
        path = field_path(scope, candidate.names, candidate.field)
        if path is None:
            scope.refuse(
                Rule.WORKFLOW_KEY_TYPE,
                candidate.markers.place,
                f"workflow key {candidate.dotted} is {_shown(candidate.field)}",
                "mark a singular string, integer or enum outside of a oneof",
            )
        elif path.enum is not None and not path.has_presence and not any(number for _, number in path.enum.values):
            scope.refuse(
                Rule.WORKFLOW_KEY_TYPE,
                candidate.markers.place,
                f"workflow key {candidate.dotted} is of enum {path.enum.python.name}, of which every value is zero, "
                "and so can never be told from unset",
                "add a value, or make the field optional",
            )
        else:
            paths.append(path)
    if len(paths) < len(found):
        return None
    fields = tuple(KeyField(name, path) for name, path in zip(_names(paths), paths, strict=True))
    key = WorkflowKey(fields, _key_message(scope, envelope, paths))
    return key if key.message is not None or _names_differ(scope, found, key) else None


def _reached_once(scope: Scope, found: list[MarkedField]) -> bool:
    first: dict[str, MarkedField] = {}
    for candidate in found:
        other = first.setdefault(candidate.element, candidate)
        if other is not candidate:
            scope.refuse(
                Rule.WORKFLOW_KEY_AMBIGUOUS,
                candidate.markers.place,
                f"workflow key {candidate.owner.name}.{candidate.field.name} is reached as {other.dotted} and as "
                f"{candidate.dotted}, so both would be part of the key",
                "use a message without workflow keys for the one that is not",
            )
            return False
    return True


def _key_message(scope: Scope, envelope: FoundEnvelope, paths: list[FieldPath]) -> KeyMessage | None:
    """Returns the innermost message below meta that holds all key fields."""
    common = paths[0].names[:-1]
    for path in paths:
        while path.names[: len(common)] != common:
            common = common[:-1]
    if common == (META,):
        return None
    message = envelope.meta
    for name in common[1:]:
        field = message.field(name)
        if field is None:
            return None
        message = scope.message(field.type)
    return KeyMessage(message_type(message), common)


def _names(paths: list[FieldPath]) -> list[str]:
    """Returns a name for each key field: its own, or its path below meta where another field has the same."""
    own = Counter(path.name for path in paths)
    return [path.name if own[path.name] == 1 else "_".join(path.names[1:]) for path in paths]


def _names_differ(scope: Scope, found: list[MarkedField], key: WorkflowKey) -> bool:
    first: dict[str, MarkedField] = {}
    for candidate, field in zip(found, key.fields, strict=True):
        other = first.setdefault(key_attribute(field.name), candidate)
        if other is not candidate:
            scope.refuse(
                Rule.WORKFLOW_KEY_NAMES,
                candidate.markers.place,
                f"workflow keys {other.dotted} and {candidate.dotted} are both named {field.name}",
                "rename one of them, or put all key fields into one message",
            )
            return False
    return True


def _shown(field: DeclaredField) -> str:
    problem = not_singular(field)
    return problem.removeprefix(f"{field.name} is ") if problem is not None else f"of type {field.shown_type}"
