"""Waiting in tests for what happens by itself, in another process."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

_T = TypeVar("_T")
_FIRST_PAUSE_S: Final = 0.01
_LONGEST_PAUSE_S: Final = 0.25


async def wait_for(predicate: Callable[[], _T], *, timeout_s: float = 10.0) -> _T:
    """Call `predicate` until it returns something true, and return that.

    Args:
        predicate: Looks at the world; for one that must await, take `wait_until`.
        timeout_s: Longest time to wait, in seconds.

    Raises:
        TimeoutError: It still returned something false at the end, which the message shows.
    """

    async def ask() -> _T:
        return predicate()

    return await wait_until(ask, timeout_s=timeout_s)


async def wait_until(predicate: Callable[[], Awaitable[_T]], *, timeout_s: float = 10.0) -> _T:
    """Await `predicate` until it returns something true, and return that.

    Args:
        predicate: Looks at the world; what it raises is passed on.
        timeout_s: Longest time to wait, in seconds.

    Raises:
        TimeoutError: It still returned something false at the end, which the message shows.
    """
    deadline = time.monotonic() + timeout_s
    pause = _FIRST_PAUSE_S
    while not (result := await predicate()):
        if time.monotonic() > deadline:
            msg = f"still {result!r} after {timeout_s:g} s"
            raise TimeoutError(msg)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_S)
    return result
