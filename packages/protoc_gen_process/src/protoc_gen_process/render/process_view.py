"""What templates see of a process beside its contract: names and expressions that depend on each other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from protoc_gen_process.digest import contract_digest
from protoc_gen_process.model import KeyField, Process, WorkflowKind
from protoc_gen_process.proto_types import FieldPath, MessageType, ScalarKind
from protoc_gen_process.python_names import attribute, is_plain, key_attribute
from protoc_gen_process.render.type_names import TypeNames
from protoc_gen_process.render.workflow_id_code import (
    AWKWARD_TEXT,
    ESCAPED_AWKWARD_TEXT,
    IdPart,
    id_expression,
    id_parts,
    id_text,
    sample_number,
    value_name,
)

META_NAME = "EventMeta"
"""By which the generated module `workflow` offers the meta, whatever its name is; another message may have it."""


@dataclass(frozen=True, slots=True)
class KeyFieldView:
    """A field of the generated class `Key`."""

    name: str
    annotation: str
    start_field: str
    """Field of a start message that holds it."""
    sample: str
    """Expression of a sample, depending on `variant`."""
    path: FieldPath


@dataclass(frozen=True, slots=True)
class StartField:
    """A field of the start message that the router fills, beside its version."""

    name: str
    value: str
    assignment: str
    """Statement that fills it in the variable `start`."""


def process_view(process: Process, names: TypeNames) -> Mapping[str, object]:
    """Returns the variables of the templates of a process."""

    def type_expression(message: MessageType) -> str:
        return names.expression(message.python)

    parts = id_parts(process, names)
    key_fields = [_key_field(field, names) for field in process.key.fields]
    has_activities = bool(process.activities)
    return {
        "process": process,
        "digest": contract_digest(process),
        "type": type_expression,
        "assign": assign,
        "imports": "\n".join(names.imports),
        "indirect": names.indirect,
        "transaction": process.policies.kind is WorkflowKind.TRANSACTION,
        "result": "Result" if process.result is not None else "None",
        "registered": [f"registered.{activity.method}" for activity in process.activities],
        "calls": f"{process.class_name}ActivityCalls" if has_activities else "ActivityCalls",
        "exports": _exports(process, type_expression, names),
        "aliases_meta": META_NAME not in names.locals,
        "start_types": [type_expression(start.message) for start in process.starts],
        "payload_types": [type_expression(case.message) for case in process.envelope.cases],
        "emitted_types": [type_expression(event.message) for event in process.emitted],
        "key_fields": key_fields,
        "start_fields": _start_fields(process, key_fields),
        "key_assignments": _key_assignments(process, key_fields),
        "streams": sorted({event.stream_ref for event in process.emitted if event.stream_ref is not None}),
        "keys_outside_id": [
            path
            for path in process.key.paths
            if path not in process.workflow_id.paths and path != process.envelope.idempotency_key
        ],
        "id_parts": parts,
        "id_expression": id_expression(process, parts),
        "sample_id": _sample_id(process, parts),
        "awkward_text": AWKWARD_TEXT,
    }


def assign(root: str, names: Sequence[str], value: str, *, is_message: bool = False) -> str:
    """Returns the statement that sets a field, keyword-safe.

    Args:
        root: Expression of the message that the path starts in.
        names: The path.
        value: Expression of the value.
        is_message: Whether the field is a message, which is copied.
    """
    for name in names[:-1]:
        root = attribute(root, name)
    if is_message:
        return f"{attribute(root, names[-1])}.CopyFrom({value})"
    if is_plain(names[-1]):
        return f"{root}.{names[-1]} = {value}"
    return f'setattr({root}, "{names[-1]}", {value})'


def _exports(process: Process, type_expression: Callable[[MessageType], str], types: TypeNames) -> list[str]:
    """Returns what the generated module `workflow` offers, in the order of ruff's RUF022: constants first."""
    names = {"DEFINITION", "Key", f"{process.class_name}Process", "Start", "State"}
    if process.result is not None:
        names.add("Result")
    meta = type_expression(process.envelope.meta)
    if "." not in meta:
        names.add(meta)
    if META_NAME not in types.locals:
        names.add(META_NAME)
    return sorted(names, key=lambda name: (0 if name.isupper() else 1 if name[0].isupper() else 2, name))


def _key_field(field: KeyField, names: TypeNames) -> KeyFieldView:
    path = field.path
    match path.kind:
        case ScalarKind.STRING:
            annotation, sample = "str", f'f"{path.name}-{{variant}}"'
        case ScalarKind.INTEGER:
            annotation, sample = "int", "variant"
        case ScalarKind.ENUM:
            annotation, sample = _enum_field(path, names)
        case _:
            assert_never(path.kind)
    return KeyFieldView(key_attribute(field.name), annotation, field.name, sample, path)


def _enum_field(path: FieldPath, names: TypeNames) -> tuple[str, str]:
    if path.enum is None:
        msg = f"enum field {path.dotted} has no enum"
        raise LookupError(msg)
    enum = names.expression(path.enum.python)
    annotation = f"{enum}.ValueType" if path.enum.python.is_plain else "int"
    return annotation, f'{enum}.Value("{value_name(path, sample_number(path))}")'


def _start_fields(process: Process, key_fields: Sequence[KeyFieldView]) -> list[StartField]:
    key, name = process.key.message, process.latest_start.key_field
    if key is not None and name is not None:
        value = key.expression("event")
        return [StartField(name, value, assign("start", [name], value, is_message=True))]
    return [
        StartField(field.start_field, value, assign("start", [field.start_field], value))
        for field in key_fields
        for value in [field.path.expression("event")]
    ]


def _key_assignments(process: Process, key_fields: Sequence[KeyFieldView]) -> list[str]:
    """Returns the statements that put the key into the envelope of a test."""
    if process.key.message is not None:
        return [assign("envelope", process.key.message.path, "key", is_message=True)]
    return [
        assign("envelope", field.path.names, f"key.{field.name}")
        for field in key_fields
        if field.path != process.envelope.idempotency_key
    ]


def _sample_id(process: Process, parts: Sequence[IdPart]) -> Callable[..., str]:
    def sample_id(awkward: IdPart | None = None) -> str:
        """Returns the id of the samples, one of them replaced by the awkward text."""
        return id_text(
            process, {part.path: ESCAPED_AWKWARD_TEXT if part is awkward else part.sample_text for part in parts}
        )

    return sample_id
