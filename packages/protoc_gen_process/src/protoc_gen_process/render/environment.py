"""The template environment: no clock, no environment, no network; an unknown name is an error."""

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import cast

from jinja2 import Environment, PackageLoader, StrictUndefined

from protoc_gen_process.model import Activity
from protoc_gen_process.proto_types import Docs
from protoc_gen_process.python_names import attribute, is_plain
from protoc_gen_process.render.docstrings import docstring, module_docstring
from protoc_gen_process.render.workflow_id_code import presence


def create_environment() -> Environment:
    """Returns the environment that all templates are rendered in."""
    environment = Environment(
        loader=PackageLoader("protoc_gen_process.render"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 -- the output is Python, Markdown and YAML, not HTML
    )
    cast("dict[str, object]", environment.filters).update(
        attribute_of=attribute_of,
        docstring=docstring,
        json=quoted,
        limits=limits,
        module_docstring=module_docstring,
        one_line=one_line,
        pattern=re.escape,
        presence_in=presence,
        python=repr,
        table_cell=table_cell,
        timedelta=timedelta_expression,
        tuple_of=tuple_of,
    )
    cast("dict[str, object]", environment.tests).update(plain_name=is_plain)
    return environment


def attribute_of(name: str, root: str) -> str:
    """Returns the expression of a field of `root`, keyword-safe."""
    return attribute(root, name)


def timedelta_expression(value: timedelta) -> str:
    """Returns the expression of a duration: in seconds, or where that is no whole number in microseconds."""
    if value.microseconds:
        return f"timedelta(microseconds={value // timedelta(microseconds=1)})"
    return f"timedelta(seconds={value // timedelta(seconds=1)})"


def limits(activity: Activity) -> str:
    """Returns how long an activity may take, for people."""
    given = {
        "start to close": activity.start_to_close,
        "schedule to close": activity.schedule_to_close,
        "heartbeat": activity.heartbeat,
    }
    return ", ".join(f"{name} {value.total_seconds():g} s" for name, value in given.items() if value)


def quoted(text: str) -> str:
    """Returns text as a string of JSON, which is one of YAML too, whatever stands in it."""
    return json.dumps(text, ensure_ascii=False)


def one_line(docs: Docs) -> str:
    """Returns a comment as one line."""
    return " ".join(" ".join(docs).split())


def table_cell(text: str) -> str:
    """Returns text as it may stand in a cell of a Markdown table."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def tuple_of(expressions: Sequence[str]) -> str:
    """Returns the expression of a tuple."""
    return f"({', '.join(expressions)}{',' if len(expressions) == 1 else ''})"
