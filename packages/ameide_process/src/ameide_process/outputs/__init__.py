"""Streams that a process writes to: dead letters, emitted facts and progress facts by the same door."""

from ameide_process.configuration import OutputSettings
from ameide_process.outputs._dead_letter import FACT_REFUSED, DeadLetterPublisher, DeadLetterRecord, SourcePosition
from ameide_process.outputs._fact import FactPublisher, FactRecord
from ameide_process.outputs._kafka import KafkaTopicOutput
from ameide_process.outputs._nats import RECORD_KEY, NatsStreamOutput
from ameide_process.outputs._output import (
    Headers,
    Output,
    OutputError,
    OutputRecord,
    OutputTooLargeError,
    OutputUnavailableError,
)
from ameide_process.outputs._watching import Publisher, watched_outputs

__all__ = [
    "FACT_REFUSED",
    "RECORD_KEY",
    "DeadLetterPublisher",
    "DeadLetterRecord",
    "FactPublisher",
    "FactRecord",
    "Headers",
    "Output",
    "OutputError",
    "OutputRecord",
    "OutputTooLargeError",
    "OutputUnavailableError",
    "Publisher",
    "SourcePosition",
    "open_output",
    "watched_outputs",
]


def open_output(name: str, settings: OutputSettings) -> Output:
    """Makes the output for its settings; nothing is connected until the first record.

    Args:
        name: Name of the output in OUTPUT_CONFIG, for messages to people.
        settings: Its transport.

    Raises:
        OSError: A certificate or the password does not load.
    """
    match settings.kind:
        case "kafka":
            return KafkaTopicOutput(settings, name=name)
        case "nats":
            return NatsStreamOutput(settings, name=name)
