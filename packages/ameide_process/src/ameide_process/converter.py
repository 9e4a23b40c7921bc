"""The one data converter of client, worker and Replayer.

The SDK's own protobuf-JSON converter refuses a field that it does not know, which leaves a run stuck for ever when a
newer ingress adds one. This one ignores it.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.converter import (
    BinaryNullPayloadConverter,
    BinaryPlainPayloadConverter,
    BinaryProtoPayloadConverter,
    CompositePayloadConverter,
    DataConverter,
    JSONPlainPayloadConverter,
    JSONProtoPayloadConverter,
)


class ProcessPayloadConverter(CompositePayloadConverter):
    """Temporal's default converters, with unknown protobuf fields ignored."""

    def __init__(self) -> None:
        super().__init__(
            BinaryNullPayloadConverter(),
            BinaryPlainPayloadConverter(),
            JSONProtoPayloadConverter(ignore_unknown_fields=True),
            BinaryProtoPayloadConverter(),
            JSONPlainPayloadConverter(),
        )

    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:
        """Decodes values; those that all stay raw, as the events of a signal do, without a look at each.

        A workflow may find tens of thousands waiting, and has two seconds before the SDK takes it for deadlocked.

        Raises:
            KeyError: An encoding is unknown.
            RuntimeError: A value does not decode.
        """
        if type_hints and type_hints.count(RawValue) == len(type_hints) == len(payloads):
            return [RawValue(payload) for payload in payloads]
        return super().from_payloads(payloads, type_hints)


DATA_CONVERTER = dataclasses.replace(DataConverter.default, payload_converter_class=ProcessPayloadConverter)
