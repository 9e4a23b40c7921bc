"""Mounted YAML or JSON files, read into typed models with every problem reported by its path."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from ameide_process.configuration._problems import ProblemList

ModelT = TypeVar("ModelT")

TRANSPORTS = ("kafka", "nats", "http")
"""Values of `kind`."""

_QUOTED = re.compile(r"'[^']{2,}'")
"""What YAML quotes of the file: an alias or a tag, which a password may look like. One character alone is no secret."""

_TYPES: dict[type, str] = {
    str: "a string",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a mapping",
}
"""What YAML makes of a value, as its own terms."""

_ADVICE = {
    "missing": "set it",
    "extra_forbidden": "remove it, or correct its spelling",
    "union_tag_not_found": f"set kind to the transport, one of: {', '.join(TRANSPORTS)}",
    "union_tag_invalid": f"set kind to the transport, one of: {', '.join(TRANSPORTS)}",
    "model_type": "write a mapping of settings",
    "model_attributes_type": "write a mapping of settings",
    "list_type": "write a list, or one string with commas",
    "string_type": "write a string, in quotes where it looks like something else",
    "path_type": "write the path of a file",
}
"""By pydantic's type of error, where its own text is about Python."""


class Document(BaseModel):
    """Base of all file models: immutable, camelCase keys as in the Process resource, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, validate_by_alias=True)


def split_commas(value: object) -> object:
    """Makes a list of one string with commas; for pydantic, before it validates."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


class _TwiceError(yaml.YAMLError):
    """A mapping has a key twice."""


class _Loader(yaml.SafeLoader):
    """Refuses a mapping with a key twice, as YAML 1.2 does (3.2.1.3); the library takes the last."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            # Others are no names, and refused later.
            if not isinstance(key, yaml.ScalarNode):
                continue
            line, name = key.start_mark.line + 1, (key.tag, key.value)
            if name in seen:
                raise _TwiceError(
                    f"has {key.value[:100]!r} twice in one mapping, at lines {seen[name]} and {line}; remove or rename "
                    "one, since only the last would count"
                )
            seen[name] = line
        return node


def _why_unreadable(error: yaml.YAMLError) -> str:
    if isinstance(error, _TwiceError):
        return str(error)
    # The mark and the complaint only: the text around it may hold what should not be printed.
    mark = getattr(error, "problem_mark", None)
    where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    what = _QUOTED.sub("'…'", getattr(error, "problem", None) or "it does not parse")
    return f"is neither YAML nor JSON{where}: {what}"


def read_mapping(variable: str, path: Path, problems: ProblemList) -> Mapping[str, Any] | None:
    """Reads a file that is a mapping at its top.

    Args:
        variable: The environment variable that names the file, for problems.
        path: The file.
        problems: Takes what is wrong.

    Returns:
        The mapping, or None where a problem was added.
    """
    try:
        # JSON is YAML, so one reader serves both.
        content = _Loader(path.read_text(encoding="utf-8")).get_single_data()
    except FileNotFoundError:
        problems.add(variable, str(path), "no such file; is the ConfigMap mounted?")
        return None
    except (OSError, UnicodeDecodeError) as error:
        problems.add(variable, str(path), f"cannot be read: {error}")
        return None
    except yaml.YAMLError as error:
        problems.add(variable, str(path), _why_unreadable(error))
        return None
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in cast("dict[Any, Any]", content)):
        problems.add(variable, str(path), "must be a mapping of names to settings")
        return None
    return cast("dict[str, Any]", content)


def add_validation_problems(name: str, error: ValidationError, problems: ProblemList) -> None:
    """Turns pydantic's complaints into problems, one each.

    Args:
        name: Variable and entry that was validated, such as `INGRESS_CONFIG orders-facts`.
        error: The complaints.
        problems: Takes them.
    """
    for detail in error.errors(include_url=False):
        # A path through a tagged union begins with the tag, which nobody wrote there.
        path = detail["loc"][1:] if detail["loc"][:1] and detail["loc"][0] in TRANSPORTS else detail["loc"]
        place = ".".join(str(part) for part in path)
        problems.add(f"{name}.{place}" if place else name, _shown(detail), _advice(detail))


def _shown(detail: ErrorDetails) -> str:
    """What stands there, by its type and never by its value: a secret in the wrong place is the likeliest mistake."""
    kind = detail["type"]
    if kind in {"missing", "union_tag_not_found"}:
        return "is missing"
    if kind == "extra_forbidden":
        return "is not known"
    if kind.endswith(("_type", "_parsing")):
        value: object = detail["input"]
        return "is empty" if value is None else f"is {_TYPES.get(type(value), 'of another type')}"
    return "is wrong"


def _advice(detail: ErrorDetails) -> str:
    message = detail["msg"].removeprefix("Value error, ")
    return _ADVICE.get(detail["type"]) or message[:1].lower() + message[1:]
