"""A coordinator that is still loading what groups have committed is not taken for one that has nothing of ours."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, OffsetAndMetadata, TopicPartition
from aiokafka.errors import KafkaError
from ameide_devstack import ApacheKafka
from ameide_process.configuration import KafkaSubscription
from ameide_process.ingress._kafka_places import KafkaPlaces
from ameide_process.ingress._kafka_topics import KafkaTopics
from ameide_process.kafka_security import security_arguments

pytestmark = pytest.mark.e2e

COMMITS = 3_000
"""With a metadata of 3 kB each: some 30 ms of loading, of which a try every few milliseconds meets some."""

RESTARTS = 3


@pytest.mark.timeout(300)
async def test_what_is_committed_is_told_whole_or_not_at_all():
    place = TopicPartition("orders", 0)
    async with ApacheKafka() as broker:
        await broker.create_topic(place.topic)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=broker.bootstrap_servers, group_id="orders", enable_auto_commit=False
        )
        await consumer.start()
        consumer.assign([place])
        for offset in range(COMMITS):
            await consumer.commit({place: OffsetAndMetadata(offset, "x" * 3_000)})
        await consumer.stop()
        binding = {"kind": "kafka", "bootstrapServers": broker.bootstrap_servers, "topic": place.topic}
        settings = KafkaSubscription.model_validate(binding)
        security = security_arguments(settings)
        places = KafkaPlaces(settings, security, KafkaTopics(settings, security), group="orders")
        refusals: set[str] = set()
        for _ in range(RESTARTS):
            await broker.kill()
            starting = asyncio.create_task(broker.start())
            said = None
            while said is None:
                try:
                    said = await places._commits([place])  # pyright: ignore[reportPrivateUsage]
                except (KafkaError, OSError) as error:
                    refusals.add(type(error).__name__)
            await starting
            assert said[place].offset == COMMITS - 1
        assert refusals
