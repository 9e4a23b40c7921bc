"""Members of a consumer on a real server: who gets what, when one dies, loses its pin or sleeps."""

import asyncio
from collections.abc import Awaitable

import pytest
from ameide_devstack import NatsServer
from ameide_devstack.testing import wait_for, wait_until
from ameide_process.ingress._transport import TransportError
from ameide_process.jetstream import ask_jetstream
from nats.js import JetStreamContext
from nats_members import Member, Subscription, cut_off


async def test_an_absent_stream_is_named(server: NatsServer) -> None:
    transport = Subscription(server, "absent").transport()
    with pytest.raises(TransportError, match="nats has no stream absent, or does not show it to us; create it"):
        await transport.start(Member(transport))


async def test_a_consumer_with_another_configuration_is_refused_with_what_to_do(server: NatsServer) -> None:
    subscription = Subscription(server, "drifted")
    await subscription.create()
    async with subscription.member() as member:
        await subscription.publish(range(1))
        await wait_for(lambda: member.read[0] == [0], timeout_s=30)
    changed = subscription.transport(ackWaitSeconds=60, subjects=["drifted.0"])
    with pytest.raises(TransportError) as refused:
        await changed.start(Member(changed))
    said = str(refused.value)
    assert "ack_wait is 3000000000, wanted is 60000000000" in said
    assert "filter_subjects is None, wanted is ['drifted.0']" in said
    assert "nats consumer edit drifted drifted" in said
    async with subscription.member() as member:
        await subscription.publish(range(1, 2))
        await wait_for(lambda: member.read[0] == [1], timeout_s=30)


async def test_a_consumer_that_is_not_pinned_is_refused_with_what_to_do(server: NatsServer) -> None:
    subscription = Subscription(server, "shared")
    await subscription.create()
    async with server.client() as client:
        config = {"durable_name": "shared", "ack_policy": "explicit"}
        await ask_jetstream(client, "CONSUMER.CREATE.shared.shared", {"stream_name": "shared", "config": config})
    transport = subscription.transport()
    with pytest.raises(TransportError, match=r"no pinned client.*2\.11 or newer.*delete the consumer"):
        await transport.start(Member(transport))


async def test_a_member_that_stands_by_says_for_whom(server: NatsServer) -> None:
    subscription = Subscription(server, "idle")
    await subscription.create()
    async with subscription.member() as one, subscription.member() as other:

        async def said() -> set[str]:
            return {each.stands_by for each in (one, other) if not await each.look()}

        nobody = "standing by: no member reads this consumer yet; the server chooses one when there are messages"
        await wait_until(lambda: same(said(), {nobody}), timeout_s=30)
        await subscription.publish(range(1))
        await wait_until(
            lambda: same(said(), {nobody, "standing by: another member reads this consumer"}), timeout_s=30
        )


async def same(said: Awaitable[set[str]], expected: set[str]) -> bool:
    return await said == expected


async def test_another_member_takes_over_every_partition_in_order(server: NatsServer) -> None:
    subscription = Subscription(server, "failing", partitions=4)
    await subscription.create()
    everything = {partition: list(range(40)) for partition in range(4)}
    async with subscription.member(acknowledges=False) as dies:
        await subscription.publish(range(10))
        await wait_for(lambda: dies.distinct() == {key: list(range(10)) for key in range(4)}, timeout_s=30)
        async with subscription.member() as takes_over:
            await subscription.publish(range(10, 30))
            await asyncio.sleep(1)
            assert not takes_over.read, "the other member is pinned"
            await cut_off(dies)
            await subscription.publish(range(30, 40))
            await wait_for(lambda: takes_over.distinct() == everything, timeout_s=60)
            await wait_until(subscription.nothing_is_left, timeout_s=30)


async def test_a_paused_member_stays_pinned_and_takes_nothing(server: NatsServer) -> None:
    subscription = Subscription(server, "paused")
    await subscription.create()
    async with subscription.member(acknowledges=False) as paused:
        await subscription.publish(range(3))
        await wait_for(lambda: paused.read[0] == [0, 1, 2], timeout_s=30)
        partition = paused.unacknowledged[0].partition
        paused.transport.pause({partition: "its events cannot be delivered"})
        # What it asked for before may still come.
        await asyncio.sleep(2)
        await subscription.publish(range(3, 50))
        async with subscription.member() as other:
            await asyncio.sleep(5)
            assert not other.read
            async with server.client() as client:
                (consumer,) = await JetStreamContext(client).consumers_info("paused")
            assert consumer.num_ack_pending == 3
            paused.transport.resume([partition])
            await wait_for(lambda: paused.read[0] == list(range(50)), timeout_s=30)


async def test_a_member_that_loses_its_pin_gives_up_and_order_begins_anew(server: NatsServer) -> None:
    subscription = Subscription(server, "unpinned")
    await subscription.create()
    async with subscription.member(acknowledges=False) as member:
        await subscription.publish(range(20))
        await wait_for(lambda: len(member.read[0]) == 20, timeout_s=30)
        async with server.client() as client:
            await ask_jetstream(client, "CONSUMER.UNPIN.unpinned.unpinned", {"group": "ingress"})
        await subscription.publish(range(20, 30))
        await wait_for(lambda: bool(member.revoked_after), timeout_s=30)
        member.acknowledges = True
        await wait_until(subscription.nothing_is_left, timeout_s=60)
        again = member.read[0][member.revoked_after[0] :]
        assert list(dict.fromkeys(again)) == list(range(30)), "all that was not acknowledged, in order"


async def test_a_member_that_wakes_and_acknowledges_during_a_takeover_does_not_spoil_the_order(
    server: NatsServer,
) -> None:
    subscription = Subscription(server, "woken")
    await subscription.create()
    async with subscription.member(acknowledges=False) as sleeps:
        await subscription.publish(range(20))
        await wait_for(lambda: len(sleeps.read[0]) == 20, timeout_s=30)
        replies = replies_of(sleeps)
        await cut_off(sleeps)
        async with subscription.member() as takes_over, server.client() as client:
            await subscription.publish(range(20, 30))
            early, late = range(1, 11), range(11, 21)

            async def holds_the_late_ones() -> bool:
                for position in early:
                    await client.publish(replies[position], b"+WPI")
                return held_by(takes_over) >= {*late, 21}

            await wait_until(holds_the_late_ones, timeout_s=30)
            for position in late:
                await client.publish(replies[position], b"+ACK")
            await client.flush()
            # As many are held as are not acknowledged, and the early ones are missing.
            await wait_until(subscription.nothing_is_left, timeout_s=60)
            assert takes_over.distinct()[0] == [*range(10), *range(20, 30)]


def replies_of(member: Member) -> dict[int, str]:
    (each,) = member.transport._members  # pyright: ignore[reportPrivateUsage]
    return dict(each._replies)  # pyright: ignore[reportPrivateUsage]


def held_by(member: Member) -> frozenset[int]:
    if not member.transport._members:  # pyright: ignore[reportPrivateUsage]
        return frozenset()
    (each,) = member.transport._members  # pyright: ignore[reportPrivateUsage]
    takeover = each._takeover  # pyright: ignore[reportPrivateUsage]
    return frozenset() if takeover is None else takeover.held
