"""How long Kafka topics keep their records."""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from ameide_process.configuration import KafkaSubscription
from ameide_process.kafka_security import SecurityArguments

REQUEST_TIMEOUT: Final = 10.0
"""Seconds to connect and ask."""


async def longest_retention(settings: KafkaSubscription, security: SecurityArguments) -> timedelta | None:
    """Asks for `retention.ms` of the topics of a subscription.

    Args:
        settings: Broker and topics.
        security: aiokafka's arguments of them.

    Returns:
        The longest of them, `timedelta.max` for ever; None where the broker does not say.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap_servers, **security)
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT):
            await admin.start()
            answers = await admin.describe_configs(
                [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in settings.topics]
            )
    except (KafkaError, OSError, TimeoutError):
        # Only a warning depends on it; that the broker is away is said elsewhere.
        return None
    finally:
        with contextlib.suppress(KafkaError, OSError):
            await admin.close()
    return max(_retentions(answers), default=None)


def _retentions(answers: Iterable[Any]) -> Iterator[timedelta]:
    for answer in answers:
        for resource in answer.to_object()["resources"]:
            for entry in resource["config_entries"]:
                value = str(entry["config_value"])
                if entry["config_names"] == "retention.ms" and value.lstrip("-").isdecimal():
                    yield timedelta.max if int(value) < 0 else timedelta(milliseconds=int(value))
