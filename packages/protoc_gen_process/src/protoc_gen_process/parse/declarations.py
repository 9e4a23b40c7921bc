"""What the proto files say, and where: the output of `parse`.

Nothing here is judged and no default is applied: an option that is not written is None, and so is an enum option that
is written as its `UNSPECIFIED` value, which the option language defines as the same. Types refer to each other by name,
since messages may be recursive.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from protoc_gen_process.diagnostics import Place
from protoc_gen_process.model import IdMode, ReusePolicy, VersioningBehavior, WorkflowKind
from protoc_gen_process.proto_types import Docs, EnumType, PythonType

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Given(Generic[T]):
    """An option as it is written."""

    value: T
    place: Place


@dataclass(frozen=True, slots=True)
class DurationValue:
    """A `google.protobuf.Duration`, unchecked."""

    seconds: int
    nanos: int


@dataclass(frozen=True, slots=True)
class DeclaredWorkflowId:
    """`WorkflowId`."""

    place: Place
    mode: Given[IdMode] | None
    template: Given[str] | None
    prefix: Given[str] | None


@dataclass(frozen=True, slots=True)
class DeclaredSubscription:
    """`IngressSubscription`."""

    place: Place
    name: Given[str] | None
    kind: Given[str] | None
    binding_ref: Given[str] | None


@dataclass(frozen=True, slots=True)
class DeclaredProcess:
    """`ProcessOptions`."""

    place: Place
    name: Given[str] | None
    workflow_type: Given[str] | None
    default_task_queue: Given[str] | None
    workflow_id: DeclaredWorkflowId | None
    kind: Given[WorkflowKind] | None
    reuse_policy: Given[ReusePolicy] | None
    singleton_per_key: Given[bool] | None
    dedupe_window: Given[int] | None
    versioning_behavior: Given[VersioningBehavior] | None
    api_major: Given[int] | None
    api_minor: Given[int] | None
    ingress: tuple[DeclaredSubscription, ...]


@dataclass(frozen=True, slots=True)
class DeclaredEventFact:
    """`EventFact`."""

    place: Place
    type: Given[str] | None
    schema_subject: Given[str] | None
    stream_ref: Given[str] | None
    partition_key_fields: tuple[Given[str], ...]
    idempotency_key_fields: tuple[Given[str], ...]


class Delivery(Enum):
    """How a command reaches the workflow."""

    SIGNAL = "SIGNAL"
    UPDATE = "UPDATE"


@dataclass(frozen=True, slots=True)
class DeclaredCommand:
    """`CommandOptions`."""

    place: Place
    delivery: Given[Delivery] | None


@dataclass(frozen=True, slots=True)
class DeclaredStart:
    """`StartOptions`."""

    place: Place
    version: Given[int] | None


@dataclass(frozen=True, slots=True)
class DeclaredMarkers:
    """`FieldMarkers`."""

    place: Place
    workflow_key: Given[bool] | None
    idempotency_key: Given[bool] | None
    schema_version: Given[bool] | None


@dataclass(frozen=True, slots=True)
class DeclaredRetryPolicy:
    """`ActivityRetryPolicy`."""

    place: Place
    initial_interval: Given[DurationValue] | None
    backoff_coefficient: Given[float] | None
    maximum_interval: Given[DurationValue] | None
    maximum_attempts: Given[int] | None
    non_retryable_error_types: tuple[Given[str], ...]


@dataclass(frozen=True, slots=True)
class DeclaredActivityOptions:
    """`ActivityOptions`."""

    place: Place
    start_to_close: Given[DurationValue] | None
    schedule_to_close: Given[DurationValue] | None
    heartbeat: Given[DurationValue] | None
    retry_policy: DeclaredRetryPolicy | None
    task_queue: Given[str] | None


class FieldKind(Enum):
    """What one value of a field is."""

    STRING = "string"
    INTEGER = "integer"
    ENUM = "enum"
    BOOL = "bool"
    FLOAT = "float"
    BYTES = "bytes"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class DeclaredField:
    """A field of a message."""

    name: str
    place: Place
    docs: Docs
    kind: FieldKind
    type: str
    """Scalar type as proto names it (`uint32`), or full name of the message or enum; of a map, its value's."""
    number: int
    map_key: str | None
    """Scalar type of a map's keys; None for what is no map."""
    shown_type: str
    """As a developer writes it: `repeated OrderLine`, `map<string, int32>`."""
    is_repeated: bool
    """True for lists and maps."""
    oneof: str | None
    has_presence: bool
    is_required: bool
    """proto2 `required`, or LEGACY_REQUIRED."""
    markers: DeclaredMarkers | None


@dataclass(frozen=True, slots=True)
class DeclaredName:
    """An enum, an enum value or an extension: Python has each as an attribute of what declares it."""

    name: str
    what: str
    """As a developer says it: `enum value`."""
    place: Place


@dataclass(frozen=True, slots=True)
class DeclaredMessage:
    """A message, nested or not; map entries are not messages here."""

    file: str
    """Path of the file that declares it."""
    python: PythonType
    place: Place
    docs: Docs
    fields: tuple[DeclaredField, ...]
    oneofs: tuple[str, ...]
    """Names of the real oneofs."""
    other_names: tuple[DeclaredName, ...]
    """Of enums, their values and extensions inside of the message."""
    fact: Place | None
    command: DeclaredCommand | None
    state: Place | None
    start: DeclaredStart | None
    result: Place | None
    event_fact: DeclaredEventFact | None

    @property
    def full_name(self) -> str:
        """Fully qualified name, without a leading dot."""
        return self.python.proto_name

    @property
    def name(self) -> str:
        """Simple name."""
        return self.python.name

    def field(self, name: str) -> DeclaredField | None:
        """Returns the field of that name."""
        return next((field for field in self.fields if field.name == name), None)


@dataclass(frozen=True, slots=True)
class DeclaredRpc:
    """An rpc of a service."""

    name: str
    place: Place
    docs: Docs
    request: str
    """Full name of the message."""
    response: str
    """Full name of the message."""
    is_streaming: bool
    activity: DeclaredActivityOptions | None


@dataclass(frozen=True, slots=True)
class DeclaredService:
    """A service."""

    name: str
    place: Place
    docs: Docs
    rpcs: tuple[DeclaredRpc, ...]


@dataclass(frozen=True, slots=True)
class DeclaredFile:
    """A proto file."""

    path: str
    docs: Docs
    imports: tuple[str, ...]
    """Paths of the direct imports, `import option` included."""
    is_requested: bool
    """Whether the file is to be generated; only then does the request hold its source-retained options."""
    process: DeclaredProcess | None
    messages: tuple[DeclaredMessage, ...]
    """All messages, nested ones after the message that holds them."""
    services: tuple[DeclaredService, ...]
    other_names: tuple[DeclaredName, ...]
    """Of enums, their values and extensions outside of messages."""
    unknown_options: tuple[Given[str], ...]
    """Our options that hold a field or an enum value which this version does not know, by option name."""


@dataclass(frozen=True, slots=True)
class Declarations:
    """All that a request says."""

    files: Mapping[str, DeclaredFile]
    """Every file of the request by path, in the request's order: each after its imports."""
    messages: Mapping[str, DeclaredMessage]
    """Every message by full name."""
    enums: Mapping[str, EnumType]
    """Every enum by full name."""

    @property
    def process_files(self) -> tuple[DeclaredFile, ...]:
        """The files that declare a process."""
        return tuple(file for file in self.files.values() if file.process is not None)
