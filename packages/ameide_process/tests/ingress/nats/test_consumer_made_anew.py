"""A consumer that somebody deletes while members run goes on where it was, whatever `startFrom` says."""

import asyncio

import pytest
from ameide_devstack import NatsServer
from ameide_devstack.testing import wait_for, wait_until
from ameide_process.jetstream import ask_jetstream
from nats_members import Member, Subscription


@pytest.fixture
async def subscription(server: NatsServer, request: pytest.FixtureRequest) -> Subscription:
    made = Subscription(server, f"{request.node.originalname}-{len(request.node.name)}")
    await made.create()
    return made


async def delete_consumer(subscription: Subscription) -> None:
    async with subscription.server.client() as client:
        await ask_jetstream(client, f"CONSUMER.DELETE.{subscription.stream}.{subscription.stream}")


async def until_made_anew(*members: Member) -> list[str]:
    """Looks as the engines do, until all of them find the consumer; returns what they were told."""
    said: list[str] = []

    async def all_find_it() -> bool:
        told = [await each.look() for each in members]
        said.extend(filter(None, told))
        return not any(told)

    await wait_until(all_find_it, timeout_s=30)
    return said


async def test_latest_loses_nothing_that_was_not_acknowledged(subscription: Subscription) -> None:
    async with subscription.member(startFrom="latest") as member:
        await wait_for(lambda: bool(member.transport._members), timeout_s=30)  # pyright: ignore[reportPrivateUsage]
        await subscription.publish(range(50))
        await wait_until(subscription.nothing_is_left, timeout_s=30)
        member.acknowledges = False
        await subscription.publish(range(50, 400))
        await wait_for(lambda: len(member.read[0]) > 50, timeout_s=30)
        await delete_consumer(subscription)
        await subscription.publish(range(400, 410))
        before = len(member.read[0])
        (said,) = await until_made_anew(member)
        assert "is gone; it is made anew and goes on from sequence 51," in said
        assert "none are lost" not in said
        member.acknowledges = True
        await wait_for(lambda: member.distinct()[0] == list(range(410)), timeout_s=60)
        await wait_until(subscription.nothing_is_left, timeout_s=30)
        assert min(member.read[0][before:]) >= 50, "what was acknowledged does not come again"


@pytest.mark.parametrize("start_from", ["earliest", "latest"])
async def test_what_was_acknowledged_does_not_come_again(subscription: Subscription, start_from: str) -> None:
    async with subscription.member(startFrom=start_from) as member:
        await wait_for(lambda: bool(member.transport._members), timeout_s=30)  # pyright: ignore[reportPrivateUsage]
        await subscription.publish(range(300))
        await wait_until(subscription.nothing_is_left, timeout_s=30)
        # Nobody has asked the server since: the member itself knows.
        await delete_consumer(subscription)
        await until_made_anew(member)
        await subscription.publish(range(300, 310))
        await wait_for(lambda: 309 in member.read[0], timeout_s=30)
        assert member.read[0] == list(range(310))


async def test_behind_one_that_waits_what_was_acknowledged_does_not_come_again(subscription: Subscription) -> None:
    async with subscription.member() as member:
        member.withheld = frozenset({3})
        await subscription.publish(range(500))
        await wait_for(lambda: 499 in member.read[0], timeout_s=30)

        async def one_is_left() -> bool:
            return await subscription.unacknowledged() == 1

        await wait_until(one_is_left, timeout_s=30)
        await delete_consumer(subscription)
        (said,) = await until_made_anew(member)
        assert "goes on from sequence 4," in said
        member.withheld = frozenset()
        await subscription.publish(range(500, 510))
        await wait_for(lambda: 509 in member.read[0], timeout_s=30)
        await wait_until(subscription.nothing_is_left, timeout_s=30)
        assert member.read[0] in ([*range(500), 3, *range(500, 510)], list(range(510)))


async def test_the_member_that_read_it_decides_where_it_goes_on(subscription: Subscription) -> None:
    async with subscription.member() as reads:
        await subscription.publish(range(10))
        await wait_until(subscription.nothing_is_left, timeout_s=30)
        async with subscription.member() as stands_by:
            await wait_for(lambda: bool(stands_by.transport._members), timeout_s=30)  # pyright: ignore[reportPrivateUsage]
            assert not await stands_by.look()
            await subscription.publish(range(10, 200))
            await wait_until(subscription.nothing_is_left, timeout_s=30)
            await delete_consumer(subscription)
            said = await until_made_anew(stands_by, reads)
            assert any("goes on from sequence 201," in each for each in said), said
            await subscription.publish(range(200, 210))
            await wait_until(subscription.nothing_is_left, timeout_s=30)
            assert sorted(reads.read[0] + stands_by.read[0]) == list(range(210))


async def test_a_member_that_stands_by_makes_it_when_nobody_else_does(subscription: Subscription) -> None:
    async with subscription.member(startFrom="latest") as stands_by:
        await wait_for(lambda: bool(stands_by.transport._members), timeout_s=30)  # pyright: ignore[reportPrivateUsage]
        await delete_consumer(subscription)
        await subscription.publish(range(10))
        first, second = await until_made_anew(stands_by)
        assert first.endswith("is gone")
        assert "goes on from sequence 1," in second
        await wait_for(lambda: stands_by.read[0] == list(range(10)), timeout_s=30)


@pytest.mark.parametrize("start_from", ["earliest", "latest"])
async def test_a_member_that_starts_meanwhile_lets_those_make_it_that_know(
    subscription: Subscription, start_from: str
) -> None:
    async with subscription.member(startFrom=start_from) as reads:
        await wait_for(lambda: bool(reads.transport._members), timeout_s=30)  # pyright: ignore[reportPrivateUsage]
        await subscription.publish(range(100))
        await wait_until(subscription.nothing_is_left, timeout_s=30)
        await delete_consumer(subscription)
        async with subscription.member(startFrom=start_from) as starts:
            await subscription.publish(range(100, 110))
            await asyncio.sleep(1)
            (said,) = await until_made_anew(reads)
            assert "goes on from sequence 101," in said
            await wait_for(lambda: bool(starts.transport._members), timeout_s=30)  # pyright: ignore[reportPrivateUsage]
            await subscription.publish(range(110, 120))
            await wait_until(subscription.nothing_is_left, timeout_s=30)
            assert sorted(reads.read[0] + starts.read[0]) == list(range(120))


async def test_latest_has_what_comes_while_a_member_waits_for_others(subscription: Subscription) -> None:
    await subscription.publish(range(5))
    async with subscription.member(startFrom="latest") as member:
        await asyncio.sleep(1)
        await subscription.publish(range(5, 10))
        await wait_for(lambda: member.read[0] == list(range(5, 10)), timeout_s=30)


async def test_where_somebody_else_made_it_anew_they_decide(subscription: Subscription) -> None:
    async with subscription.member() as member:
        await wait_for(lambda: bool(member.transport._members), timeout_s=30)  # pyright: ignore[reportPrivateUsage]
        await subscription.publish(range(20))
        await wait_until(subscription.nothing_is_left, timeout_s=30)
        async with subscription.server.client() as client:
            name = subscription.stream
            found = await ask_jetstream(client, f"CONSUMER.INFO.{name}.{name}")
            await ask_jetstream(client, f"CONSUMER.DELETE.{name}.{name}")
            question = {"stream_name": name, "config": found["config"]}
            await ask_jetstream(client, f"CONSUMER.CREATE.{name}.{name}", question)
        assert not await until_made_anew(member)
        await wait_for(lambda: member.read[0] == [*range(20), *range(20)], timeout_s=30)


@pytest.mark.parametrize("start_from", ["earliest", "latest"])
async def test_a_stream_that_is_made_anew_is_read_from_its_beginning(
    subscription: Subscription, start_from: str
) -> None:
    async with subscription.member(startFrom=start_from) as member:
        await wait_for(lambda: bool(member.transport._members), timeout_s=30)  # pyright: ignore[reportPrivateUsage]
        await subscription.publish(range(30))
        await wait_until(subscription.nothing_is_left, timeout_s=30)
        async with subscription.server.client() as client:
            await ask_jetstream(client, f"STREAM.DELETE.{subscription.stream}")
        absent = await member.look()
        assert "create it" in absent
        assert "none are lost" not in absent
        await subscription.create()
        await subscription.publish(range(30, 40))
        (said,) = await until_made_anew(member)
        assert "the new one is read from its beginning" in said
        await wait_for(lambda: member.read[0] == list(range(40)), timeout_s=30)
        await subscription.publish(range(40, 50))
        await wait_until(subscription.nothing_is_left, timeout_s=30)
        await asyncio.sleep(1)
        assert member.read[0] == list(range(50))
