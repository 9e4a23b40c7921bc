"""A million messages through the engine: what it keeps must not grow with what it has delivered.

Source and Temporal are simulated, so that the engine alone is seen; keys come once, now and then, or all the time. The
baseline is the memory of the same program after a tenth of the messages.
"""

import asyncio
import os
import random
import time
from collections.abc import Callable, Sequence
from typing import Final, overload

import psutil
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    EventMeta,
    OrderFulfillmentEvent,
    OrderKey,
    PaymentAuthorized,
)
from ameide_process.ingress._budget import History
from ameide_process.ingress._lane import Batch
from ameide_process.ingress._temporal_calls import NoAnswerError
from ameide_process.routing import Route
from engine_in_memory import MemoryTransport, engine_over, until_all_committed
from own_process import leave
from rich.console import Console
from rich.table import Table
from temporalio.api.workflowservice.v1 import SignalWithStartWorkflowExecutionResponse

MESSAGES = 1_000_000
LOOKS = 10
CALL_SECONDS = 0.002

HIGHEST_MB = 150
HIGHEST_GROWTH = 1.10
"""Resident memory at the end over that after the first tenth."""

MB: Final = 1_000_000


class Accepting:
    """A Temporal that takes every call after a moment, with workers that keep up."""

    def __init__(self) -> None:
        self.accepted = 0

    async def deliver(self, batch: Batch) -> SignalWithStartWorkflowExecutionResponse:
        """Takes a batch."""
        await asyncio.sleep(CALL_SECONDS)
        self.accepted += len(batch.deliveries)
        return SignalWithStartWorkflowExecutionResponse(run_id="run", started=True)

    async def history(self, workflow_id: str) -> History:
        """Says that workers have handled the little that there is."""
        await asyncio.sleep(CALL_SECONDS)
        return History(handled=True)

    async def applied(self, workflow_id: str, run_id: str, routes: Sequence[Route]) -> Sequence[bool]:
        """Is not asked: no run closes."""
        raise NoAnswerError(workflow_id)

    async def history_retention(self) -> None:
        """Says nothing."""


class Values(Sequence[bytes]):
    """Messages that are made when they are asked for."""

    def __init__(self, looked_at: Callable[[int], None]) -> None:
        self._looked_at = looked_at
        self._random = random.Random(1)  # noqa: S311 - the same keys in every run

    def __len__(self) -> int:
        return MESSAGES

    @overload
    def __getitem__(self, position: int) -> bytes: ...
    @overload
    def __getitem__(self, position: slice) -> list[bytes]: ...
    def __getitem__(self, position: int | slice) -> bytes | list[bytes]:
        if isinstance(position, slice):
            return [self[each] for each in range(*position.indices(MESSAGES))]
        self._looked_at(position)
        # A third each: one hot key, a hundred thousand that come back, and keys that come once.
        order = ("hot", f"again-{self._random.randrange(100_000)}", f"once-{position}")[position % 3]
        meta = EventMeta(
            key=OrderKey(tenant_id="acme", order_id=order), idempotency_key=f"event-{position}", schema_version=1
        )
        envelope = OrderFulfillmentEvent(meta=meta, payment_authorized=PaymentAuthorized(payment_id=f"p-{position}"))
        return envelope.SerializeToString()


async def main() -> int:
    """Measures, prints, and returns 1 where memory is too large or grows."""
    program = psutil.Process(os.getpid())
    table = Table("messages", "seconds", "RSS MB")
    looks: list[float] = []
    began = time.perf_counter()
    console = Console()

    def look(position: int) -> None:
        if position < len(looks) * MESSAGES // LOOKS:
            return
        looks.append(program.memory_info().rss / MB)
        table.add_row(f"{position:,}", f"{time.perf_counter() - began:.1f}", f"{looks[-1]:.1f}")
        console.print(f"{position:,} messages, {looks[-1]:.1f} MB")

    transport, temporal = MemoryTransport(Values(look)), Accepting()
    await until_all_committed(transport, engine_over(transport, temporal, concurrency=64))
    look(MESSAGES)
    if temporal.accepted != MESSAGES:
        raise RuntimeError(f"{temporal.accepted} of {MESSAGES} messages were accepted")
    growth = looks[-1] / looks[1]
    table.add_row("growth since the first tenth", f"{growth:.3f}", f"aim <= {HIGHEST_GROWTH}")
    table.add_row("highest", f"{max(looks):.1f}", f"aim <= {HIGHEST_MB}")
    console.print(table)
    return 0 if growth <= HIGHEST_GROWTH and max(looks) <= HIGHEST_MB else 1


if __name__ == "__main__":
    leave(asyncio.new_event_loop().run_until_complete(main()))
