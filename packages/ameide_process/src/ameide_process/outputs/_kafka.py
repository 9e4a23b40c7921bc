"""Outputs on Kafka topics."""

import asyncio
import contextlib

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from ameide_process.configuration import KafkaOutput
from ameide_process.kafka_security import security_arguments
from ameide_process.outputs._output import OutputRecord, OutputTooLargeError, OutputUnavailableError

REQUEST_TIMEOUT_MS = 10_000
"""Age at which the producer gives a record up."""

PUBLISH_TIMEOUT = 20.0
"""Seconds for everything: connecting, learning of the topic, and the record itself."""

MAXIMUM_REQUEST_BYTES = 128 * 1024 * 1024
"""Beyond any record, so that the broker decides what is too large and its limit is the only one."""

RECORD_OVERHEAD_BYTES = 512
"""Batch and record framing beside key, value and headers, generously."""


class KafkaTopicOutput:
    """One topic, written with acks from all in-sync replicas.

    Records are written at least once: a record whose acknowledgement is lost may stand twice. aiokafka's idempotent
    producer would spare the repetition within one connection, but it never gives a record up while the broker is
    away, cannot drop one, and leaves a gap in its sequence after a refusal; the embedded broker does not speak it at
    all (measured, aiokafka 0.14, Tansu). Consumers know repetitions by their source position or event id.

    The first record starts the producer, so that an output whose broker is away does not keep a program from starting.
    """

    def __init__(self, settings: KafkaOutput, *, name: str) -> None:
        """Prepares the output; nothing is connected yet.

        Args:
            settings: Broker and topic.
            name: Name of the output, for messages to people.

        Raises:
            OSError: A certificate or the password does not load.
        """
        self._settings = settings
        self._name = name
        self._security = security_arguments(settings)
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def publish(self, record: OutputRecord) -> None:
        """Writes a record; see `Output`."""
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT):
                producer = await self._started()
                await producer.send_and_wait(
                    self._settings.topic, value=record.value, key=record.key, headers=list(record.headers)
                )
        except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
            raise OutputTooLargeError(
                size=_size(record), limit=f"max.message.bytes of Kafka topic {self._settings.topic}"
            ) from error
        except (KafkaError, OSError, TimeoutError) as error:
            where = ",".join(self._settings.bootstrap_servers)
            what = str(error) or type(error).__name__
            raise OutputUnavailableError(
                f"output {self._name} (kafka topic {self._settings.topic} at {where}): {what}"
            ) from error

    async def close(self) -> None:
        """Releases the connection; see `Output`."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop(producer)

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._settings.bootstrap_servers,
                    acks="all",
                    request_timeout_ms=REQUEST_TIMEOUT_MS,
                    max_request_size=MAXIMUM_REQUEST_BYTES,
                    **self._security,
                )
                try:
                    await producer.start()
                except BaseException:
                    await _stop(producer)
                    raise
                self._producer = producer
            return self._producer


async def _stop(producer: AIOKafkaProducer) -> None:
    # Closing is a courtesy to the broker; whatever it raises, the producer is not used again.
    with contextlib.suppress(KafkaError, OSError):
        await producer.stop()


def _size(record: OutputRecord) -> int:
    headers = sum(len(name) + len(value) + 8 for name, value in record.headers)
    return len(record.value) + len(record.key or b"") + headers + RECORD_OVERHEAD_BYTES
