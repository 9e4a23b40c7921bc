"""From an envelope to the workflow that it belongs to.

The generated router knows the fields; this module knows what a routed event is and how it becomes Temporal's
Signal-With-Start request.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, Payloads, WorkflowType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import SignalWithStartWorkflowExecutionRequest

from ameide_process.contract import CONFLICT_POLICY, EVENT_SIGNAL, EnvelopeT, ProcessContract
from ameide_process.converter import DATA_CONVERTER
from ameide_process.invalid_event import InvalidEventError, InvalidReason

_payload_converter = DATA_CONVERTER.payload_converter


def to_payload(message: Message) -> Payload:
    """Encodes a message as the payload that clients, workers and Temporal's UI read: protobuf-JSON.

    The bytes are those of the SDK's own `json/protobuf` converter, so that both can read each other.
    """
    return _payload_converter.to_payload(message)


def to_compact_payload(message: Message) -> Payload:
    """Encodes a message in binary, as the SDK's own `binary/protobuf` converter does.

    A workflow decodes it in a fiftieth of the time that protobuf-JSON takes (0.8 against 38.6 µs, measured).
    """
    metadata = {"encoding": b"binary/protobuf", "messageType": message.DESCRIPTOR.full_name.encode()}
    return Payload(metadata=metadata, data=message.SerializeToString())


@dataclass(frozen=True, slots=True)
class Route:
    """Where an event goes, and its identity there."""

    workflow_id: str
    idempotency_key: str
    case: str
    """Field name of the payload case."""


def require_case(case: str | None, contract: ProcessContract) -> str:
    """Returns the payload case of an envelope.

    Raises:
        InvalidEventError: The envelope has none that this version knows.
    """
    if case is None:
        known = ", ".join(contract.case_by_name)
        raise InvalidEventError(
            InvalidReason.UNKNOWN_CASE,
            f"the envelope carries no payload that {contract.name} {contract.api_version} knows; known: {known}",
        )
    return case


def require_idempotency_key(idempotency_key: str, path: str) -> str:
    """Returns the idempotency key of an envelope.

    Raises:
        InvalidEventError: It is empty.
    """
    if not idempotency_key:
        raise InvalidEventError(
            InvalidReason.MISSING_IDEMPOTENCY_KEY, f"{path} is empty; a redelivered message is known by it"
        )
    return idempotency_key


def require_key(path: str, *, present: bool) -> None:
    """Checks a field of the workflow key that the workflow id is not made of, as that of a TRANSACTION.

    Args:
        path: The field's path in the envelope, for the error.
        present: Whether the message says the value.

    Raises:
        InvalidEventError: It does not.
    """
    if not present:
        raise InvalidEventError(InvalidReason.MISSING_KEY, f"{path} is unset; it is part of the workflow key")


def require_schema_version(schema_version: int, path: str, contract: ProcessContract) -> int:
    """Returns the schema version of an envelope.

    Raises:
        InvalidEventError: It is not between 1 and the contract's api_major.
    """
    if not 1 <= schema_version <= contract.api_major:
        raise InvalidEventError(
            InvalidReason.WRONG_SCHEMA_VERSION,
            f"{path} is {schema_version}; {contract.name} accepts 1 to {contract.api_major}",
        )
    return schema_version


class Router(ABC, Generic[EnvelopeT]):
    """Validates envelopes of one process and derives what Temporal needs. Generated code fills it."""

    contract: ProcessContract
    envelope_type: type[EnvelopeT]

    @abstractmethod
    def route(self, event: EnvelopeT) -> Route:
        """Validates an envelope and derives its workflow id.

        Raises:
            InvalidEventError: The envelope lacks its idempotency key, a field of the workflow key, a payload case
                that this version knows, or a schema version that it accepts.
        """

    @abstractmethod
    def start(self, event: EnvelopeT) -> Message:
        """Makes the start argument of a workflow that the event is the first of."""


class SignalWithStart:
    """Builds Signal-With-Start requests of one process for one namespace and task queue.

    Both id policies are always explicit: Signal-With-Start would default to ALLOW_DUPLICATE.
    """

    def __init__(self, contract: ProcessContract, *, namespace: str, task_queue: str, identity: str) -> None:
        self._template = SignalWithStartWorkflowExecutionRequest(
            namespace=namespace,
            workflow_type=WorkflowType(name=contract.workflow_type),
            task_queue=TaskQueue(name=task_queue),
            identity=identity,
            workflow_id_reuse_policy=contract.reuse_policy.value,  # type: ignore[arg-type]
            workflow_id_conflict_policy=CONFLICT_POLICY.value,  # type: ignore[arg-type]
            signal_name=EVENT_SIGNAL,
        )

    def request(
        self, workflow_id: str, *, start: Payload, events: Sequence[Payload], request_id: str
    ) -> SignalWithStartWorkflowExecutionRequest:
        """Makes the request that delivers events to a workflow, starting it where none is open.

        Args:
            workflow_id: The workflow's id.
            start: The start argument, used when the call starts the workflow.
            events: One payload per event, in order.
            request_id: Kept across retries of the call, so that the server drops repetitions within a run.
        """
        request = SignalWithStartWorkflowExecutionRequest()
        request.CopyFrom(self._template)
        request.workflow_id = workflow_id
        request.request_id = request_id
        request.input.CopyFrom(Payloads(payloads=(start,)))
        request.signal_input.CopyFrom(Payloads(payloads=events))
        return request
