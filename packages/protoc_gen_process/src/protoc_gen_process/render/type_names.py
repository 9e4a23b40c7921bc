"""How generated modules of a process name messages and enums.

A type is imported by its own name, unless that is taken: by another type, by the generated modules themselves or by
Python. The choice is the same in all modules of a process. Types that import statements cannot name, since a part of
their name is a keyword, are defined in a generated module `messages`, and imported from there.
"""

import builtins
import keyword
from dataclasses import dataclass
from itertools import chain, count

from protoc_gen_process.model import Process
from protoc_gen_process.proto_types import PythonType

RESERVED_NAMES = frozenset(
    {
        # What generated modules define.
        *("CONTRACT", "DEFAULT_TASK_QUEUE", "DEFINITION", "PAYLOAD_TYPES", "PROCESS_NAME", "ROUTER", "WORKFLOW_TYPE"),
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
            "Mapping",
            "Path",
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
        *(
            "Router",
            "Sequence",
            "Subscription",
            "TemporalDevServer",
            "TimeSkippingServer",
            "TypeAlias",
            "VersioningBehavior",
        ),
        *(
            "WorkflowIDReusePolicy",
            "WorkflowKind",
            "abstractmethod",
            "activity",
            "dataclass",
            "final",
            "importlib",
            "inspect",
        ),
        *("pytest", "pytest_asyncio", "sample", "segment", "timedelta", "workflow", "TYPE_CHECKING", "DATA_CONVERTER"),
        *(
            "require_case",
            "require_idempotency_key",
            "require_key",
            "require_schema_version",
            "run_ingress",
            "run_redrive",
            "run_worker",
        ),
        *(
            "Delivery",
            "Redelivery",
            "StartupError",
            "WorkerParts",
            "WorkflowEnvironment",
            "load_parts",
            "process_on_dev_server",
            "process_parts",
        ),
        *("running_process", "settings"),
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


_EMPTY = _Import("google.protobuf.empty_pb2", "Empty", "Empty")


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
        self._reserved = RESERVED_NAMES | _PYTHON_NAMES | _names_of(process)
        self._taken: set[str] = set()
        self._package = process.generated_package
        # The state of a process without one.
        self._imports = {(_EMPTY.module, _EMPTY.name): _EMPTY}
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
            local = self._claim(_capitalized("".join(python.qualname)), suffix, python)
            self._indirect[python.proto_name] = IndirectType(local, python, is_enum)
        elif (python.module, python.qualname[0]) not in self._imports:
            outermost = python.qualname[0]
            self._imports[python.module, outermost] = _Import(
                python.module, outermost, self._claim(outermost, suffix, python)
            )

    def _claim(self, name: str, suffix: str, python: PythonType) -> str:
        """Returns a free name, and takes it: the name itself, else one that says the package or what it is."""
        package = "".join(_capitalized(word) for word in python.module.split(".")[-3:-1])
        candidates = [f"{name}{suffix}", f"{package}{name}"]
        if name not in self._reserved:
            candidates.reverse()
        numbered = (f"{name}{number}" for number in count(2))
        chosen = next(
            one for one in chain([name, *candidates], numbered) if one not in self._reserved and one not in self._taken
        )
        self._taken.add(chosen)
        return chosen


def _capitalized(name: str) -> str:
    return name[:1].upper() + name[1:]


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
