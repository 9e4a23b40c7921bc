"""Writes the stubs of a process."""

from importlib import resources
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined

from protoc_gen_process.model import WorkflowKind
from protoc_gen_process.process_name import MAXIMUM_LENGTH, is_kebab_case, package_of, package_taken_by
from protoc_gen_process.python_names import pascal_case

_TEMPLATES = {
    "process.proto.j2": "packages/ameide_core_proto/src/ameide_core_proto/{package}/v1/{package}.proto",
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
    values = {"name": name, "package": package, "class_name": pascal_case(name), "kind": kind.value}
    written: list[tuple[Path, bool]] = []
    for template, target in _TEMPLATES.items():
        path = root / target.format(**values)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(environment.get_template(template).render(values))
            written.append((path, True))
        else:
            written.append((path, False))
    return written


def _source(template: str) -> str:
    return (resources.files("protoc_gen_process.scaffold") / "templates" / template).read_text()
