"""What a process declares, as generated code states it.

Everything here is a plain, immutable value: the generator fills it from the proto, the worker, the ingress and the
tests read it, and nothing reads the environment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import cached_property
from typing import Generic, TypeVar

from google.protobuf.message import Message
from temporalio.common import VersioningBehavior, WorkflowIDConflictPolicy, WorkflowIDReusePolicy

EVENT_SIGNAL = "event"
"""The one signal of every process: 1 to N arguments, each one envelope, as protobuf-JSON or, of many, in binary."""

CONTINUE_AS_NEW_SIGNAL = "ameide.continue-as-new"
"""Asks an ENTITY workflow to continue as new at the next safe point: for operators and tests."""

STATE_QUERY = "state"
PROGRESS_QUERY = "progress"
DEDUPE_QUERY = "dedupe"

CONFLICT_POLICY = WorkflowIDConflictPolicy.USE_EXISTING
"""Signal-With-Start signals the running workflow when there is one."""

META_FIELD = "meta"
PAYLOAD_ONEOF = "payload"
"""An envelope is the message with this field and this oneof."""

EnvelopeT = TypeVar("EnvelopeT", bound=Message)
RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)


class WorkflowKind(Enum):
    """The life of one execution."""

    ENTITY = "ENTITY"
    """One long-lived workflow per workflow key; continues as new when its history grows."""
    TRANSACTION = "TRANSACTION"
    """One workflow per request; the idempotency key names the request."""


class CaseRole(Enum):
    """What a payload case says."""

    FACT = "fact"
    """Something happened."""
    COMMAND = "command"
    """Someone asks."""


@dataclass(frozen=True, slots=True)
class PayloadCase:
    """One case of the envelope's `oneof payload`."""

    name: str
    """Field name of the case; the handler is `on_<name>`."""
    event_type: str
    """CloudEvents `type`, from `event_fact.type`."""
    role: CaseRole

    @property
    def handler(self) -> str:
        """Name of the handler method that the impl class has for the case."""
        return f"on_{self.name}"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A stream of envelopes that the ingress consumes, by logical name."""

    name: str
    kind: str
    """Transport: `kafka`, `nats` or `http`."""
    binding_ref: str
    """Entry of the file at INGRESS_CONFIG that binds it to an environment."""


@dataclass(frozen=True, slots=True)
class EmittedFact:
    """An event that the process may emit: a message of its file with `event_fact.stream_ref`."""

    message_type: str
    """Full proto name of the message."""
    event_type: str
    """CloudEvents `type`."""
    stream: str
    """Logical output, from `event_fact.stream_ref`."""
    data_schema: str = ""
    """CloudEvents `dataschema`, from `event_fact.schema_subject`; empty: none."""
    partition_key_fields: tuple[str, ...] = ()
    """Paths of the fields that make the record key."""
    idempotency_key_fields: tuple[str, ...] = ()
    """Paths of the fields that make the event id."""


@dataclass(frozen=True)
class ProcessContract:
    """The resolved declaration of one process."""

    name: str
    """kebab-case process name."""
    workflow_type: str
    default_task_queue: str
    api_major: int
    api_minor: int
    kind: WorkflowKind
    reuse_policy: WorkflowIDReusePolicy
    versioning_behavior: VersioningBehavior
    dedupe_window: int
    """Remembered (idempotency key, payload case) pairs per workflow."""
    cases: tuple[PayloadCase, ...]
    subscriptions: tuple[Subscription, ...]
    digest: str
    """SHA-256 over the resolved declaration, hex: equal digests mean equal contracts."""
    emits: tuple[EmittedFact, ...] = ()
    """The events that the process may emit."""

    @cached_property
    def case_by_name(self) -> Mapping[str, PayloadCase]:
        """The payload cases by field name."""
        return {case.name: case for case in self.cases}

    @cached_property
    def streams(self) -> tuple[str, ...]:
        """The logical outputs that the emitted events go to, sorted; OUTPUT_CONFIG must bind each."""
        return tuple(sorted({fact.stream for fact in self.emits}))

    @property
    def api_version(self) -> str:
        """`major.minor` of the contract."""
        return f"{self.api_major}.{self.api_minor}"


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """Retry policy of one activity, as the proto states it; None leaves Temporal's default."""

    initial_interval: timedelta | None = None
    backoff_coefficient: float | None = None
    maximum_interval: timedelta | None = None
    maximum_attempts: int | None = None
    non_retryable_error_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActivityContract(Generic[RequestT, ResponseT]):
    """One activity: an rpc of the process's activities service, with the request and response message types."""

    name: str
    """Temporal activity type: `<Service>.<Rpc>`."""
    request_type: type[RequestT]
    response_type: type[ResponseT]
    start_to_close: timedelta | None = None
    schedule_to_close: timedelta | None = None
    heartbeat: timedelta | None = None
    retry: RetryOptions | None = None
    task_queue: str | None = None
