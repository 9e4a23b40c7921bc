"""Dead letters on a Kafka topic."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from ameide_process.configuration import KafkaOutput
from ameide_process.kafka_dial import why_unreachable
from ameide_process.kafka_security import security_arguments
from ameide_process.outputs import OutputRecord
from ameide_process.redrive._stream import DeadLetterStreamError, StoredRecord

OPEN_TIMEOUT = 15.0
"""Seconds to connect and to ask for the topic's ends."""

SILENCE_TIMEOUT = 30.0
"""Seconds without a record before the end, after which the broker counts as away."""

ASSIGNMENT_PAUSE = 0.02
"""Seconds between two looks whether the client knows the topic's partitions."""

BATCH_RECORDS = 500

POLL_MS = 500


class KafkaDeadLetters:
    """All partitions of one topic, read without a consumer group: nothing is committed, nobody is disturbed."""

    def __init__(self, settings: KafkaOutput, *, name: str) -> None:
        """Prepares reading; nothing is connected yet.

        Args:
            settings: Broker and topic.
            name: Of the output in OUTPUT_CONFIG, for messages to people.

        Raises:
            OSError: A certificate or the password does not load.
        """
        self._settings = settings
        self._name = name
        self._security = security_arguments(settings)
        self._consumer: AIOKafkaConsumer | None = None
        self._begins: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}
        self._unseen: set[TopicPartition] = set()
        """Partitions of which nothing was fetched yet."""

    @property
    def where(self) -> str:
        """What it reads; see `DeadLetterSource`."""
        servers = ",".join(self._settings.bootstrap_servers)
        return f"{self._name} (kafka topic {self._settings.topic} at {servers})"

    @property
    def records(self) -> int:
        """Offsets between beginning and end; see `DeadLetterSource`."""
        return sum(end - self._begins[each] for each, end in self._ends.items())

    async def open(self) -> None:
        """Connects and remembers the end offsets; see `DeadLetterSource`."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._settings.bootstrap_servers,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=BATCH_RECORDS,
            **self._security,
        )
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                await consumer.start()
                if self._settings.topic not in await consumer.topics():
                    raise DeadLetterStreamError(
                        f"{self.where}: there is no such topic, or it is not shown to us; check OUTPUT_CONFIG"
                    )
                # Asked for only now: some brokers make a topic that somebody subscribes to.
                consumer.subscribe(topics=[self._settings.topic])
                while not (partitions := consumer.assignment()):  # noqa: ASYNC110 -- the client has no event for it
                    await asyncio.sleep(ASSIGNMENT_PAUSE)
                self._begins = await consumer.beginning_offsets(partitions)
                self._ends = await consumer.end_offsets(partitions)
                self._unseen = set(partitions)
        except (KafkaError, OSError, TimeoutError) as error:
            await _stop(consumer)
            cause = isinstance(error, KafkaConnectionError) and await why_unreachable(self._settings, self._security)
            raise self._failed(cause or error) from error
        except BaseException:
            await _stop(consumer)
            raise
        self._consumer = consumer

    async def read(self) -> AsyncIterator[Sequence[StoredRecord]]:
        """Reads up to the remembered end offsets; see `DeadLetterSource`."""
        consumer = self._consumer
        assert consumer is not None, "open before read"  # noqa: S101 - narrows the type
        for each, begin in self._begins.items():
            consumer.seek(each, begin)
        open_partitions = {each for each, end in self._ends.items() if self._begins[each] < end}
        try:
            while open_partitions:
                async with asyncio.timeout(SILENCE_TIMEOUT):
                    batches = await consumer.getmany(*open_partitions, timeout_ms=POLL_MS)
                    while not batches and not await self._passed(consumer, open_partitions):
                        batches = await consumer.getmany(*open_partitions, timeout_ms=POLL_MS)
                for each in self._unseen & batches.keys():
                    # The embedded broker's end offset may lack the rest of the last batch; a fetch tells the true one.
                    self._ends[each] = max(self._ends[each], consumer.highwater(each) or 0)
                self._unseen -= batches.keys()
                for each, records in batches.items():
                    yield [
                        StoredRecord(
                            each.partition,
                            record.offset,
                            OutputRecord(record.value or b"", record.key, record.headers),
                        )
                        for record in records
                        if record.offset < self._ends[each]
                    ]
                open_partitions -= await self._passed(consumer, open_partitions)
        except (KafkaError, OSError, TimeoutError) as error:
            raise self._failed(error) from error

    async def close(self) -> None:
        """Releases the connection; see `DeadLetterSource`."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await _stop(consumer)

    async def _passed(self, consumer: AIOKafkaConsumer, partitions: set[TopicPartition]) -> set[TopicPartition]:
        """Partitions that are read to their end; the last offsets may hold no record, as after a transaction."""
        return {each for each in partitions if await consumer.position(each) >= self._ends[each]}

    def _failed(self, cause: Exception | str) -> DeadLetterStreamError:
        what = str(cause) or ("no answer in time" if isinstance(cause, TimeoutError) else type(cause).__name__)
        return DeadLetterStreamError(f"cannot read {self.where}: {what}; check that the broker runs and lets us read")


async def _stop(consumer: AIOKafkaConsumer) -> None:
    with contextlib.suppress(KafkaError, OSError):
        await consumer.stop()
