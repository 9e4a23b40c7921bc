"""Kafka as a source, on aiokafka.

aiokafka has eager assignors only, so every rebalance revokes everything: `revoked` is called, drains and commits while
the group waits, and all partitions come back as new ones, from their committed offsets.

A topic that is deleted and made anew is another log under an old name. What is fetched is delivered only once the
broker has said, after the fetch, that the topic still is the one whose positions we count; otherwise its partitions are
given back and come anew, at their beginning.
"""

import asyncio
import contextlib
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final

import structlog
from aiokafka import (
    AIOKafkaConsumer,
    ConsumerRebalanceListener,
    ConsumerRecord,
    TopicPartition,
)
from aiokafka.errors import (
    ConsumerStoppedError,
    KafkaConnectionError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from ameide_process.configuration import KafkaSubscription
from ameide_process.ingress import _kafka_odd_headers as odd_headers
from ameide_process.ingress._kafka_beginning import Commit
from ameide_process.ingress._kafka_errors import unreachable, what, whereabouts
from ameide_process.ingress._kafka_places import KafkaPlaces, Place
from ameide_process.ingress._kafka_retention import longest_retention
from ameide_process.ingress._kafka_topics import KafkaTopics
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

START_TIMEOUT: Final = 30.0
"""Seconds to connect, learn of the topics and join; then it is tried anew, with word of it."""

WORD_INTERVAL: Final = 2.0
"""Seconds of a start after which, each time, it is said what it waits for."""

TOPIC_PAUSE: Final = 0.5
"""Seconds between two looks whether one of the topics is there."""

LAG_TIMEOUT: Final = 2.5
"""Seconds for end offsets. With the engine's interval of 2 s a broker that dies is noticed within 5 s; one that only
takes its time answers a later question."""

STOP_TIMEOUT: Final = 5.0
"""Seconds to leave the group; a broker that is away does not answer, and the group drops us by itself."""

REJOIN_GRACE: Final = 90.0
"""Seconds without membership that a rebalance may take before it counts as trouble."""

ODD_SEARCHES: Final = 3
"""In vain and in a row, before it counts as trouble that a header name is not found."""

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
        self._topics = KafkaTopics(settings, self._security)
        self._places = KafkaPlaces(settings, self._security, self._topics, group=group)
        self._fetched: list[Message] = []
        """Messages that wait for the word that their topics are still the same."""
        self._odd_searches = 0
        """In a row, for a header name that is no UTF-8, and found none."""
        self._trouble = ""
        """Why the last poll failed; empty: it did not."""
        self._joined_once = asyncio.Event()
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
            # Where to begin is ours to say: aiokafka's reset after an unknown offset would skip to it in silence.
            auto_offset_reset="none",
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
        self._consumer = consumer
        self._joined_once.clear()
        starting = asyncio.create_task(self._join(consumer))
        why = ""
        try:
            async with asyncio.timeout(START_TIMEOUT):
                while not (await asyncio.wait([starting], timeout=WORD_INTERVAL))[0]:
                    why = await self._why_waiting()
                    listener.waiting(why)
                await starting
        except (KafkaError, OSError, TimeoutError) as error:
            await _cancel(starting)
            await self._close()
            if isinstance(error, KafkaConnectionError) and (
                cause := await why_unreachable(self._settings, self._security)
            ):
                raise TransportError(f"{whereabouts(self._settings, self._subscription)}: {cause}") from error
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
        consumer, listener = self._joined()
        try:
            await self._places.begin(consumer, listener)
            if not self._fetched:
                self._fetched = await self._fetch(consumer, listener, wait)
            await self._places.look(consumer, listener, fetched=bool(self._fetched))
        except (KafkaError, ConsumerStoppedError, OSError, TimeoutError) as error:
            failure = self._unreachable(error)
            self._trouble = str(failure)
            raise failure from error
        except TransportError as error:
            self._trouble = str(error)
            raise
        self._trouble = ""
        fetched, self._fetched = self._fetched, []
        ours = self._places.announced
        # Not ours any more: they come again, to whoever has the partition then.
        return [each for each in fetched if each.partition in ours]

    def pause(self, partitions: Mapping[Partition, str]) -> None:
        """Stops delivery; see `Transport`."""
        # During a stop there may be no consumer any more, and nothing to pause.
        if self._consumer is not None:
            self._consumer.pause(*self._places.of(partitions))

    def resume(self, partitions: Collection[Partition]) -> None:
        """Goes on with delivery; see `Transport`."""
        if self._consumer is not None:
            self._consumer.resume(*self._places.of(partitions))
            # Much may have happened to its topic meanwhile.
            self._places.distrust()

    async def commit(self, progress: Progress) -> None:
        """Commits offsets; see `Transport`."""
        consumer, _ = self._joined()
        places = self._places
        offsets = {
            each: Commit(progress.positions[place.partition], place.topic_id, place.partitions)
            for each, place in places.places.items()
            # For a topic that is gone aiokafka would go on trying, and commit nothing else meanwhile.
            if place.partition in progress.positions and each.topic not in places.absent
        }
        if not offsets:
            raise TransportError("offsets are not committed: their partitions are not ours any more, or gone")
        try:
            await places.commit(consumer, offsets)
        except (KafkaError, ConsumerStoppedError, TimeoutError) as error:
            raise TransportError(f"offsets are not committed: {what(error)}") from error

    async def lag(self) -> Sequence[PartitionLag]:
        """Asks for end offsets; see `Transport`."""
        consumer, _ = self._joined()
        if self._left_at is not None and asyncio.get_running_loop().time() - self._left_at > REJOIN_GRACE:
            raise TransportError(f"kafka group {self._group} does not take us back; see the group at the broker")
        if trouble := self._places.beginning_anew or self._trouble:
            raise TransportError(trouble)
        try:
            async with asyncio.timeout(LAG_TIMEOUT):
                # With every topic, also where none of them is ours: it tells whether the broker is there.
                ids = await self._topics.ids(self._settings.topics)
                places = {
                    each: place
                    for each, place in self._places.places.items()
                    if place.next is not None and each.topic in ids
                }
                # None is legitimate where the group has more members than the topics have partitions.
                ends = await consumer.end_offsets(places) if places else {}
                positions = {each: await consumer.position(each) for each in places if each in consumer.assignment()}
        except (KafkaError, ConsumerStoppedError, OSError, TimeoutError) as error:
            raise self._unreachable(error) from error
        lags = [
            PartitionLag(place.partition, max(0, ends[each] - _done_to(place, positions.get(each, 0))))
            for each, place in places.items()
        ]
        if absent := self._say_absent(ids):
            raise TransportError(absent, lags=lags)
        return lags

    async def retention(self) -> timedelta | None:
        """Asks for `retention.ms` of the topics; see `Transport`."""
        return await longest_retention(self._settings, self._security)

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
        if partitions := self._places.announced:
            # Still assigned while it drains: it commits.
            await self._listener.revoked(partitions)
        self._places.assign(())

    def on_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Takes what the group gives."""
        if self._listener is None:
            return
        self._left_at = None
        self._places.assign(assigned)
        self._listener.assigned(self._places.announced)
        self._joined_once.set()

    # Parts

    async def _join(self, consumer: AIOKafkaConsumer) -> None:
        """Connects, waits for a topic, and for what the group gives us."""
        await consumer.start()
        while True:
            ids = await self._topics.ids(self._settings.topics, create=True)
            self._places.seen(ids)
            if ids:
                break
            await asyncio.sleep(TOPIC_PAUSE)
        # Only now: a start waits for every topic that is subscribed to, and so one that is absent would stop them all.
        consumer.subscribe(topics=self._settings.topics, listener=_RebalanceListener(self))
        # Raises what keeps the group from taking us. What it reads comes again, since the places are not known yet.
        with contextlib.suppress(NoOffsetForPartitionError, OffsetOutOfRangeError, UnicodeDecodeError):
            await consumer.getmany(timeout_ms=0)
        await self._joined_once.wait()

    async def _why_waiting(self) -> str:
        """What a start waits for, as far as the broker says."""
        try:
            async with asyncio.timeout(WORD_INTERVAL):
                ids = await self._topics.ids(self._settings.topics)
        except (KafkaError, OSError, TimeoutError) as error:
            return str(self._unreachable(error))
        return (not ids and self._say_absent(ids)) or f"kafka group {self._group} has not given us partitions yet"

    def _say_absent(self, ids: Mapping[str, str]) -> str:
        """Which topics there are not, as a sentence; empty: all are there."""
        absent = ", ".join(sorted(set(self._settings.topics) - ids.keys()))
        return f"kafka has no topic {absent}, or does not show it to us; create it" if absent else ""

    async def _fetch(self, consumer: AIOKafkaConsumer, listener: TransportListener, wait: float) -> list[Message]:
        """Reads on.

        Raises:
            KafkaError: The broker refuses us, or a record is broken.
            TransportError: What is there cannot be read.
        """
        places = self._places.places
        try:
            batches = await consumer.getmany(timeout_ms=int(wait * 1000))
        except OffsetOutOfRangeError as error:
            lost: Mapping[TopicPartition, int] = error.args[0]
            reasons = {
                each: f"kafka has no offset {offset} of {each.topic}/{each.partition}" for each, offset in lost.items()
            }
            await self._places.begin_anew(consumer, listener, reasons)
            return []
        except NoOffsetForPartitionError:
            # Of one whose place is not known yet, as that of a topic that is gone.
            return []
        except (KafkaError, UnicodeDecodeError) as error:
            # What aiokafka had taken of other partitions before this one failed is lost to it.
            for each, place in places.items():
                if place.next is not None and self._places.places is places:
                    consumer.seek(each, place.next)
            if isinstance(error, KafkaError):
                raise
            return await self._fetch_odd(consumer, places)
        self._odd_searches = 0
        messages: list[Message] = []
        for each, records in batches.items():
            place = places.get(each)
            if place is not None and place.next is not None:
                messages += [_message(place.partition, record) for record in records]
                place.next = records[-1].offset + 1
        return messages

    async def _fetch_odd(self, consumer: AIOKafkaConsumer, places: Mapping[TopicPartition, Place]) -> list[Message]:
        """Reads on in the partition where aiokafka met a header name that is no UTF-8; it does not say in which.

        Raises:
            KafkaError: The broker refuses us, or a record is broken.
            OSError: The broker is away.
            TimeoutError: Likewise.
        """
        for each in places.keys() - consumer.paused():
            place = places[each]
            if place.next is None:
                continue
            leader = await self._topics.leader(each.topic, each.partition)
            records = await odd_headers.fetch(leader, self._security, each, place.next)
            messages = [odd_headers.escaped(_message(place.partition, record)) for record in records]
            if any(message.spoilt for message in messages) and self._places.places is places:
                self._odd_searches = 0
                place.next = messages[-1].position + 1
                consumer.seek(each, place.next)
                return messages
        # What aiokafka met may be of a partition that is not ours any more: of one that is, it meets it again.
        self._odd_searches += 1
        if self._odd_searches < ODD_SEARCHES or self._places.places is not places:
            return []
        at = ", ".join(sorted(f"{place.partition} at {place.next}" for place in places.values()))
        raise TransportError(f"a header name is no UTF-8, in a record soon after one of {at}, and is not found again")

    def _joined(self) -> tuple[AIOKafkaConsumer, TransportListener]:
        if self._consumer is None or self._listener is None:
            raise TransportError("the Kafka consumer is not started")
        return self._consumer, self._listener

    async def _close(self) -> None:
        consumer, self._consumer = self._consumer, None
        await self._topics.close()
        if consumer is not None:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(STOP_TIMEOUT):
                    await consumer.stop()

    def _unreachable(self, error: Exception) -> TransportError:
        return unreachable(self._settings, self._subscription, error)


class _RebalanceListener(ConsumerRebalanceListener):
    def __init__(self, transport: KafkaTransport) -> None:
        self._transport = transport

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        del revoked  # everything, always
        await self._transport.on_revoked()

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._transport.on_assigned(assigned)


def _done_to(place: Place, position: int) -> int:
    """Below which offset there is nothing left to do.

    Behind the last message that was delivered may stand what is none, such as the end of a transaction: the consumer's
    position is past it, and nothing of it is ever committed.
    """
    is_all_committed = place.next is not None and place.committed >= place.next
    return max(place.committed, position) if is_all_committed else place.committed


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _message(partition: Partition, record: ConsumerRecord) -> Message:
    return Message(partition, record.offset, record.value, record.key, record.headers, record.timestamp)
