"""Finds the envelope: the one message with `meta` and `oneof payload`."""

from dataclasses import dataclass

from protoc_gen_process.parse.declarations import DeclaredField, DeclaredMessage, FieldKind
from protoc_gen_process.rules import Rule
from protoc_gen_process.validate.field_paths import not_singular
from protoc_gen_process.validate.scope import Scope

META = "meta"
PAYLOAD = "payload"


@dataclass(frozen=True, slots=True)
class FoundEnvelope:
    """The envelope and its parts, as declared."""

    message: DeclaredMessage
    meta: DeclaredMessage
    cases: tuple[DeclaredField, ...]


def find_envelope(scope: Scope) -> FoundEnvelope | None:
    """Returns the envelope of the process's file; None where it is missing or ambiguous."""
    with_payload = [message for message in scope.file.messages if PAYLOAD in message.oneofs]
    candidates = [message for message in with_payload if message.field(META) is not None]
    if len(candidates) > 1:
        names = " and ".join(message.name for message in candidates)
        scope.refuse(
            Rule.ENVELOPE_AMBIGUOUS,
            candidates[1].place,
            f"{names} both have a field meta and a oneof payload, so either could be the envelope",
            "rename the oneof of the message that is not",
        )
        return None
    if candidates:
        return _with_meta(scope, candidates[0])
    if with_payload:
        scope.refuse(
            Rule.META_MISSING,
            with_payload[0].place,
            f"envelope {with_payload[0].name} has no field meta",
            "add a message field meta that carries the keys and the schema version",
        )
    else:
        scope.refuse(
            Rule.ENVELOPE_MISSING,
            scope.process.place,
            "the file has no envelope",
            "add a message with a field meta and a oneof payload of the facts and commands that the process takes",
        )
    return None


def _with_meta(scope: Scope, message: DeclaredMessage) -> FoundEnvelope | None:
    meta = message.field(META)
    if meta is None:
        return None
    problem = not_singular(meta)
    if problem is None and meta.kind is not FieldKind.MESSAGE:
        problem = f"meta is of type {meta.shown_type}"
    if problem is not None:
        scope.refuse(
            Rule.META_INVALID,
            meta.place,
            f"in envelope {message.name}, {problem}",
            "make meta a singular message field outside of the payload",
        )
        return None
    cases = tuple(field for field in message.fields if field.oneof == PAYLOAD)
    return FoundEnvelope(message, scope.message(meta.type), cases)
