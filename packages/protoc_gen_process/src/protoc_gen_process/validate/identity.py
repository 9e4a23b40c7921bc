"""Name, workflow type, task queue and api version: what a process is known by."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from protoc_gen_process.diagnostics import Report
from protoc_gen_process.parse.declarations import Declarations, DeclaredProcess, Given
from protoc_gen_process.process_name import MAXIMUM_LENGTH, is_kebab_case, package_of, package_taken_by
from protoc_gen_process.rules import Rule
from protoc_gen_process.validate.scope import Scope

_TEMPORAL_NAME = re.compile(r"[!-~]+")
_TEMPORAL_NAME_LIMIT = 255
"""Characters of a workflow type or task queue: what Temporal's SQL visibility stores can index."""
_API_MAJOR_LIMIT = 1_000_000
"""Far below what the smallest integer type of a schema version holds."""
_TEMPORAL_PREFIXES = ("__temporal", "/_sys/")


@dataclass(frozen=True, slots=True)
class Identity:
    """What a process is known by."""

    name: str
    workflow_type: str
    default_task_queue: str
    api_major: int
    api_minor: int


def check_identity(scope: Scope) -> Identity | None:
    """Checks what a process is known by; None where something is missing."""
    process = scope.process
    name = _name(scope)
    workflow_type = temporal_name(
        scope,
        "workflow_type",
        process.workflow_type,
        missing=Rule.WORKFLOW_TYPE_MISSING,
        invalid=Rule.WORKFLOW_TYPE_INVALID,
        example=f"{scope.file.path.rpartition('/')[0].replace('/', '.') or 'orders.v1'}.OrderWorkflow",
    )
    queue = temporal_name(
        scope,
        "default_task_queue",
        process.default_task_queue,
        missing=Rule.TASK_QUEUE_MISSING,
        invalid=Rule.TASK_QUEUE_INVALID,
        example=name or "order-fulfillment",
    )
    if process.api_major is None:
        scope.refuse(
            Rule.API_MAJOR_MISSING, process.place, "the process has no api_major", "add api_major: 1 to its options"
        )
    elif process.api_major.value == 0:
        scope.refuse(
            Rule.API_MAJOR_ZERO,
            process.api_major.place,
            "api_major is 0, so no schema version would be accepted",
            "write 1 or more",
        )
    elif process.api_major.value > _API_MAJOR_LIMIT:
        scope.refuse(
            Rule.API_MAJOR_RANGE,
            process.api_major.place,
            f"api_major is {process.api_major.value}",
            f"write 1 to {_API_MAJOR_LIMIT}",
        )
    if process.api_minor is None:
        scope.refuse(
            Rule.API_MINOR_MISSING, process.place, "the process has no api_minor", "add api_minor: 0 to its options"
        )
    if name is None or workflow_type is None or queue is None or process.api_major is None or process.api_minor is None:
        return None
    return Identity(name, workflow_type, queue, process.api_major.value, process.api_minor.value)


def temporal_name(
    scope: Scope, option: str, given: Given[str] | None, *, missing: Rule | None, invalid: Rule, example: str
) -> str | None:
    """Checks a name that Temporal takes; returns None where it is not given.

    Args:
        scope: The process.
        option: Name of the option, for the text.
        given: Its value.
        missing: The rule that it is given, None where it is optional.
        invalid: The rule for its form.
        example: What could be written.
    """
    if given is None:
        if missing is not None:
            scope.refuse(
                missing,
                scope.process.place,
                f"the process has no {option}",
                f'add {option}: "{example}" to its options',
            )
        return None
    value = given.value
    if not _TEMPORAL_NAME.fullmatch(value) or len(value) > _TEMPORAL_NAME_LIMIT:
        scope.refuse(
            invalid,
            given.place,
            f"{option} {value!r} is no name that Temporal can use everywhere",
            f"write 1 to {_TEMPORAL_NAME_LIMIT} printable ASCII characters without spaces, such as {example!r}",
        )
    elif value.startswith(_TEMPORAL_PREFIXES):
        scope.refuse(
            invalid,
            given.place,
            f"{option} {value!r} begins like Temporal's own names",
            f"write another name, such as {example!r}",
        )
    return value


def check_uniqueness(declarations: Declarations, report: Report) -> None:
    """Checks that no two processes of a request are known by the same name, type, queue or package."""
    processes = [file.process for file in declarations.process_files if file.process is not None]
    _unique(
        processes,
        lambda process: process.name,
        lambda given, other: report.add(
            Rule.NAME_NOT_UNIQUE,
            given.place,
            f"process {given.value!r} is declared in {report.path(other.place.path)} too",
            "give each process a name of its own",
        ),
    )
    _unique(
        processes,
        lambda process: process.workflow_type,
        lambda given, other: report.add(
            Rule.WORKFLOW_TYPE_NOT_UNIQUE,
            given.place,
            f"workflow type {given.value!r} is declared in {report.path(other.place.path)} too",
            "give each process a workflow type of its own",
        ),
    )
    _unique(
        processes,
        lambda process: process.default_task_queue,
        lambda given, other: report.add(
            Rule.TASK_QUEUE_NOT_UNIQUE,
            given.place,
            f"task queue {given.value!r} is that of the process in {report.path(other.place.path)} too, "
            "and a worker of one cannot execute the other's workflows",
            "give each process a task queue of its own",
        ),
    )
    names = {process.name.value: process.name for process in processes if process.name is not None}
    for name, given in names.items():
        other = names.get(name.removesuffix("-generated")) if name.endswith("-generated") else None
        if other is not None:
            report.add(
                Rule.PACKAGE_NOT_UNIQUE,
                given.place,
                f"the package of process {name!r} is the generated package of process {other.value!r}",
                "choose a name that does not end in -generated",
            )


def _name(scope: Scope) -> str | None:
    given = scope.process.name
    if given is None:
        scope.refuse(
            Rule.NAME_MISSING,
            scope.process.place,
            "the process has no name",
            'add name: "order-fulfillment", in kebab-case, to its options',
        )
        return None
    name = given.value
    if not is_kebab_case(name):
        scope.refuse(
            Rule.NAME_INVALID,
            given.place,
            f"name {name!r} is not kebab-case of at most {MAXIMUM_LENGTH} characters",
            "write lower-case words joined by single hyphens, such as 'order-fulfillment'",
        )
        return name
    package = package_of(name)
    taken_by = package_taken_by(package)
    if taken_by is not None:
        scope.refuse(
            Rule.NAME_RESERVED,
            given.place,
            f"name {name!r} gives the package {package!r}, which is {taken_by}",
            f"choose another name, such as '{name}-process'",
        )
    return name


def _unique(
    processes: Sequence[DeclaredProcess],
    value_of: Callable[[DeclaredProcess], Given[str] | None],
    refuse: Callable[[Given[str], Given[str]], None],
) -> None:
    """Calls `refuse` with each value that repeats an earlier one, and that one."""
    first: dict[str, Given[str]] = {}
    for process in processes:
        given = value_of(process)
        if given is not None and first.setdefault(given.value, given) is not given:
            refuse(given, first[given.value])
