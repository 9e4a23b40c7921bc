"""Why a message can never be handled: permanent faults of the message itself.

A message with such a fault goes to the dead-letter stream with its reason; retrying cannot help.
"""

from enum import StrEnum


class InvalidReason(StrEnum):
    """Stable words for programs; they stand in dead-letter records, so they are never renamed."""

    UNDECODABLE = "undecodable"
    """The bytes are not the envelope."""
    WRONG_CONTENT_TYPE = "wrong-content-type"
    """The content type is none that the ingress reads."""
    CLOUDEVENT_MISMATCH = "cloudevent-mismatch"
    """CloudEvents attributes are missing, malformed or contradict the envelope."""
    UNKNOWN_CASE = "unknown-case"
    """The envelope carries no payload case that this version knows."""
    UNKNOWN_SIGNAL = "unknown-signal"
    """A signal that the process does not take was sent to the workflow."""
    MISSING_IDEMPOTENCY_KEY = "missing-idempotency-key"
    MISSING_KEY = "missing-key"
    """A field of the workflow key is empty or unset."""
    KEY_TOO_LONG = "key-too-long"
    """The workflow id would be longer than Temporal takes."""
    WRONG_SCHEMA_VERSION = "wrong-schema-version"
    """The schema version is not between 1 and the contract's api_major."""
    TOO_LARGE = "too-large"
    """The event is larger than a signal may be."""
    LATE = "late"
    """The process had finished, and the event was not applied before."""


class InvalidEventError(ValueError):
    """A message that can never be handled.

    Attributes:
        reason: Why, as a stable word.
    """

    def __init__(self, reason: InvalidReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
