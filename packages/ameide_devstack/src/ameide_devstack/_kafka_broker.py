"""What every Kafka-compatible broker here can be asked, whoever wrote it."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

# aiokafka has types, but neither py.typed nor stubs.
from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # pyright: ignore[reportMissingTypeStubs]
from aiokafka.errors import KafkaError, for_code  # pyright: ignore[reportMissingTypeStubs]

from ameide_devstack._loopback_ports import LOOPBACK
from ameide_devstack._server import Server

# Time for a new topic to have a leader for each partition, in seconds; single brokers here need a tenth of one.
_TOPIC_TIMEOUT_S: Final = 30.0
_RETRY_S: Final = 0.05


class KafkaBroker(Server):
    """One broker that speaks the Kafka protocol on 127.0.0.1, without TLS or login."""

    def __init__(self, *, port: int | None, data_dir: Path | None, other_ports: tuple[str, ...] = ()) -> None:
        super().__init__(data_dir=data_dir, ports={"kafka": port, **dict.fromkeys(other_ports)})

    @property
    def bootstrap_servers(self) -> str:
        """`host:port` to give to Kafka clients."""
        return f"{LOOPBACK}:{self.port('kafka')}"

    async def create_topic(self, name: str, *, partitions: int = 1, config: Mapping[str, str] | None = None) -> None:
        """Create a topic and return when each of its partitions has a leader.

        Args:
            name: Name of the topic.
            partitions: How many partitions it has.
            config: Topic settings, such as `{"retention.ms": "1000"}`.

        Raises:
            aiokafka.errors.TopicAlreadyExistsError: There is a topic of this name.
            aiokafka.errors.KafkaError: The broker refuses; the type says why.
            TimeoutError: The topic has no leaders in time.
        """
        topic = NewTopic(name, partitions, 1, topic_configs=dict(config or {}))
        deadline = time.monotonic() + _TOPIC_TIMEOUT_S
        async with self._admin() as admin:
            response = (await admin.create_topics([topic])).to_object()
            for answer in response["topic_errors"]:
                if answer["error_code"] != 0:
                    raise for_code(answer["error_code"])(answer.get("error_message") or f"topic {name!r}")
            while time.monotonic() < deadline:
                (described,) = await admin.describe_topics([name])
                leaders = [partition["leader"] for partition in described["partitions"]]
                if len(leaders) == partitions and min(leaders) >= 0:
                    return
                await asyncio.sleep(_RETRY_S)
        msg = f"topic {name!r} has no leader for each of its {partitions} partitions after {_TOPIC_TIMEOUT_S:g} s"
        raise TimeoutError(msg)

    async def delete_topic(self, name: str) -> None:
        """Delete a topic with all its records and return when the broker shows it no more.

        Args:
            name: Name of the topic.

        Raises:
            aiokafka.errors.UnknownTopicOrPartitionError: There is no topic of this name.
            aiokafka.errors.KafkaError: The broker refuses; the type says why.
            TimeoutError: The topic is still there after a while.
        """
        deadline = time.monotonic() + _TOPIC_TIMEOUT_S
        async with self._admin() as admin:
            response = (await admin.delete_topics([name])).to_object()
            for answer in response["topic_error_codes"]:
                if answer["error_code"] != 0:
                    raise for_code(answer["error_code"])(f"topic {name!r}")
            # Not by its name: some brokers make a topic that somebody asks for.
            while name in await admin.list_topics():
                if time.monotonic() > deadline:
                    msg = f"topic {name!r} is still there {_TOPIC_TIMEOUT_S:g} s after it was deleted"
                    raise TimeoutError(msg)
                await asyncio.sleep(_RETRY_S)

    @asynccontextmanager
    async def _admin(self) -> AsyncGenerator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()

    async def _why_not_ready(self) -> str | None:
        try:
            # First by hand: the client logs an error for each refused connection.
            _, writer = await asyncio.open_connection(LOOPBACK, self.port("kafka"))
            writer.close()
            async with self._admin() as admin:
                cluster = await admin.describe_cluster()
                if not cluster["brokers"]:
                    return "it lists no broker yet"
                # Consumer groups work only when their coordinator does, which comes last.
                await admin.find_coordinator("ameide-devstack-readiness")
        except (OSError, KafkaError) as error:
            return repr(error)
        return None
