"""The sample's messages as older and newer versions of the proto file have them. Passed through the sandbox."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    OrderFulfillmentEvent,
    OrderFulfillmentStartV1,
    OrderFulfillmentStateV1,
)
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from workflow_samples.workflow import CASES, CONTRACT, DEFINITION


def _variant(
    message: type[Message], change: Callable[[DescriptorProto], None], *, name: str = "", changed: str = ""
) -> type[Message]:
    """Makes a message type that another version of the proto file would have.

    Args:
        message: The type as it is.
        change: What the other version has changed in it.
        name: What it is called there; by default the same.
        changed: Name of another message of the file that is changed in its place.
    """
    pool = DescriptorPool()

    def add(file: Any) -> None:
        for dependency in file.dependencies:
            add(dependency)
        proto = FileDescriptorProto()
        file.CopyToProto(proto)
        for declared in proto.message_type:
            if declared.name == (changed or message.DESCRIPTOR.name):
                change(declared)
            if declared.name == message.DESCRIPTOR.name:
                declared.name = name or declared.name
        pool.Add(proto)

    add(message.DESCRIPTOR.file)
    package = message.DESCRIPTOR.full_name.rpartition(".")[0]
    variant = GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name or message.DESCRIPTOR.name}"))
    variant.__module__ = message.__module__
    return variant


def _without_shipments(event: DescriptorProto) -> None:
    for field in [field for field in event.field if field.name == "shipment_created"]:
        event.field.remove(field)


def _with_a_note(state: DescriptorProto) -> None:
    state.field.add(
        name="note",
        number=100,
        type=FieldDescriptorProto.TYPE_STRING,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
        json_name="note",
    )


def _with_a_cause_in_place_of_a_reason(command: DescriptorProto) -> None:
    (reason,) = (field for field in command.field if field.name == "reason")
    reason.name = reason.json_name = "cause"


def _unchanged(_: DescriptorProto) -> None:
    pass


OLDER_DEFINITION: Final = replace(
    DEFINITION,
    envelope_type=_variant(OrderFulfillmentEvent, _without_shipments),
    contract=replace(CONTRACT, cases=tuple(case for case in CASES if case.name != "shipment_created")),
)
"""Does not know the case `shipment_created`."""

NEWER_START: Final[Any] = _variant(OrderFulfillmentStartV1, _unchanged, name="OrderFulfillmentStartV2")

NEWER_DEFINITION: Final = replace(
    DEFINITION,
    state_type=_variant(OrderFulfillmentStateV1, _with_a_note),
    start_types=(OrderFulfillmentStartV1, NEWER_START),
)
"""Knows one more field of the state, and a second start version."""

RENAMED_DEFINITION: Final = replace(
    DEFINITION,
    envelope_type=_variant(OrderFulfillmentEvent, _with_a_cause_in_place_of_a_reason, changed="CancelOrder"),
)
"""Calls `CancelOrder.reason` something else."""
