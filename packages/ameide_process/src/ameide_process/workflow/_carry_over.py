"""What a run hands to the next one through Continue-As-New: one argument, in the place of the start argument."""

from ameide_core_proto.process.v1.process_runtime_pb2 import CarryOver
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

_MESSAGE_TYPE = CarryOver.DESCRIPTOR.full_name.encode()


def unpack(argument: Payload) -> CarryOver:
    """Reads a workflow argument.

    Returns:
        What the last run carried; for a first run a message that holds the start argument alone.
    """
    if argument.metadata.get("messageType") == _MESSAGE_TYPE:
        return CarryOver.FromString(argument.data)
    return CarryOver(start=argument.SerializeToString())


def binary_argument(message: Message) -> RawValue:
    """Encodes an argument as binary protobuf: protobuf-JSON would lose fields that this version does not know."""
    return RawValue(
        Payload(
            metadata={"encoding": b"binary/protobuf", "messageType": message.DESCRIPTOR.full_name.encode()},
            data=message.SerializeToString(deterministic=True),
        )
    )


def restore(state_type: type[Message], carry_over: CarryOver) -> Message:
    """Makes the state message of a run: what the last one carried, or the empty state."""
    return state_type.FromString(carry_over.state)
