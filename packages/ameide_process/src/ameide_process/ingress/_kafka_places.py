"""The partitions that a Kafka member has: where each is read, of which topic, and what if that is another one."""

import asyncio
import contextlib
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupLoadInProgressError, KafkaError

from ameide_process.configuration import KafkaSubscription
from ameide_process.ingress._kafka_beginning import Commit, beginning, is_another
from ameide_process.ingress._kafka_topics import NO_ID, KafkaTopics
from ameide_process.ingress._message import Partition
from ameide_process.ingress._transport import TransportListener
from ameide_process.kafka_security import SecurityArguments

REQUEST_TIMEOUT: Final = 10.0
"""Seconds for a commit or a question to the broker."""

LOOK_INTERVAL: Final = 1.0
"""Seconds from one look at the topics to the next while nothing is fetched; one small request each time."""

BEYOND_END_GRACE: Final = 5.0
"""Seconds after which a position beyond the end of the log is none of this log. Shorter ones are normal: a new leader
learns its end a little later (KIP-207)."""

APPEARANCE_TIMEOUT: Final = 2.5
"""Seconds for a topic that has just been made to have a leader."""

_logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class Place:
    """How far an assigned partition is read."""

    partition: Partition
    anew: str = ""
    """Why it begins at the beginning whatever is committed, for people; empty: it does not."""
    unread: int | None = None
    """Position that was to be read next before it began anew."""
    topic_id: str = NO_ID
    """Of the topic that is read."""
    announced: bool = True
    """Whether the engine has it."""
    partitions: int | None = None
    """Of the topic when the group began with it; see `Commit`."""
    next: int | None = None
    """Position of the message to be delivered next; None: where to begin is not known yet."""
    committed: int = 0
    """Once `next` is known."""
    beyond_end_since: float | None = None
    """Since when the broker says that `next` is beyond the end of its log."""


class KafkaPlaces:
    """Where the partitions of one member are read.

    Attributes:
        places: Of what is assigned; another object after each rebalance.
        absent: Topics that there are not, or that are not shown to us.
        beginning_anew: What was given back to begin anew and is not ours again, for people; empty: nothing.
    """

    def __init__(
        self, settings: KafkaSubscription, security: SecurityArguments, topics: KafkaTopics, *, group: str
    ) -> None:
        """Prepares them; nothing is assigned yet.

        Args:
            settings: Broker and topics.
            security: aiokafka's arguments of them.
            topics: Asks for topics.
            group: The consumer group.
        """
        self._settings = settings
        self._security = security
        self._topics = topics
        self._group = group
        self.places: dict[TopicPartition, Place] = {}
        self.absent: list[str] = []
        self.beginning_anew = ""
        self._partitions: dict[str, int] = {}
        """Of topics, when the group began with them, as far as this member knows; 0 of one that there was not."""
        self._ids: dict[str, str] = {}
        """Of topics, as this member met them last."""
        self._looked_at = -math.inf
        """When the broker was last asked for the topics, and answered."""

    @property
    def announced(self) -> list[Partition]:
        """The partitions that the engine has."""
        return [place.partition for place in self.places.values() if place.announced]

    def of(self, partitions: Collection[Partition]) -> list[TopicPartition]:
        """Finds what is assigned of some partitions."""
        return [each for each, place in self.places.items() if place.partition in partitions]

    def assign(self, assigned: Collection[TopicPartition]) -> None:
        """Takes what the group gives, in place of what there was."""
        self.places = {each: Place(Partition(each.topic, each.partition)) for each in assigned}

    def distrust(self) -> None:
        """Lets the next look not wait."""
        self._looked_at = -math.inf

    async def begin(self, consumer: AIOKafkaConsumer, listener: TransportListener) -> None:
        """Finds where to begin what is assigned and was not begun yet, and begins there.

        Raises:
            KafkaError: The broker does not say, or the group does not take our word.
            OSError: Likewise.
            TimeoutError: Likewise.
        """
        assigned = self.places
        places = {each: place for each, place in assigned.items() if place.next is None}
        if not places:
            return
        async with asyncio.timeout(REQUEST_TIMEOUT):
            ids = await self._topics.ids(self._settings.topics)
            self.seen(ids)
            places = {each: place for each, place in places.items() if each.topic in ids}
            if not places:
                return
            counts = {each.topic: len(consumer.partitions_for_topic(each.topic) or ()) for each in places}
            commits = await self._commits(
                {*places, *(TopicPartition(each, number) for each in counts for number in range(counts[each]))}
            )
            begins = await consumer.beginning_offsets(places)
            ends = await consumer.end_offsets(places)
        anew = {topic for topic in counts if self._meet(topic, ids[topic])}
        for topic, count in counts.items():
            first = self._first_partitions(topic, ids[topic], commits)
            self._partitions[topic] = count if first is None else first
        begun: dict[TopicPartition, Commit] = {}
        for each, place in places.items():
            commit = commits.get(each)
            if each.topic in anew and (commit is None or commit.topic_id == NO_ID):
                place.anew = place.anew or f"topic {each.topic} was deleted and made anew"
            found = beginning(
                commit,
                ids[each.topic],
                begin=begins[each],
                end=ends[each],
                start_from=self._settings.start_from,
                anew=place.anew,
                unread=place.unread,
                added=each.partition >= self._partitions[each.topic],
            )
            if found.remark:
                _logger.warning("partition not continued", partition=str(place.partition), reason=found.remark)
            elif found.skipped:
                _logger.info("partition begins at its end", partition=str(place.partition), skipped=found.skipped)
            begun[each] = Commit(found.offset, ids[each.topic], self._partitions[each.topic])
        # Before anything is read: from then on the offset says of which topic it is, and a group that begins at the end
        # has a place to come back to.
        await self.commit(consumer, {each: at for each, at in begun.items() if commits.get(each) != at})
        if self.places is not assigned:
            return
        for each, at in begun.items():
            consumer.seek(each, at.offset)
            place = places[each]
            place.next = place.committed = at.offset
            place.topic_id, place.partitions = at.topic_id, at.partitions
            place.anew, place.unread = "", None
            if not place.announced:
                consumer.resume(each)
        fresh = [place for place in places.values() if not place.announced]
        for place in fresh:
            place.announced = True
        if fresh:
            listener.assigned([place.partition for place in fresh])

    async def look(self, consumer: AIOKafkaConsumer, listener: TransportListener, *, fetched: bool) -> None:
        """Looks whether the topics are still those whose positions we count, and begins others anew.

        Args:
            consumer: Reads them.
            listener: The engine.
            fetched: Whether messages wait for the word that their topics are the same: an earlier word is none.

        Raises:
            KafkaError: The broker does not say.
            OSError: Likewise.
            TimeoutError: Likewise.
        """
        now = asyncio.get_running_loop().time()
        if not fetched and now - self._looked_at <= LOOK_INTERVAL:
            return
        ids = await self._topics.ids(self._settings.topics)
        self._looked_at = now
        self.seen(ids)
        anew: dict[TopicPartition, str] = {}
        beyond: list[TopicPartition] = []
        for each, place in self.places.items():
            if place.next is None or each.topic not in ids:
                continue
            if is_another(ids[each.topic], place.topic_id):
                anew[each] = f"topic {each.topic} was deleted and made anew"
            elif self._seems_beyond_end(place, consumer.highwater(each), now):
                beyond.append(each)
        # What aiokafka says is as old as its last fetch, which of a paused partition may be long ago.
        for each, end in (await consumer.end_offsets(beyond)).items() if beyond else ():
            place = self.places.get(each)
            if place is None or place.next is None:
                continue
            if end < place.next:
                anew[each] = f"{place.partition} ends at offset {end}, before {place.next}, which was to be read next"
            else:
                place.beyond_end_since = None
        for topic in ids.keys() - {each.topic for each in self.places}:
            self._meet(topic, ids[topic])
        if anew:
            await self.begin_anew(consumer, listener, anew)
        if unknown := [each for each in ids if consumer.partitions_for_topic(each) is None]:
            # aiokafka learns of a topic when it is asked for a partition that it does not know, and then the group
            # shares it out; by itself it would do so with its next metadata.
            with contextlib.suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(APPEARANCE_TIMEOUT):
                    await consumer.beginning_offsets([TopicPartition(each, 0) for each in unknown])

    async def begin_anew(
        self, consumer: AIOKafkaConsumer, listener: TransportListener, reasons: Mapping[TopicPartition, str]
    ) -> None:
        """Gives partitions back and takes them as others, to be read from their beginning.

        Args:
            consumer: Reads them.
            listener: The engine.
            reasons: Why, for people.

        Raises:
            KafkaError: The broker does not say where they begin; `begin` asks again.
            OSError: Likewise.
            TimeoutError: Likewise.
        """
        assigned = self.places
        given_back = {each: assigned.pop(each) for each in reasons if each in assigned}
        said = "; ".join(sorted(set(reasons.values())))
        _logger.warning("partitions begin anew", partitions=[str(each) for each in given_back], reason=said)
        self.beginning_anew = f"{said}; it is read from its beginning once what was read of it before has ended"
        try:
            # Not among ours any more, so that no old position is committed.
            await listener.revoked([place.partition for place in given_back.values() if place.announced])
        finally:
            self.beginning_anew = ""
        if self.places is assigned:
            for each, before in given_back.items():
                fresh = Partition(each.topic, each.partition)
                assigned[each] = Place(fresh, anew=reasons[each], unread=before.next, announced=False)
            await self.begin(consumer, listener)

    async def commit(self, consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, Commit]) -> None:
        """Commits offsets, each with the id of its topic.

        Raises:
            KafkaError: The group does not take them.
            TimeoutError: It does not answer.
        """
        if not offsets:
            return
        places = self.places
        async with asyncio.timeout(REQUEST_TIMEOUT):
            await consumer.commit({each: at.write() for each, at in offsets.items()})
        for each, at in offsets.items():
            if each in places:
                places[each].committed = at.offset

    def seen(self, ids: Mapping[str, str]) -> None:
        """Takes note of what the broker shows: topics that there are not, and which ones are met first.

        From the first sight on, not from the first beginning: what comes anew in between is known for it.
        """
        self.absent = sorted(set(self._settings.topics) - ids.keys())
        # One that is made later is read from its beginning: all that it has came after ours.
        for each in self.absent:
            self._partitions.setdefault(each, 0)
        for topic, topic_id in ids.items():
            self._ids.setdefault(topic, topic_id)

    def _meet(self, topic: str, topic_id: str) -> bool:
        """Takes note of which topic a name stands for, and says whether it is another one than it was.

        All that is in such a one came after the group had begun.
        """
        anew = is_another(topic_id, self._ids.get(topic, NO_ID))
        if anew:
            self._partitions[topic] = 0
        self._ids[topic] = topic_id
        return anew

    def _first_partitions(self, topic: str, topic_id: str, commits: Mapping[TopicPartition, Commit]) -> int | None:
        """How many partitions a topic had when the group began with it; None: it has not begun yet."""
        theirs = [at for each, at in commits.items() if each.topic == topic]
        if any(is_another(topic_id, at.topic_id) for at in theirs):
            return 0  # it began with an earlier one
        said = [at.partitions for at in theirs if at.partitions is not None]
        return min(said) if said else self._partitions.get(topic)

    async def _commits(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Commit]:
        """Asks what the group has committed, and of which topics; aiokafka's consumer does not tell the latter."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._settings.bootstrap_servers, **self._security)
        try:
            await admin.start()
            offsets = await admin.list_consumer_group_offsets(self._group, partitions=sorted(partitions))
        finally:
            with contextlib.suppress(KafkaError, OSError):
                await admin.close()
        if not offsets.keys() >= set(partitions):
            # aiokafka looks at the errors of partitions alone. A coordinator that is still loading its offsets, after a
            # restart or as the next one, answers an error and no partition, which is not that nothing is committed.
            raise GroupLoadInProgressError(f"group {self._group}: its coordinator does not say what is committed")
        return {each: Commit.read(at) for each, at in offsets.items() if at.offset >= 0}

    @staticmethod
    def _seems_beyond_end(place: Place, end: int | None, now: float) -> bool:
        """Whether a place has been in no log of this topic for long, by the end that was fetched last."""
        if end is None or place.next is None or place.next <= end:
            place.beyond_end_since = None
            return False
        if place.beyond_end_since is None:
            place.beyond_end_since = now
        return now - place.beyond_end_since > BEYOND_END_GRACE
