"""Reads Kafka records past a header name that is no UTF-8.

The protocol wants header names to be UTF-8, brokers do not look, and aiokafka cannot read past one that is not. Where
it stopped, the records of one fetch are read here. The broker's answers, transactions and checksums stay aiokafka's;
records of format 2, the only one with headers, are taken apart as its specification has them
(https://kafka.apache.org/documentation/#record).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.codec import gzip_decode, lz4_decode, snappy_decode, zstd_decode
from aiokafka.conn import create_conn
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import decode_varint

from ameide_process.ingress._message import Message
from ameide_process.kafka_security import SecurityArguments

FETCH_BYTES: Final = 1024 * 1024
"""Of one partition; a larger batch comes all the same, if it is the first."""

FETCH_WAIT_MS: Final = 100
"""For the first byte; the record was there a moment ago."""

REQUEST_TIMEOUT_MS: Final = 5_000
"""To dial the leader, and for its answer."""

_CODECS: Final[Mapping[int, Callable[[bytes], bytes]]] = {
    1: gzip_decode,
    2: snappy_decode,
    3: lz4_decode,
    4: zstd_decode,
}
_LENGTH_AT: Final = 8
_LENGTH_END: Final = 12
_MAGIC_AT: Final = 16
_FIRST_TIMESTAMP: Final = slice(27, 35)
_COUNT: Final = slice(57, 61)
_RECORDS_AT: Final = 61
"""Bytes of a batch of format 2, from its base offset on."""


async def fetch(
    leader: tuple[str, int], security: SecurityArguments, partition: TopicPartition, offset: int
) -> list[ConsumerRecord]:
    """Fetches records of committed transactions.

    Args:
        leader: Host and port of the partition's leader.
        security: aiokafka's arguments.
        partition: What to read.
        offset: Where to begin.

    Returns:
        The records in order. Bytes of a header name that are no UTF-8 are surrogates in it (`surrogateescape`).

    Raises:
        KafkaError: The leader refuses, or a record is broken.
        OSError: It is away.
        TimeoutError: It does not answer.
    """
    connection = await create_conn(*leader, request_timeout_ms=REQUEST_TIMEOUT_MS, **security)
    try:
        wanted = [(partition.topic, [(partition.partition, offset, FETCH_BYTES)])]
        answer: Any = await connection.send(FetchRequest(FETCH_WAIT_MS, 1, FETCH_BYTES, READ_COMMITTED, wanted))
    finally:
        connection.close()
    ((_, ((_, error_code, _, *rest),)),) = answer.topics
    if error_code != 0:
        raise for_code(error_code)(f"{partition.topic}/{partition.partition} at {offset}")
    # From version 11 on the preferred replica stands between the two.
    aborted = rest[2] if answer.API_VERSION >= 11 else rest[-2]
    batches = _Batches(bytes(rest[-1] or b""))
    return list(PartitionRecords(partition, batches, aborted, offset, None, None, True, READ_COMMITTED))


def escaped(message: Message) -> Message:
    """Makes text of header names that are none, and says so in `Message.spoilt`; other messages stay as they are.

    Args:
        message: Of a record of `fetch`; changed in place.
    """
    names = [name.encode("utf-8", "surrogateescape") for name, _ in message.headers]
    texts = [name.decode("utf-8", "backslashreplace") for name in names]
    if odd := [
        (name, text) for name, text, (read, _) in zip(names, texts, message.headers, strict=True) if text != read
    ]:
        message.headers = [(text, value) for text, (_, value) in zip(texts, message.headers, strict=True)]
        said = ", ".join(f"{name!r} (kept as {text!r})" for name, text in odd)
        message.spoilt = f"no UTF-8, which the Kafka protocol wants of header names: {said}"
    return message


@dataclass(slots=True)
class _Record:
    """As aiokafka's fetcher wants it."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    checksum: None = None


class _Batches:
    """The batches of an answer; the last one may be cut short, and comes whole with the next fetch."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def has_next(self) -> bool:
        return len(self._data) >= _LENGTH_END and len(self._data) >= self._end()

    def next_batch(self) -> object:
        end = self._end()
        data, self._data = self._data[:end], self._data[end:]
        batch = MemoryRecords(data).next_batch()
        return batch if data[_MAGIC_AT] < 2 or batch.is_control_batch else _Batch(batch, data)

    def _end(self) -> int:
        return _LENGTH_END + int.from_bytes(self._data[_LENGTH_AT:_LENGTH_END], "big")


class _Batch:
    """A batch of format 2: aiokafka's, but for the names of headers."""

    def __init__(self, batch: Any, data: bytes) -> None:
        self._batch = batch
        self._data = data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[_Record]:
        codec = _CODECS.get(self._batch.compression_type)
        records = self._data[_RECORDS_AT:]
        reader = _Reader(codec(records) if codec else records)
        first_timestamp = int.from_bytes(self._data[_FIRST_TIMESTAMP], "big", signed=True)
        for _ in range(int.from_bytes(self._data[_COUNT], "big")):
            try:
                yield self._record(reader, first_timestamp)
            except (IndexError, ValueError) as error:
                raise CorruptRecordException(f"a record of the batch at {self._batch.base_offset}: {error}") from error

    def _record(self, reader: "_Reader", first_timestamp: int) -> _Record:
        reader.number()  # its length
        reader.number()  # attributes: none are defined
        timestamp = first_timestamp + reader.number()
        is_append_time = bool(self._batch.timestamp_type)
        return _Record(
            timestamp=self._batch.max_timestamp if is_append_time else timestamp,
            timestamp_type=self._batch.timestamp_type,
            offset=self._batch.base_offset + reader.number(),
            key=reader.nullable(),
            value=reader.nullable(),
            headers=[
                ((reader.nullable() or b"").decode("utf-8", "surrogateescape"), reader.nullable())
                for _ in range(reader.number())
            ],
        )


class _Reader:
    """Takes numbers and bytes from a buffer, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self) -> int:
        value, self._at = decode_varint(self._data, self._at)
        return value

    def nullable(self) -> bytes | None:
        length = self.number()
        if length < 0:
            return None
        begin, self._at = self._at, self._at + length
        if self._at > len(self._data):
            raise ValueError("it ends too early")
        return self._data[begin : self._at]
