"""Code that makes a workflow id of an envelope, and the samples that its generated tests use."""

import builtins
import keyword
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never
from urllib.parse import quote

from protoc_gen_process.model import Literal, Placeholder, Process
from protoc_gen_process.proto_types import FieldPath, ScalarKind
from protoc_gen_process.python_names import snake_case
from protoc_gen_process.render.type_names import TypeNames

_TAKEN = frozenset({"event", "segment", *dir(builtins), *keyword.kwlist, *keyword.softkwlist})
"""Names that a local variable of the generated function does not get."""

AWKWARD_TEXT = "a/b c%{d}"
"""A value of which most characters have to be escaped."""
ESCAPED_AWKWARD_TEXT = quote(AWKWARD_TEXT, safe="")


@dataclass(frozen=True, slots=True)
class IdPart:
    """One value of a workflow id."""

    local: str
    """Name of the local variable that holds its text; also what generated tests call it."""
    path: FieldPath
    code: str
    """Expression of its text, `event` being the envelope."""
    sample: str
    """Expression of a sample of the field."""
    sample_text: str
    """What the sample is in an id."""

    @property
    def is_text(self) -> bool:
        """Whether the value is a string, and so has to be escaped."""
        return self.path.kind is ScalarKind.STRING


def id_parts(process: Process, names: TypeNames) -> list[IdPart]:
    """Returns the values that ids of a process are made of, each once, in the order of the template."""
    paths = list(dict.fromkeys(process.workflow_id.paths))
    return [_part(path, local, names) for path, local in zip(paths, _local_names(paths, names), strict=True)]


def id_text(process: Process, values: dict[FieldPath, str]) -> str:
    """Returns the id with a text for each of its values."""
    return "".join(
        segment.text if isinstance(segment, Literal) else values[segment.path]
        for segment in process.workflow_id.segments
    )


def id_expression(process: Process, parts: Sequence[IdPart]) -> str:
    """Returns the f-string of the id, from the local variables of its values."""
    locals_of = {part.path: part.local for part in parts}
    text = "".join(
        f"{{{locals_of[segment.path]}}}" if isinstance(segment, Placeholder) else segment.text
        for segment in process.workflow_id.segments
    )
    return f'f"{text}"'


def sample_number(path: FieldPath) -> int:
    """Returns the number of the enum value that stands for a field in tests: the last that is not zero."""
    values = path.enum.values if path.enum is not None else ()
    return next((number for _, number in reversed(values) if number != 0), 0)


def value_name(path: FieldPath, number: int) -> str:
    """Returns the name that an enum value has in an id."""
    values = path.enum.values if path.enum is not None else ()
    return next(name for name, other in values if other == number)


def presence(path: FieldPath, root: str) -> str:
    """Returns the expression of whether a message says the value of a field; an empty text says nothing."""
    if path.kind is ScalarKind.STRING:
        return f'{path.expression(root)} != ""'
    return f'{path.holder(root)}.HasField("{path.name}")' if path.has_presence else f"{path.expression(root)} != 0"


def _part(path: FieldPath, local: str, names: TypeNames) -> IdPart:
    value, present = path.expression("event"), presence(path, "event")
    match path.kind:
        case ScalarKind.STRING:
            text = f"{path.name}-1"
            return IdPart(local, path, f'segment.text({value}, "{path.dotted}")', f'"{text}"', quote(text, safe="~"))
        case ScalarKind.INTEGER:
            return IdPart(local, path, f'segment.integer({value}, "{path.dotted}", present={present})', "1", "1")
        case ScalarKind.ENUM:
            enum = names.expression(path.enum.python) if path.enum is not None else ""
            name = value_name(path, sample_number(path))
            code = f'segment.enum({value}, "{path.dotted}", {enum}.DESCRIPTOR, present={present})'
            return IdPart(local, path, code, f'{enum}.Value("{name}")', name)
        case _:
            assert_never(path.kind)


def _local_names(paths: Sequence[FieldPath], names: TypeNames) -> list[str]:
    """Returns a variable name for each path: the field's, else with the fields around it, else numbered."""
    taken = _TAKEN | names.locals
    chosen: list[str] = []
    for path in paths:
        candidates = [snake_case("_".join(path.names[start:])) for start in reversed(range(len(path.names)))]
        candidates += [f"{candidates[0]}_{number}" for number in range(2, len(paths) + 2)]
        own = [snake_case(other.name) for other in paths]
        free = (name for name in candidates if name not in taken and name not in chosen and own.count(name) < 2)
        chosen.append(next(free))
    return chosen
