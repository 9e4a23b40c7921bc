"""Kafka as a source, on aiokafka.

aiokafka has eager assignors only, so every rebalance revokes everything: `revoked` is called, drains and commits while
the group waits, and all partitions come back as new ones, from their committed offsets.
"""

import asyncio
import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import ConsumerStoppedError, KafkaConnectionError, KafkaError

from ameide_process.configuration import KafkaSubscription
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._progress import Progress
from ameide_process.ingress._transport import PartitionLag, TransportError, TransportListener
from ameide_process.kafka_dial import why_unreachable
from ameide_process.kafka_security import SecurityArguments, security_arguments

REBALANCE_TIMEOUT_MS: Final = 60_000
"""How long the group waits for a member that drains. aiokafka's default is the session timeout, 10 s: a drain of 10 s
was fenced, and half of its messages were read twice (measured)."""

HEARTBEATS_PER_SESSION: Final = 4
"""Kafka advises at least three heartbeats within a session timeout."""

METADATA_MAX_AGE_MS: Final = 30_000
"""After so long a topic that was deleted and made again is found; aiokafka's default is five minutes."""

MAX_POLL_RECORDS: Final = 500
"""Records of one poll; they are decoded in chunks."""

FETCH_BYTES: Final = 16 * 1024 * 1024
"""Fetched ahead from one broker. aiokafka's default is 50 MiB, a quarter of a pod's memory."""

REQUEST_TIMEOUT: Final = 10.0
"""Seconds for a commit or a question to the broker."""

START_TIMEOUT: Final = 30.0
"""Seconds to connect, learn of the topics and join; then it is tried anew, with word of it."""

WORD_INTERVAL: Final = 2.0
"""Seconds of a start after which, each time, it is said what it waits for."""

LAG_TIMEOUT: Final = 2.5
"""Seconds for end offsets. With the engine's interval of 2 s a broker that dies is noticed within 5 s; one that only
takes its time answers a later question."""

STOP_TIMEOUT: Final = 5.0
"""Seconds to leave the group; a broker that is away does not answer, and the group drops us by itself."""

REJOIN_GRACE: Final = 90.0
"""Seconds without membership that a rebalance may take before it counts as trouble."""

_logger = structlog.get_logger(__name__)


class KafkaTransport:
    """A member of a consumer group on some topics."""

    def __init__(self, settings: KafkaSubscription, *, group: str, subscription: str) -> None:
        """Prepares the member; nothing is connected yet.

        Args:
            settings: Broker, topics and security.
            group: The consumer group.
            subscription: Logical name, for messages to people.

        Raises:
            OSError: A certificate or the password does not load.
        """
        self._settings = settings
        self._group = group
        self._subscription = subscription
        self._security: SecurityArguments = security_arguments(settings)
        self._consumer: AIOKafkaConsumer | None = None
        self._listener: TransportListener | None = None
        self._partitions: dict[TopicPartition, Partition] = {}
        self._committed: dict[TopicPartition, int] = {}
        """Committed positions, once known."""
        self._left_at: float | None = None
        """Since when we are no member; None while we are."""

    @property
    def lease_seconds(self) -> float:
        """The session timeout; a commit counts as a heartbeat, and is refused to who is no member (see `Transport`)."""
        return self._settings.session_timeout_seconds

    async def start(self, listener: TransportListener) -> None:
        """Connects and joins; see `Transport`."""
        self._listener = listener
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._settings.bootstrap_servers,
            group_id=self._group,
            # A static member sends no LeaveGroup when it stops; the coordinator counts the session timeout down.
            group_instance_id=self._settings.group_instance_id,
            enable_auto_commit=False,
            auto_offset_reset=self._settings.start_from,
            # What a producer has not committed, or has taken back, never happened.
            isolation_level="read_committed",
            session_timeout_ms=int(self._settings.session_timeout_seconds * 1000),
            heartbeat_interval_ms=int(self._settings.session_timeout_seconds * 1000 / HEARTBEATS_PER_SESSION),
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            max_poll_records=MAX_POLL_RECORDS,
            fetch_max_bytes=FETCH_BYTES,
            retry_backoff_ms=500,
            **self._security,
        )
        consumer.subscribe(topics=self._settings.topics, listener=_RebalanceListener(self))
        self._consumer = consumer
        starting = asyncio.create_task(consumer.start())
        why = ""
        try:
            async with asyncio.timeout(START_TIMEOUT):
                while not (await asyncio.wait([starting], timeout=WORD_INTERVAL))[0]:
                    why = await self._why_waiting(consumer)
                    listener.waiting(why)
                await starting
        except (KafkaError, OSError, TimeoutError) as error:
            await _cancel(starting)
            await self._close()
            if isinstance(error, KafkaConnectionError) and (
                cause := await why_unreachable(self._settings, self._security)
            ):
                raise TransportError(f"{self._where()}: {cause}") from error
            # Why it waits says more than that it waited too long.
            raise (
                TransportError(why) if why and isinstance(error, TimeoutError) else self._unreachable(error)
            ) from error
        except BaseException:
            await _cancel(starting)
            await self._close()
            raise

    async def poll(self, wait: float) -> Sequence[Message]:
        """Returns messages; see `Transport`."""
        try:
            batches = await self._joined().getmany(timeout_ms=int(wait * 1000))
        except (KafkaError, ConsumerStoppedError) as error:
            raise self._unreachable(error) from error
        except UnicodeDecodeError as error:
            # aiokafka reads header names itself, and does not say of which record; it stops there, so nothing is lost.
            raise TransportError(
                f"a record of {', '.join(self._settings.topics)} has a header name that is no UTF-8 ({error}); "
                "the consumer cannot read past it, so remove the record or move the group's offset behind it"
            ) from error
        messages: list[Message] = []
        partitions = self._partitions
        for topic_partition, records in batches.items():
            partition = partitions.get(topic_partition)
            # Not ours any more: they come again, to whoever has the partition then.
            if partition is not None:
                messages += [_message(partition, record) for record in records]
        return messages

    def pause(self, partitions: Mapping[Partition, str]) -> None:
        """Stops delivery; see `Transport`."""
        # During a stop there may be no consumer any more, and nothing to pause.
        if self._consumer is not None:
            self._consumer.pause(*self._assigned(partitions))

    def resume(self, partitions: Collection[Partition]) -> None:
        """Goes on with delivery; see `Transport`."""
        if self._consumer is not None:
            self._consumer.resume(*self._assigned(partitions))

    async def commit(self, progress: Progress) -> None:
        """Commits offsets; see `Transport`."""
        positions = progress.positions
        offsets = {each: positions[partition] for each, partition in self._partitions.items() if partition in positions}
        if not offsets:
            return
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                await self._joined().commit(offsets)
        except (KafkaError, ConsumerStoppedError, TimeoutError) as error:
            raise TransportError(f"offsets are not committed: {_what(error)}") from error
        self._committed.update(offsets)

    async def lag(self) -> Sequence[PartitionLag]:
        """Asks for end and committed offsets; see `Transport`."""
        consumer = self._joined()
        partitions = dict(self._partitions)
        if self._left_at is not None and asyncio.get_running_loop().time() - self._left_at > REJOIN_GRACE:
            raise TransportError(f"kafka group {self._group} does not take us back; see the group at the broker")
        try:
            async with asyncio.timeout(LAG_TIMEOUT):
                if not partitions:
                    # Legitimate where the group has more members than the topics have partitions.
                    if absent := await self._absent_topics(consumer):
                        raise TransportError(absent)
                    return []
                ends = await consumer.end_offsets(partitions)
                for each in partitions.keys() - self._committed.keys():
                    self._committed[each] = await self._position(consumer, each)
        except (KafkaError, ConsumerStoppedError, TimeoutError) as error:
            raise self._unreachable(error) from error
        return [
            PartitionLag(partition, max(0, ends[each] - self._committed.get(each, 0)))
            for each, partition in partitions.items()
        ]

    async def retention(self) -> timedelta | None:
        """Asks for `retention.ms` of the topics; see `Transport`."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._settings.bootstrap_servers, **self._security)
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                await admin.start()
                answers = await admin.describe_configs(
                    [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in self._settings.topics]
                )
        except (KafkaError, OSError, TimeoutError):
            # Only a warning depends on it; that the broker is away is said elsewhere.
            return None
        finally:
            with contextlib.suppress(KafkaError, OSError):
                await admin.close()
        return max(_retentions(answers), default=None)

    async def stop(self) -> None:
        """Drains and leaves; see `Transport`."""
        if self._consumer is None:
            return
        # Closing the consumer does not call the listener.
        await self.on_revoked()
        await self._close()

    # Called by the rebalance listener

    async def on_revoked(self) -> None:
        """Gives up what is assigned."""
        if self._listener is None:
            return
        if self._left_at is None:
            self._left_at = asyncio.get_running_loop().time()
        partitions = list(self._partitions.values())
        if partitions:
            # Still assigned while it drains: it commits.
            await self._listener.revoked(partitions)
        self._partitions = {}

    def on_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Takes what the group gives."""
        if self._listener is None:
            return
        self._left_at = None
        self._committed = {}
        self._partitions = {each: Partition(each.topic, each.partition) for each in assigned}
        self._listener.assigned(list(self._partitions.values()))

    # Parts

    async def _why_waiting(self, consumer: AIOKafkaConsumer) -> str:
        """What a start waits for, as far as the broker says."""
        try:
            async with asyncio.timeout(WORD_INTERVAL):
                absent = await self._absent_topics(consumer)
        except (KafkaError, OSError, TimeoutError) as error:
            return str(self._unreachable(error))
        return absent or f"kafka group {self._group} has not given us partitions yet"

    async def _absent_topics(self, consumer: AIOKafkaConsumer) -> str:
        """Which topics there are not, as a sentence; empty: all are there."""
        absent = sorted(set(self._settings.topics) - await consumer.topics())
        return f"kafka has no topic {', '.join(absent)}, or does not show it to us; create it" if absent else ""

    async def _position(self, consumer: AIOKafkaConsumer, each: TopicPartition) -> int:
        committed = await consumer.committed(each)
        if committed is not None:
            return committed
        return (await consumer.beginning_offsets([each]))[each]

    def _assigned(self, partitions: Collection[Partition]) -> list[TopicPartition]:
        return [each for each, partition in self._partitions.items() if partition in partitions]

    def _joined(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise TransportError("the Kafka consumer is not started")
        return self._consumer

    async def _close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(STOP_TIMEOUT):
                    await consumer.stop()

    def _unreachable(self, error: Exception) -> TransportError:
        return TransportError(
            f"{self._where()}: {_what(error)}; check bootstrapServers, and that the broker runs there"
        )

    def _where(self) -> str:
        servers = ",".join(self._settings.bootstrap_servers)
        return f"cannot reach kafka at {servers} for subscription {self._subscription}"


class _RebalanceListener(ConsumerRebalanceListener):
    def __init__(self, transport: KafkaTransport) -> None:
        self._transport = transport

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        del revoked  # everything, always
        await self._transport.on_revoked()

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._transport.on_assigned(assigned)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _message(partition: Partition, record: ConsumerRecord) -> Message:
    # A header without a value comes as None, whatever the types say.
    headers = [(name, value or b"") for name, value in record.headers] if record.headers else ()
    return Message(partition, record.offset, record.value, record.key, headers, record.timestamp)


def _retentions(answers: Iterable[Any]) -> Iterator[timedelta]:
    for answer in answers:
        for resource in answer.to_object()["resources"]:
            for entry in resource["config_entries"]:
                value = str(entry["config_value"])
                if entry["config_names"] == "retention.ms" and value.lstrip("-").isdecimal():
                    yield timedelta.max if int(value) < 0 else timedelta(milliseconds=int(value))


def _what(error: BaseException) -> str:
    return str(error) or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)
