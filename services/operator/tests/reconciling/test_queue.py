"""The queue: one worker a key, nothing lost, failures again later."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import httpx2
import pytest
from ameide_devstack.testing import wait_for
from ameide_operator.kubernetes import seconds_to_wait
from ameide_operator.reconciling import KeyedQueue
from hypothesis import given, settings
from hypothesis import strategies as st


@asynccontextmanager
async def running(
    work: Callable[[str], Awaitable[float | None]],
    *,
    workers: int = 4,
    least_pause: Callable[[Exception], float] = lambda _: 0.0,
    rest: float = 0.0,
) -> AsyncGenerator[KeyedQueue[str]]:
    queue: KeyedQueue[str] = KeyedQueue(work, workers=workers, jitter=lambda: 0.0, least_pause=least_pause, rest=rest)
    task = asyncio.create_task(queue.run())
    yield queue
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@settings(max_examples=25)
@given(st.lists(st.sampled_from("abc"), max_size=30), st.integers(1, 4))
async def test_a_key_is_worked_on_by_one_and_after_its_last_wish(keys: list[str], workers: int):
    at_work: Counter[str] = Counter()
    version: Counter[str] = Counter()
    seen: Counter[str] = Counter()

    async def work(key: str) -> None:
        at_work[key] += 1
        assert at_work[key] == 1
        assert at_work.total() <= workers
        wished = version[key]
        await asyncio.sleep(0)
        seen[key] = wished
        at_work[key] -= 1

    async with running(work, workers=workers) as queue:
        for key in keys:
            version[key] += 1
            queue.add(key)
            await asyncio.sleep(0)
        await wait_for(lambda: queue.idle)
    assert seen == version


async def test_many_wishes_are_one_piece_of_work():
    done: list[str] = []

    async def work(key: str) -> None:
        done.append(key)

    async with running(work) as queue:
        for _ in range(1000):
            queue.add("a")
        await wait_for(lambda: queue.idle)
    assert done == ["a"]


async def test_wishes_while_a_key_rests_are_one_piece_of_work_and_hold_no_other_key_up():
    done: list[str] = []

    async def work(key: str) -> None:
        done.append(key)

    async with running(work, workers=1, rest=1.0) as queue:
        queue.add("a")
        await wait_for(lambda: done == ["a"])
        for _ in range(10):
            queue.add("a")
            await asyncio.sleep(0)
        queue.add("b")
        await wait_for(lambda: queue.idle)
    assert done == ["a", "b", "a"]


async def test_failure_is_tried_again_and_holds_no_other_key_up():
    tries: Counter[str] = Counter()

    async def work(key: str) -> None:
        tries[key] += 1
        if key == "bad" and tries[key] < 3:
            raise RuntimeError("not yet")

    async with running(work, workers=1) as queue:
        queue.add("bad")
        queue.add("good")
        await wait_for(lambda: tries["bad"] == 3)
    assert tries == {"bad": 3, "good": 1}


async def test_work_that_asks_for_it_comes_again():
    tries: list[str] = []

    async def work(key: str) -> float | None:
        tries.append(key)
        return 0.01 if len(tries) < 3 else None

    async with running(work) as queue:
        queue.add("a")
        await wait_for(lambda: len(tries) == 3)
        await wait_for(lambda: queue.idle)
    assert len(tries) == 3


@pytest.mark.parametrize(("first", "second"), [(0.01, 60.0), (60.0, 0.01)])
async def test_the_earlier_of_two_later_wishes_holds(first: float, second: float):
    done = asyncio.Event()

    async def work(_: str) -> None:
        done.set()

    async with running(work) as queue:
        queue.add_after("a", first)
        queue.add_after("a", second)
        async with asyncio.timeout(5):
            await done.wait()


async def test_server_that_asks_to_wait_is_given_that_time_whatever_happens_meanwhile():
    tries: list[float] = []

    async def work(key: str) -> None:
        tries.append(asyncio.get_running_loop().time())
        if len(tries) == 1:
            queue.add(key)  # as an event that arrives during the pass
            raise ValueError(key)

    async with running(work, least_pause=lambda _: 0.8) as queue:  # without it 0.25 s
        queue.add("a")
        await wait_for(lambda: tries)
        queue.add("a")
        await wait_for(lambda: len(tries) >= 2)
    assert tries[1] - tries[0] >= 0.8


def test_what_a_server_asks_for_is_read_from_its_answer():
    def refused(headers: dict[str, str]) -> Exception:
        request = httpx2.Request("GET", "https://api.test")
        return httpx2.HTTPStatusError("", request=request, response=httpx2.Response(429, headers=headers))

    assert seconds_to_wait(refused({"Retry-After": "7"})) == 7
    assert seconds_to_wait(refused({})) == 0
    assert seconds_to_wait(refused({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})) == 0
    assert seconds_to_wait(ValueError()) == 0
