"""Outputs on Kafka topics."""

import asyncio
import contextlib

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    LeaderNotAvailableError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    UnknownTopicOrPartitionError,
    for_code,
)

from ameide_process.configuration import KafkaOutput
from ameide_process.kafka_dial import why_unreachable
from ameide_process.kafka_security import security_arguments
from ameide_process.outputs._output import OutputRecord, OutputTooLargeError, OutputUnavailableError

REQUEST_TIMEOUT_MS = 10_000
"""Age at which the producer gives a record up."""

PUBLISH_TIMEOUT = 20.0
"""Seconds for everything: connecting, learning of the topic, and the record itself."""

LOOK_TIMEOUT = 4.0
"""Seconds to ask for the topic, connecting included."""

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
        self._admin: AIOKafkaAdminClient | None = None
        """Asks for the topic; the producer, once it knows a topic, does not ask again."""

    async def publish(self, record: OutputRecord) -> None:
        """Writes a record; see `Output`."""
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT):
                producer = await self._started()
                await producer.send_and_wait(
                    self._settings.topic,
                    value=record.value,
                    key=record.key,
                    headers=list(record.headers),
                    partition=await self._partition(producer, record),
                )
        except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
            raise OutputTooLargeError(
                size=_size(record), limit=f"max.message.bytes of Kafka topic {self._settings.topic}"
            ) from error
        except (KafkaError, OSError, TimeoutError) as error:
            raise self._unavailable(_what(error)) from error

    async def look(self) -> None:
        """Asks for the topic; see `Output`. A broker that makes absent topics makes it with that."""
        admin = self._admin or AIOKafkaAdminClient(bootstrap_servers=self._settings.bootstrap_servers, **self._security)
        try:
            async with asyncio.timeout(LOOK_TIMEOUT):
                if self._admin is None:
                    await admin.start()
                (answer,) = await admin.describe_topics([self._settings.topic])
        except (KafkaError, OSError, TimeoutError) as error:
            # Another one next time, so that a broker with another address is found.
            self._admin = None
            await _stop(admin)
            cause = isinstance(error, KafkaConnectionError) and await why_unreachable(self._settings, self._security)
            raise self._unavailable(cause or _what(error)) from error
        except BaseException:
            self._admin = None
            await _stop(admin)
            raise
        self._admin = admin
        refusal = for_code(answer["error_code"])
        if issubclass(refusal, UnknownTopicOrPartitionError):
            raise self._unavailable("the topic does not exist, or is not shown to us; create it")
        if answer["error_code"] != 0 and not issubclass(refusal, LeaderNotAvailableError):
            raise self._unavailable(str(refusal()))

    async def close(self) -> None:
        """Releases the connections; see `Output`."""
        admin, self._admin = self._admin, None
        if admin is not None:
            await _stop(admin)
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop(producer)

    def _unavailable(self, what: str) -> OutputUnavailableError:
        where = ",".join(self._settings.bootstrap_servers)
        return OutputUnavailableError(f"output {self._name} (kafka topic {self._settings.topic} at {where}): {what}")

    async def _partition(self, producer: AIOKafkaProducer, record: OutputRecord) -> int | None:
        if record.partition is None:
            return None
        # A topic that was made anew may have fewer.
        there = record.partition in await producer.partitions_for(self._settings.topic)
        return record.partition if there else None

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


async def _stop(client: AIOKafkaProducer | AIOKafkaAdminClient) -> None:
    # Closing is a courtesy to the broker; whatever it raises, the client is not used again.
    with contextlib.suppress(KafkaError, OSError):
        await (client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())


def _what(error: Exception) -> str:
    return str(error) or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)


def _size(record: OutputRecord) -> int:
    headers = sum(len(name) + len(value or b"") + 8 for name, value in record.headers)
    return len(record.value) + len(record.key or b"") + headers + RECORD_OVERHEAD_BYTES
