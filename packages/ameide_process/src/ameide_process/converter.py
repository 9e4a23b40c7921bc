"""The one data converter of client, worker and Replayer.

The SDK's own protobuf-JSON converter refuses a field that it does not know, which leaves a run stuck for ever when a
newer ingress adds one. This one ignores it.
"""

import dataclasses

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


DATA_CONVERTER = dataclasses.replace(DataConverter.default, payload_converter_class=ProcessPayloadConverter)
