from collections.abc import Iterator, Sequence
from typing import Protocol

from aiokafka import ConsumerRecord, TopicPartition

READ_COMMITTED: int

class _Batches(Protocol):
    def has_next(self) -> bool: ...
    def next_batch(self) -> object: ...

class PartitionRecords:
    def __init__(
        self,
        tp: TopicPartition,
        records: _Batches,
        aborted_transactions: Sequence[tuple[int, int]] | None,
        fetch_offset: int,
        key_deserializer: None,
        value_deserializer: None,
        check_crcs: bool,
        isolation_level: int,
    ) -> None: ...
    def __iter__(self) -> Iterator[ConsumerRecord]: ...
