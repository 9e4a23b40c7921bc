"""What a run hands to the next one through Continue-As-New: one argument, in the place of the start argument."""

from ameide_core_proto.process.v1.process_runtime_pb2 import CarryOver
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

_MESSAGE_TYPE = CarryOver.DESCRIPTOR.full_name.encode()

_TAKEN_OVER = ("state", "applied", "pending", "failures", "counts", "unsent", "cause")
"""Fields that live elsewhere while a run runs."""


def unpack(argument: Payload) -> CarryOver:
    """Reads a workflow argument.

    Returns:
        What the last run carried; for a first run a message that holds the start argument alone.
    """
    if argument.metadata.get("messageType") == _MESSAGE_TYPE:
        return CarryOver.FromString(argument.data)
    return CarryOver(start=argument.SerializeToString(deterministic=True))


def remainder(carried: CarryOver) -> CarryOver:
    """What is left of a carry-over once the run has taken over its own: the frame of the next one.

    It keeps the start argument, and the fields that a newer version wrote and this one does not know.
    """
    frame = CarryOver()
    frame.CopyFrom(carried)
    for field in _TAKEN_OVER:
        frame.ClearField(field)
    # Parsed anew: a cleared field still holds its memory, up to a megabyte for every workflow in the cache.
    return CarryOver.FromString(frame.SerializeToString())


def binary_argument(message: Message) -> RawValue:
    """Encodes an argument as binary protobuf: protobuf-JSON would lose fields that this version does not know."""
    return RawValue(
        Payload(
            metadata={"encoding": b"binary/protobuf", "messageType": message.DESCRIPTOR.full_name.encode()},
            data=message.SerializeToString(deterministic=True),
        )
    )
