"""Which Kafka topics there are, and which is which: a topic that is deleted and made anew has another id.

aiokafka asks for metadata without topic ids (its version 5, of 12), so the question is written here.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from io import BytesIO
from typing import Any, ClassVar, Final

from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError, LeaderNotAvailableError
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.metadata import MetadataRequest_v1, MetadataRequest_v4
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

from ameide_process.configuration import KafkaConnection
from ameide_process.kafka_security import SecurityArguments

LEADER_NOT_AVAILABLE: Final = 5
"""Error code of a topic that is just being made."""

ID_BYTES: Final = 16

REQUEST_TIMEOUT_MS: Final = 5_000
"""To dial a server, and for its answer."""

NO_ID: Final = ""
"""Of topics of brokers before 2.8, which give none."""


class _Uuid(AbstractType[bytes]):
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(ID_BYTES)


_NAME: Final = CompactString("utf-8")


class _MetadataResponse_v11(Response):  # noqa: N801 - as aiokafka names its versions
    API_KEY = 3
    API_VERSION = 11
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(("node_id", Int32), ("host", _NAME), ("port", Int32), ("rack", _NAME), ("tags", TaggedFields)),
        ),
        ("cluster_id", _NAME),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", _NAME),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _MetadataRequest_v11(RequestStruct):  # noqa: N801 - as aiokafka names its versions
    API_KEY = 3
    API_VERSION = 11
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _MetadataResponse_v11
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("topic", _NAME), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _TopicsRequest(Request[MetadataRequest_v1 | MetadataRequest_v4 | _MetadataRequest_v11]):
    API_KEY: ClassVar[int] = 3

    def __init__(self, topics: Sequence[str], *, create: bool) -> None:
        self._topics = list(topics)
        self._create = create

    def build(
        self, request_struct_class: type[MetadataRequest_v1 | MetadataRequest_v4 | _MetadataRequest_v11]
    ) -> MetadataRequest_v1 | MetadataRequest_v4 | _MetadataRequest_v11:
        match request_struct_class.API_VERSION:
            case 11:
                no_tags: dict[int, bytes] = {}
                named = [(bytes(ID_BYTES), topic, no_tags) for topic in self._topics]
                return request_struct_class(named, self._create, False, no_tags)
            case 4:
                return request_struct_class(self._topics, self._create)
            case _:
                return request_struct_class(self._topics)


class KafkaTopics:
    """Asks a broker for topics, over one connection that is dialed when it is needed."""

    def __init__(self, connection: KafkaConnection, security: SecurityArguments) -> None:
        """Prepares it; nothing is connected yet.

        Args:
            connection: The settings.
            security: aiokafka's arguments of them.
        """
        self._servers = connection.bootstrap_servers
        self._security = security
        self._dialing = asyncio.Lock()
        self._connection: AIOKafkaConnection | None = None

    async def ids(self, topics: Sequence[str], *, create: bool = False) -> dict[str, str]:
        """Asks for topics.

        Args:
            topics: Their names.
            create: Whether a broker that makes absent topics when somebody asks for them should.

        Returns:
            The ids of those that there are and that are shown to us, by name; `NO_ID` where the broker has none.

        Raises:
            KafkaError: No broker answers, or it refuses us.
            OSError: Likewise.
            TimeoutError: Likewise.
        """
        answer = await self._ask(topics, create=create)
        return {
            topic["topic"]: topic["topic_id"].hex() if any(topic.get("topic_id", b"")) else NO_ID
            for topic in answer["topics"]
            if topic["error_code"] in {0, LEADER_NOT_AVAILABLE}
        }

    async def leader(self, topic: str, partition: int) -> tuple[str, int]:
        """Asks who leads a partition.

        Returns:
            Host and port.

        Raises:
            KafkaError: Nobody does, no broker answers, or it refuses us.
            OSError: Likewise.
            TimeoutError: Likewise.
        """
        answer = await self._ask([topic], create=False)
        brokers = {each["node_id"]: (each["host"], each["port"]) for each in answer["brokers"]}
        for described in answer["topics"]:
            for each in described["partitions"]:
                if each["partition"] == partition and each["leader"] in brokers:
                    return brokers[each["leader"]]
        raise LeaderNotAvailableError(f"{topic}/{partition}")

    async def close(self) -> None:
        """Ends the connection; the next question dials anew."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(KafkaError, OSError):
                connection.close()

    async def _ask(self, topics: Sequence[str], *, create: bool) -> dict[str, Any]:
        connection = await self._connected()
        try:
            response = await connection.send(_TopicsRequest(topics, create=create))
        except (KafkaError, OSError, TimeoutError):
            await self.close()
            raise
        return response.to_object()

    async def _connected(self) -> AIOKafkaConnection:
        async with self._dialing:
            if self._connection is not None and self._connection.connected():
                return self._connection
            failure: Exception = KafkaConnectionError("no broker is named")
            for server in self._servers:
                host, _, port = server.rpartition(":")
                try:
                    self._connection = await create_conn(
                        host.strip("[]"), int(port), request_timeout_ms=REQUEST_TIMEOUT_MS, **self._security
                    )
                except (KafkaError, OSError, TimeoutError) as error:
                    failure = error
                else:
                    return self._connection
            raise failure
