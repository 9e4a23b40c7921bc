"""How values become part of a workflow id, such that different keys never give the same id.

Each value is percent-encoded outside `[A-Za-z0-9._~-]`, and the generator refuses templates in which two values
meet without a separator from outside that alphabet, so an id can be read back in one way only.
"""

from urllib.parse import quote

from google.protobuf.descriptor import EnumDescriptor

from ameide_process.invalid_event import InvalidEventError, InvalidReason

MAXIMUM_LENGTH = 1000
"""Temporal's default limit of an id, in bytes (`limit.maxIDLength`)."""


def text(value: str, path: str) -> str:
    """Percent-encodes a string value.

    Args:
        value: The field's value.
        path: The field's path in the envelope, for the error.

    Raises:
        InvalidEventError: The value is empty.
    """
    if not value:
        raise InvalidEventError(InvalidReason.MISSING_KEY, f"{path} is empty; the workflow id is made of it")
    return quote(value, safe="")


def integer(value: int, path: str, *, present: bool) -> str:
    """Renders an integer value.

    Args:
        value: The field's value.
        path: The field's path in the envelope, for the error.
        present: Whether the message says the value: `HasField` where the field has presence, else `value != 0`,
            since without presence 0 and unset are the same on the wire.

    Raises:
        InvalidEventError: The value is not present.
    """
    if not present:
        raise InvalidEventError(
            InvalidReason.MISSING_KEY,
            f"{path} is unset (or 0, which is the same on the wire unless the field is declared optional); "
            "the workflow id is made of it",
        )
    return str(value)


def enum(number: int, path: str, descriptor: EnumDescriptor, *, present: bool) -> str:
    """Renders an enum value by name.

    Args:
        number: The field's value.
        path: The field's path in the envelope, for the error.
        descriptor: `DESCRIPTOR` of the generated enum.
        present: As for `integer`.

    Raises:
        InvalidEventError: The value is not present, or has no name in the enum.
    """
    if not present:
        raise InvalidEventError(InvalidReason.MISSING_KEY, f"{path} is unset; the workflow id is made of it")
    value = descriptor.values_by_number.get(number)
    if value is None:
        raise InvalidEventError(
            InvalidReason.MISSING_KEY, f"{path} is {number}, which {descriptor.full_name} does not name"
        )
    return value.name


def bounded(workflow_id: str) -> str:
    """Returns the id unchanged when Temporal takes it.

    Raises:
        InvalidEventError: It is longer than Temporal's limit.
    """
    if len(workflow_id) > MAXIMUM_LENGTH:
        raise InvalidEventError(
            InvalidReason.KEY_TOO_LONG,
            f"the workflow id would have {len(workflow_id)} bytes, and Temporal takes {MAXIMUM_LENGTH}; "
            f"it begins {workflow_id[:80]!r}",
        )
    return workflow_id
