"""How generated modules of a process name messages and enums.

A type is imported by its own name, unless that is taken: by another type, by the generated modules themselves or by
Python. The choice is the same in all modules of a process. Types that import statements cannot name, since a part of
their name is a keyword, are defined in a generated module `messages`, and imported from there.
"""

import builtins
import keyword
from collections.abc import Iterable
from dataclasses import dataclass

from protoc_gen_process import python_names
from protoc_gen_process.model import Process, PythonType

_MODULE_NAMES = frozenset(
    {
        # What generated modules define.
        *("CONTRACT", "DEFAULT_TASK_QUEUE", "DEFINITION", "PARTS", "PROCESS_NAME", "ROUTER", "WORKFLOW_TYPE"),
        *("Key", "Payload", "Result", "Start", "State"),
        *("event", "main", "parts", "process", "registrations", "sample_key", "workflow_id"),
        # What they import.
        *(
            "ABC",
            "ActivityCalls",
            "ActivityContract",
            "Any",
            "AsyncGenerator",
            "Callable",
            "CaseRole",
            "Empty",
            "Final",
        ),
        *("EmittedFact", "InvalidEventError", "InvalidReason", "Message", "PayloadCase", "Process", "ProcessContract"),
        *(
            "ProcessDefinition",
            "ProcessHarness",
            "ProcessParts",
            "ProcessWorkflow",
            "RawValue",
            "RetryOptions",
            "Route",
        ),
        *("Router", "Sequence", "Subscription", "TimeSkippingServer", "TypeAlias", "VersioningBehavior", "WorkerParts"),
        *("WorkflowIDReusePolicy", "WorkflowKind", "abstractmethod", "activity", "dataclass", "importlib", "inspect"),
        *("pytest", "pytest_asyncio", "sample", "segment", "timedelta", "workflow", "TYPE_CHECKING", "DATA_CONVERTER"),
        *("require_case", "require_idempotency_key", "require_schema_version", "run_ingress", "run_worker"),
        *("running_process",),
        # Parameters and local variables of functions in which types are named.
        *("argument", "command", "envelope", "environment", "fact", "harness", "idempotency_key", "implementation"),
        *("key", "meta", "payload", "request", "self", "server", "start", "variant"),
    }
)
"""Names that mean something else in generated modules."""

_PYTHON_NAMES = frozenset({*dir(builtins), *keyword.kwlist, *keyword.softkwlist})

MESSAGES_MODULE = "messages"


@dataclass(frozen=True, slots=True)
class _Import:
    """`from module import name as local`."""

    module: str
    name: str
    local: str

    @property
    def line(self) -> str:
        alias = "" if self.local == self.name else f" as {self.local}"
        return f"from {self.module} import {self.name}{alias}"


@dataclass(frozen=True, slots=True)
class IndirectType:
    """A type that the generated module `messages` defines."""

    local: str
    python: PythonType
    is_enum: bool

    @property
    def stub_name(self) -> str | None:
        """Name of the class in mypy-protobuf's stub; None where no static import reaches it."""
        if self.is_enum or not self.python.module_is_importable or len(self.python.qualname) > 1:
            return None
        return f"Global____r_{self.python.name}"


class TypeNames:
    """The names of all types of one process."""

    def __init__(self, process: Process) -> None:
        self._taken = _MODULE_NAMES | _PYTHON_NAMES | _names_of(process)
        self._package = process.generated_package
        self._imports: dict[tuple[str, str], _Import] = {}
        self._indirect: dict[str, IndirectType] = {}
        messages = [message.python for message in process.messages()]
        own_module = process.envelope.message.python.module
        # The types of the process's own file keep their names where others have the same.
        for python in sorted(messages, key=lambda python: python.module != own_module):
            self._add(python, is_enum=False)
        for python in _enums(process):
            self._add(python, is_enum=True)

    @property
    def imports(self) -> list[str]:
        """Import statements of all types; modules keep what they use."""
        lines = [found.line for found in self._imports.values()]
        module = f"{self._package}.{MESSAGES_MODULE}"
        lines += [_Import(module, found.local, found.local).line for found in self._indirect.values()]
        return sorted(lines)

    @property
    def locals(self) -> frozenset[str]:
        """All names by which types are imported."""
        return frozenset(found.local for found in (*self._imports.values(), *self._indirect.values()))

    @property
    def indirect(self) -> list[IndirectType]:
        """The types that the module `messages` defines, by name."""
        return sorted(self._indirect.values(), key=lambda found: found.local)

    def expression(self, python: PythonType) -> str:
        """Returns how generated code names a type."""
        indirect = self._indirect.get(python.proto_name)
        if indirect is not None:
            return indirect.local
        outermost, *nested = python.qualname
        return ".".join([self._imports[python.module, outermost].local, *nested])

    def _add(self, python: PythonType, *, is_enum: bool) -> None:
        suffix = "Enum" if is_enum else "Message"
        if not python.is_plain:
            joined = "".join(python.qualname)
            local = joined if python_names.is_plain(joined) and joined not in self._taken else f"{joined}{suffix}"
            self._indirect[python.proto_name] = IndirectType(self._claim([local], python), python, is_enum)
        elif (python.module, python.qualname[0]) not in self._imports:
            outermost = python.qualname[0]
            local = self._claim([outermost, f"{outermost}{suffix}"], python)
            self._imports[python.module, outermost] = _Import(python.module, outermost, local)

    def _claim(self, candidates: Iterable[str], python: PythonType) -> str:
        """Returns the first name that is free, and takes it."""
        package = "".join(word[:1].upper() + word[1:] for word in python.module.split(".")[-3:-1])
        numbered = (f"{python.name}{number}" for number in range(2, 1_000))
        for candidate in (*candidates, f"{package}{python.name}", *numbered):
            if candidate not in self._taken:
                self._taken |= {candidate}
                return candidate
        msg = f"no name is left for {python.proto_name}"
        raise LookupError(msg)


def _names_of(process: Process) -> frozenset[str]:
    suffixes = ("", "Activities", "ActivitiesImpl", "ActivityCalls", "Harness", "Process", "Router", "Workflow")
    return frozenset(
        {
            *(f"{process.class_name}{suffix}" for suffix in suffixes),
            *(activity.method for activity in process.activities),
            *(activity.method.upper() for activity in process.activities),
        }
    )


def _enums(process: Process) -> list[PythonType]:
    paths = (*process.key.paths, *process.workflow_id.paths)
    return list({path.enum.python: None for path in paths if path.enum is not None})
