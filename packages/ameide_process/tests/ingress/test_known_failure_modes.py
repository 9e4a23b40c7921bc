"""Failures that consumers with order per key are known for: parallel-consumer's, by their numbers there."""

import itertools
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

import pytest
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import TemporalDevServer
from ameide_devstack.testing import wait_for, wait_until
from ameide_process.converter import DATA_CONVERTER
from ameide_process.ingress._budget import History
from ameide_process.ingress._classification import CallFailure, Verdict
from ameide_process.ingress._delivery import Delivery
from ameide_process.ingress._lane import Batch
from ameide_process.ingress._lease import Lease
from ameide_process.ingress._limits import Limits
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._planner import Planner
from ameide_process.ingress.testing import MemoryIngressFactory
from ameide_process.routing import Route
from temporalio.api.common.v1 import Payload
from temporalio.client import Client

NOW = 1_000.0
LATER = NOW + 100


def planner() -> Planner:
    ids = itertools.count()
    limits = Limits(events_per_key=100, batch_gap=0, batch_events=1)
    return Planner(limits, source=random.Random(0), request_ids=lambda: str(next(ids)))  # noqa: S311 - jitter


def deliver(planner: Planner, partition: Partition, positions: Sequence[int], keys: str) -> None:
    for position, key in zip(positions, keys, strict=True):
        delivery = Delivery(Message(partition, position, b"x"), NOW)
        delivery.route = Route(workflow_id=key, idempotency_key=str(position), case="c")
        delivery.payload = Payload(data=b"x")
        planner.admit(delivery)
        planner.enqueue(delivery, NOW)


def call(planner: Planner, now: float = NOW) -> Batch | None:
    batch = planner.next_batch(now)
    if batch is not None and not batch.charged:
        assert planner.confirmed(batch, History())
    return batch


def position(batch: Batch) -> int:
    return batch.deliveries[0].message.position


def test_parallel_consumer_826_a_revoke_commits_nothing_that_was_only_read() -> None:
    """There, the highest offset that was seen was committed at a rebalance, and what waited below it was lost."""
    ingress, partition = planner(), Partition("t", 0)
    ingress.assign([partition])
    deliver(ingress, partition, range(6), "aabbcc")
    first, second, _ = (call(ingress) for _ in range(3))
    assert first is not None
    assert second is not None
    ingress.accepted(first, NOW)
    ingress.accepted(second, NOW)
    # Now 0 and 2 are at Temporal, 4 is on its way, 1, 3 and 5 wait. The commit comes in the middle of the revoke.
    ingress.close([partition], NOW)
    assert ingress.committable().positions == {partition: 1}
    assert call(ingress, LATER) is None
    ingress.revoke([partition], NOW)
    assert not ingress.committable().positions
    back = Partition("t", 0)
    ingress.assign([back])
    deliver(ingress, back, range(1, 6), "abbcc")
    assert not ingress.committable().positions


@pytest.mark.parametrize("end", ["accepted", "failed", "never"])
def test_parallel_consumer_875_a_record_is_not_skipped_for_one_of_its_partitions_earlier_life(end: str) -> None:
    """There, a record that stood at the offset of one still in work was dropped, and later everything stood still."""
    ingress, earlier = planner(), Partition("t", 0)
    ingress.assign([earlier])
    deliver(ingress, earlier, [1, 2, 3, 4, 5, 6, 7], "gfedcba")
    calls = {position(batch): batch for batch in iter(lambda: call(ingress), None)}
    # The drain deadline passes with 4 in flight.
    for at in (1, 2, 3):
        ingress.accepted(calls[at], NOW)
    ingress.close([earlier], NOW)
    ingress.committed(ingress.committable(), NOW)
    ingress.revoke([earlier], NOW)
    again = Partition("t", 0)
    ingress.assign([again])
    deliver(ingress, again, [4, 5, 6, 7], "dcba")
    if end == "accepted":
        for at in (4, 5, 6, 7):
            ingress.accepted(calls[at], NOW)
    elif end == "failed":
        for at in (4, 5, 6, 7):
            ingress.failed(calls[at], CallFailure(Verdict.BUSY, "busy"), NOW)
    sent: list[int] = []
    while (batch := call(ingress, LATER)) is not None:
        assert batch.deliveries[0].message.partition is again
        sent.append(position(batch))
        ingress.accepted(batch, LATER)
    if end == "never":
        # A key has one call at a time, so that its order holds; the call has a deadline.
        assert sent == []
        return
    assert sorted(sent) == [4, 5, 6, 7]
    assert ingress.committable().positions == {again: 8}


async def test_parallel_consumer_909_what_was_read_before_a_rebalance_does_not_stand_for_what_is_read_after_it(
    client: Client,
    engine: MemoryIngressFactory,
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    received_by: Callable[[Client, str], Awaitable[list[str]]],
    order_placed: Callable[..., OrderFulfillmentEvent],
) -> None:
    """There, with members that came and went, a record in the mailbox from before kept a fresh one out for ever."""
    async with receivers(client), engine(client) as ingress:
        last, number = 0, itertools.count()
        for _ in range(12):
            last = ingress.append_all(
                order_placed(f"fluctuating-{each % 4}", f"e-{next(number)}") for each in range(40)
            )
            # Read, and not yet taken when the partition goes and comes back.
            mailbox = await ingress.transport.poll(0)
            await ingress.transport.rebalance()
            await ingress.engine._take(mailbox)  # pyright: ignore[reportPrivateUsage] # as between two chunks
        await ingress.committed(last)
        total = next(number)

        async def all_in_order() -> bool:
            for key in range(4):
                seen = list(dict.fromkeys(await received_by(client, f"fluctuating-{key}")))
                if seen != [f"e-{each}" for each in range(total) if each % 4 == key]:
                    return False
            return True

        await wait_until(all_in_order)


async def test_a_signal_limit_holds_one_key_up_until_its_workflow_continues_as_new(
    engine: MemoryIngressFactory,
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    order_placed: Callable[..., OrderFulfillmentEvent],
) -> None:
    async with TemporalDevServer(dynamic_config={"history.maximumSignalsPerExecution": 10}) as server:
        client = await server.connect(data_converter=DATA_CONVERTER)
        async with engine(client, Limits(events_per_key=2048, batch_events=3, batch_gap=0)) as ingress:
            last = ingress.append_all(order_placed("renewed-full", f"e-{number}") for number in range(200))
            await wait_for(lambda: ingress.metric("ameide_ingress_parked_keys") == 1)
            assert ingress.metric("ameide_ingress_call_failures_total", verdict="signal-limit") > 0
            assert ingress.metric("ameide_ingress_events_total", outcome="accepted") == 30
            ingress.append(order_placed("beside"))
            await wait_for(lambda: ingress.metric("ameide_ingress_events_total", outcome="accepted") == 31)
            assert ingress.transport.committed == 30
            async with receivers(client):
                await ingress.committed(last, within=60)
            assert not ingress.dead_letters.records
            assert ingress.metric("ameide_ingress_events_total", outcome="accepted") == 201


def test_a_member_that_hung_past_its_session_sends_nothing_until_the_broker_has_answered_it() -> None:
    """What waited in it would arrive behind all that the member after it has sent, beyond what a workflow remembers."""
    lease = Lease(6.0)
    ingress = Planner(Limits(events_per_key=100), source=random.Random(0), lease=lease)  # noqa: S311 - jitter
    partition = Partition("t", 0)
    ingress.assign([partition])
    deliver(ingress, partition, range(2), "ab")
    assert call(ingress) is None, "nothing is known of the membership yet"
    lease.renew(NOW)
    assert call(ingress, NOW + 5.9) is not None
    assert call(ingress, NOW + 6.0) is None
    assert lease.due(NOW + 6.0)
    lease.renew(NOW + 6.5)
    assert call(ingress, NOW + 7.0) is not None
