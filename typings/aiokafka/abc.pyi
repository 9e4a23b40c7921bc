from abc import ABC, abstractmethod
from collections.abc import Awaitable, Collection

from aiokafka import TopicPartition

class ConsumerRebalanceListener(ABC):
    # A plain method or a coroutine.
    @abstractmethod
    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> Awaitable[None] | None: ...
    @abstractmethod
    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> Awaitable[None] | None: ...
