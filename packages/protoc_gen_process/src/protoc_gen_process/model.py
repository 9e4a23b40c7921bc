"""The resolved contract of a process: all that templates see.

Nothing is unset here that has a default, nothing refers to a descriptor or to a position in a source file, and every
value is immutable. A model exists only for a declaration that kept all rules.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

from protoc_gen_process import python_names
from protoc_gen_process.process_name import package_of
from protoc_gen_process.proto_types import NOT_IN_DIGEST, Docs, FieldPath, MessageType, Schema


class WorkflowKind(Enum):
    """The life of one execution."""

    ENTITY = "ENTITY"
    TRANSACTION = "TRANSACTION"


class ReusePolicy(Enum):
    """What Temporal does with a start when a closed execution has the same workflow id."""

    REJECT_DUPLICATE = "REJECT_DUPLICATE"
    ALLOW_DUPLICATE_FAILED_ONLY = "ALLOW_DUPLICATE_FAILED_ONLY"
    ALLOW_DUPLICATE = "ALLOW_DUPLICATE"


class ConflictPolicy(Enum):
    """What Temporal does with a start when a running execution has the same workflow id."""

    USE_EXISTING = "USE_EXISTING"


class VersioningBehavior(Enum):
    """How running executions follow new worker deployment versions."""

    PINNED = "PINNED"
    AUTO_UPGRADE = "AUTO_UPGRADE"


class IdMode(Enum):
    """Where the workflow id comes from."""

    BUSINESS_KEY = "BUSINESS_KEY"
    IDEMPOTENCY_KEY = "IDEMPOTENCY_KEY"
    TEMPLATE = "TEMPLATE"


class Role(Enum):
    """What an event says."""

    FACT = "fact"
    """Something happened."""
    COMMAND = "command"
    """Someone asks."""


class Transport(Enum):
    """What a subscription is bound to."""

    KAFKA = "kafka"
    NATS = "nats"
    HTTP = "http"


@dataclass(frozen=True, slots=True)
class KeyMessage:
    """The one message that holds all fields of the workflow key."""

    type: MessageType
    path: tuple[str, ...]
    """Where it is in the envelope: `("meta", "key")`."""

    def expression(self, root: str) -> str:
        """Returns the expression of the message, `root` being that of the envelope."""
        for name in self.path:
            root = python_names.attribute(root, name)
        return root


@dataclass(frozen=True, slots=True)
class KeyField:
    """One field of the workflow key."""

    name: str
    """The field's own name; where two fields would share it, the path below meta joined by underscores."""
    path: FieldPath
    """Where it is in the envelope."""


@dataclass(frozen=True, slots=True)
class WorkflowKey:
    """The business key."""

    fields: tuple[KeyField, ...]
    """In field order."""
    message: KeyMessage | None
    """None where no message below `meta` holds all fields: then the key is its fields, by their names."""

    @property
    def paths(self) -> tuple[FieldPath, ...]:
        """Paths of the fields in the envelope."""
        return tuple(field.path for field in self.fields)


@dataclass(frozen=True, slots=True)
class Literal:
    """Constant text of a workflow id."""

    text: str


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A value of the envelope in a workflow id."""

    path: FieldPath


Segment = Literal | Placeholder


@dataclass(frozen=True, slots=True)
class WorkflowIdTemplate:
    """How a workflow id is made; `{name}` and `{prefix}` are filled in, and no two literals are adjacent."""

    mode: IdMode
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        """The template as a developer would write it, constants filled in: `proc/orders/{meta.key.order_id}`."""
        return "".join(part.text if isinstance(part, Literal) else f"{{{part.path.dotted}}}" for part in self.segments)

    @property
    def paths(self) -> tuple[FieldPath, ...]:
        """The fields that an id is made of, in their order in it."""
        return tuple(part.path for part in self.segments if isinstance(part, Placeholder))


@dataclass(frozen=True, slots=True)
class Policies:
    """What Temporal is told about executions."""

    kind: WorkflowKind
    reuse: ReusePolicy
    conflict: ConflictPolicy
    versioning: VersioningBehavior
    dedupe_window: int
    """Remembered (idempotency key, payload case) pairs per workflow."""

    @property
    def allows_rerun(self) -> bool:
        """Whether a closed execution may be followed by one with an empty dedupe window."""
        return self.reuse is not ReusePolicy.REJECT_DUPLICATE


@dataclass(frozen=True, slots=True)
class Event:
    """A message with an external identity."""

    message: MessageType
    role: Role
    type: str
    """CloudEvents `type`."""
    schema_subject: str | None
    """CloudEvents `dataschema` of the event when the process emits it."""
    stream_ref: str | None
    """Logical output that it is emitted to; None where the process does not emit it."""
    partition_key: tuple[FieldPath, ...]
    """Paths in the message; together the record key and CloudEvents `partitionkey`."""
    idempotency_key: tuple[FieldPath, ...]
    """Paths in the message; together the CloudEvents `id`."""


@dataclass(frozen=True, slots=True)
class PayloadCase:
    """One case of the envelope's `oneof payload`."""

    name: str
    """Field name."""
    event: Event
    docs: Docs = field(metadata=NOT_IN_DIGEST)
    """Comment of the field, else of the message."""

    @property
    def handler(self) -> str:
        """Name of the method that handles the case."""
        return f"on_{self.name}"

    @property
    def message(self) -> MessageType:
        """Message type of the case."""
        return self.event.message

    @property
    def role(self) -> Role:
        """What the case says."""
        return self.event.role


@dataclass(frozen=True, slots=True)
class Envelope:
    """The message that ingress routes into the workflow."""

    message: MessageType
    meta: MessageType
    cases: tuple[PayloadCase, ...]
    idempotency_key: FieldPath
    schema_version: FieldPath


@dataclass(frozen=True, slots=True)
class StartVersion:
    """A message that starts the workflow."""

    version: int
    message: MessageType
    key_field: str | None
    """Field that takes the key message; None where the start message has the key's fields by their own names."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How failed attempts of an activity are retried; None leaves Temporal's default."""

    initial_interval: timedelta | None
    backoff_coefficient: float | None
    maximum_interval: timedelta | None
    maximum_attempts: int | None
    non_retryable_error_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Activity:
    """An rpc of the activities service."""

    rpc: str
    method: str
    """Python name: snake case of the rpc, with an underscore appended where that is a keyword."""
    type_name: str
    """Temporal activity type: `<Service>.<Rpc>`."""
    request: MessageType
    response: MessageType
    start_to_close: timedelta | None
    schedule_to_close: timedelta | None
    heartbeat: timedelta | None
    retry: RetryPolicy | None
    task_queue: str | None
    """None where it is the workflow's."""
    docs: Docs = field(metadata=NOT_IN_DIGEST)


@dataclass(frozen=True, slots=True)
class ActivityService:
    """The service that declares the activities."""

    name: str
    activities: tuple[Activity, ...]
    docs: Docs = field(metadata=NOT_IN_DIGEST)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A stream of envelopes that the ingress consumes, by logical name."""

    name: str
    transport: Transport
    binding_ref: str


@dataclass(frozen=True, slots=True)
class Process:
    """One process: a Temporal workflow type and all that belongs to it."""

    name: str
    """kebab-case."""
    source: str = field(metadata=NOT_IN_DIGEST)
    """Path of the proto file as imports name it."""
    docs: Docs = field(metadata=NOT_IN_DIGEST)
    workflow_type: str
    default_task_queue: str
    api_major: int
    api_minor: int
    policies: Policies
    envelope: Envelope
    key: WorkflowKey
    workflow_id: WorkflowIdTemplate
    starts: tuple[StartVersion, ...]
    """Ascending by version, at least one."""
    state: MessageType | None
    result: MessageType | None
    service: ActivityService | None
    subscriptions: tuple[Subscription, ...]
    emitted: tuple[Event, ...]
    """Events of the file that name a stream, payload cases among them, in the order of the file."""
    schema: Schema = field(metadata=NOT_IN_DIGEST)
    """What `messages` and all that they refer to look like."""

    @property
    def package(self) -> str:
        """Python package of the impl: the snake-case form of the name."""
        return package_of(self.name)

    @property
    def generated_package(self) -> str:
        """Python package of the contract."""
        return f"{self.package}_generated"

    @property
    def class_name(self) -> str:
        """PascalCase form of the name: the stem of generated classes."""
        return python_names.pascal_case(self.name)

    @property
    def activities(self) -> tuple[Activity, ...]:
        """The activities, in the order of the service."""
        return self.service.activities if self.service is not None else ()

    @property
    def latest_start(self) -> StartVersion:
        """The start message that the router fills."""
        return self.starts[-1]

    def messages(self) -> Iterator[MessageType]:
        """Yields every message that generated code may name, each once, in a stable order."""
        seen: set[str] = set()
        for message in self._all_messages():
            if message.python.proto_name not in seen:
                seen.add(message.python.proto_name)
                yield message

    def _all_messages(self) -> Iterator[MessageType]:
        yield self.envelope.message
        yield self.envelope.meta
        if self.key.message is not None:
            yield self.key.message.type
        yield from (case.message for case in self.envelope.cases)
        yield from (start.message for start in self.starts)
        yield from (message for message in (self.state, self.result) if message is not None)
        for activity in self.activities:
            yield activity.request
            yield activity.response
        yield from (event.message for event in self.emitted)
