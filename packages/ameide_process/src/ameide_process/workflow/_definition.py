"""All that the engine needs to know of a process, bound to its message types."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from ameide_process.contract import ProcessContract
from ameide_process.workflow._activity_calls import ActivityCalls


@dataclass(frozen=True)
class ProcessDefinition:
    """The contract of a process with its message types and field accessors. Generated code makes the one instance."""

    contract: ProcessContract
    envelope_type: type[Message]
    start_types: tuple[type[Message], ...]
    """The start messages, lowest version first."""
    state_type: type[Message]
    key: Callable[[Any], Any]
    """From a start message to the typed workflow key."""
    idempotency_key: Callable[[Any], str]
    """From an envelope to its idempotency key."""
    calls: type[ActivityCalls]
    """The typed activity calls of the process."""
