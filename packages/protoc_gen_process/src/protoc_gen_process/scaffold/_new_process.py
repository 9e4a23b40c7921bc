"""Writes the stubs of a process."""

import re
from importlib import resources
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined

from protoc_gen_process.formatting import format_python
from protoc_gen_process.model import WorkflowKind
from protoc_gen_process.process_name import MAXIMUM_LENGTH, is_kebab_case, package_of, package_taken_by
from protoc_gen_process.python_names import pascal_case

_PROTOS = "packages/ameide_core_proto/src"

_PROTO = f"{_PROTOS}/ameide_core_proto/{{package}}/v1/{{package}}.proto"

_TEMPLATES = {
    "process.proto.j2": _PROTO,
    "pyproject.toml.j2": "primitives/process/{name}/pyproject.toml",
    "init.py.j2": "primitives/process/{name}/src/{package}/__init__.py",
    "py.typed.j2": "primitives/process/{name}/src/{package}/py.typed",
    "workflow_impl.py.j2": "primitives/process/{name}/src/{package}/workflow_impl.py",
    "activities_impl.py.j2": "primitives/process/{name}/src/{package}/activities_impl.py",
    "conftest.py.j2": "primitives/process/{name}/tests/conftest.py",
    "test_process.py.j2": "primitives/process/{name}/tests/test_{package}.py",
}
"""Target of each template, from the root of the workspace."""


class InvalidNameError(ValueError):
    """No process can have the name; the message says why."""


def new_process(root: Path, name: str, kind: WorkflowKind = WorkflowKind.ENTITY) -> list[tuple[Path, bool]]:
    """Writes the stubs of a process.

    Args:
        root: The workspace.
        name: kebab-case process name.
        kind: What one of its workflows stands for.

    Returns:
        Each file, and whether it was written; a file that exists is left as it is.

    Raises:
        InvalidNameError: No process can have the name.
    """
    package = package_of(name)
    if not is_kebab_case(name):
        raise InvalidNameError(
            f"{name!r} is no process name; write lower-case words with hyphens, at most {MAXIMUM_LENGTH} characters, "
            "such as order-returns"
        )
    taken_by = package_taken_by(package)
    if taken_by is not None:
        raise InvalidNameError(f"{name!r} would make a Python package {package!r}, which is {taken_by}")
    environment = Environment(
        loader=FunctionLoader(_source),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 -- Python, not HTML
    )
    declared = _declared_elsewhere(root, name, root / _PROTO.format(package=package))
    if declared is not None:
        raise InvalidNameError(
            f"{name!r} is declared by {declared.relative_to(root)}; choose another name, or go on with that file and "
            "`uvx nox -s regen`"
        )
    values = {"name": name, "package": package, "class_name": pascal_case(name), "kind": kind.value}
    paths = {root / target.format(**values): template for template, target in _TEMPLATES.items()}
    missing = {
        path: environment.get_template(template).render(values) for path, template in paths.items() if not path.exists()
    }
    formatted = format_python(
        {str(path.relative_to(root)): text for path, text in missing.items() if path.suffix == ".py"}
    )
    for path, text in missing.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(formatted.get(str(path.relative_to(root)), text))
    return [(path, path in missing) for path in paths]


def _declared_elsewhere(root: Path, name: str, own: Path) -> Path | None:
    """Finds the proto file that declares a process of a name, other than the one that the stubs would have."""
    declaration = re.compile(rf'^\s*name:\s*"{re.escape(name)}"', re.MULTILINE)
    for path in sorted((root / _PROTOS).rglob("*.proto")):
        if path != own and declaration.search(_process_option(path.read_text(encoding="utf-8", errors="replace"))):
            return path
    return None


def _process_option(proto: str) -> str:
    """The text of a proto from its option `process` on to the option's end; empty without one."""
    _, _, option = proto.partition("option (ameide_core_proto.process.v1.process) = {")
    return option.partition("\n};")[0].partition("ingress:")[0]


def _source(template: str) -> str:
    return (resources.files("protoc_gen_process.scaffold") / "templates" / template).read_text()
