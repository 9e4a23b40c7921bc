"""Which files a process has: the contract as data, and one template each, at the path that it has in the output."""

from collections.abc import Iterator
from functools import lru_cache

from jinja2 import Environment

from protoc_gen_process.model import Process
from protoc_gen_process.render.contract_json import contract_json
from protoc_gen_process.render.environment import create_environment
from protoc_gen_process.render.process_view import process_view
from protoc_gen_process.render.type_names import TypeNames

_ROOT = "process/"
_SUFFIX = ".j2"
_PACKAGE = "generated_package"
"""Stands in template paths for the generated package of the process."""

_ACTIVITIES = "src/generated_package/activities.py"
_MESSAGES = "src/generated_package/messages.py"


def render_process(process: Process) -> Iterator[tuple[str, str]]:
    """Yields path and content of each file of a process, Python not yet formatted."""
    yield f"{process.name}/contract.json", contract_json(process)
    environment = _environment()
    names = TypeNames(process)
    variables = process_view(process, names)
    absent = {path for path, needed in ((_ACTIVITIES, process.activities), (_MESSAGES, names.indirect)) if not needed}
    for template in _templates():
        path = template.removeprefix(_ROOT).removesuffix(_SUFFIX)
        if path not in absent:
            content = environment.get_template(template).render(variables)
            yield f"{process.name}/{path.replace(_PACKAGE, process.generated_package)}", content


@lru_cache
def _environment() -> Environment:
    return create_environment()


@lru_cache
def _templates() -> tuple[str, ...]:
    return tuple(sorted(name for name in _environment().list_templates() if name.startswith(_ROOT)))
