"""What happens to a run while events flow: each fault breaks something and mends it."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ameide_devstack import Program
from deployment import Deployment, Position

DEAD_LETTER_PATIENCE = 60
"""Seconds in which a message should have met the outage."""

HANG_SECONDS = 8
"""Longer than a session."""

HANG_PATIENCE = 40
"""Seconds in which the others should have taken what the one that hangs has missed."""

Say = Callable[[str], None]


@dataclass
class Faults:
    """Breaks things, one after the other, in an order that the seed gives.

    Attributes:
        counts: How often each happened.
    """

    deployment: Deployment
    source: random.Random
    say: Say
    poison: Callable[[], Awaitable[object]]
    """Publishes messages that can never be delivered."""
    stream: Callable[[], Awaitable[Position]]
    """Publishes more events of one key than its workflow remembers; returns where the last one stands."""
    pause: float
    """Longest time in seconds for which something stays broken."""
    counts: Counter[str] = field(default_factory=Counter[str])
    _number: int = 100

    async def round(self) -> None:
        """Lets each fault happen once."""
        faults: list[Callable[[], Awaitable[None]]] = [
            self.kill_ingress,
            self.kill_worker,
            self.kill_everybody,
            self.join_and_leave,
            self.restart_broker,
            self.restart_temporal,
            self.dead_letters_away,
            self.hang_ingress,
        ]
        self.source.shuffle(faults)
        for fault in faults:
            await fault()
            await asyncio.sleep(self.source.uniform(0.3, 1) * self.pause)

    async def kill_ingress(self) -> None:
        """SIGKILL to a member of the ingress: nothing is committed, nobody leaves the group."""
        await self._kill("ingress killed (SIGKILL)", [self.source.choice(self.deployment.ingress)])

    async def kill_worker(self) -> None:
        """SIGKILL to a worker, with tasks of workflows in its hands."""
        await self._kill("worker killed (SIGKILL)", [self.source.choice(self.deployment.workers)])

    async def kill_everybody(self) -> None:
        """SIGKILL to all programs together."""
        await self._kill("all programs killed (SIGKILL)", self.deployment.ingress + self.deployment.workers)

    async def hang_ingress(self) -> None:
        """A member stops for longer than its session lasts, and goes on as if nothing had been: a zombie.

        Events of one key are in its hands, and the others take more of that key meanwhile than a workflow remembers.
        """
        self._note("ingress hung past its session")
        member = self.source.choice(self.deployment.ingress)
        await self.stream()
        await asyncio.sleep(self.source.uniform(0.05, 0.4))
        member.pause()
        last = await self.stream()
        await asyncio.sleep(HANG_SECONDS)
        for _ in range(HANG_PATIENCE - HANG_SECONDS):
            if await self.deployment.has_committed(last):
                self._note("a key's dedupe window passed while a member hung")
                break
            await asyncio.sleep(1)
        member.resume()

    async def join_and_leave(self) -> None:
        """A member joins and leaves again, as when the deployment is scaled up and down."""
        self._note("member joined and left")
        self._number += 1
        member = self.deployment.program("ingress", self._number)
        self.deployment.ingress.append(member)
        await member.start()
        await asyncio.sleep(2 + self._some_time())
        self.deployment.ingress.remove(member)
        await member.stop()
        await member.close()

    async def restart_broker(self) -> None:
        """SIGKILL to Kafka."""
        self._note("broker killed and restarted")
        await self.deployment.kafka.kill()
        await asyncio.sleep(self._some_time())
        await self.deployment.kafka.start()

    async def restart_temporal(self) -> None:
        """SIGKILL to Temporal, which keeps its state in a file."""
        self._note("Temporal killed and restarted")
        await self.deployment.temporal.kill()
        await asyncio.sleep(self._some_time())
        await self.deployment.temporal.start()

    async def dead_letters_away(self) -> None:
        """The dead-letter topic takes nothing for a while, and something has to wait for it."""
        self._note("dead-letter topic unavailable")
        await self.deployment.dead_letters.kill()
        for _ in range(DEAD_LETTER_PATIENCE):
            # Again, since what was published first may have come just before.
            await self.poison()
            await asyncio.sleep(1)
            if await self.deployment.ingress_says("dead-letter stream:"):
                self._note("messages waited for the dead-letter topic")
                break
        await asyncio.sleep(self._some_time())
        await self.deployment.dead_letters.start()

    async def _kill(self, what: str, programs: list[Program]) -> None:
        self._note(what)
        await asyncio.gather(*(each.kill() for each in programs))
        await asyncio.sleep(self._some_time())
        await asyncio.gather(*(each.start() for each in programs))

    def _note(self, what: str) -> None:
        self.counts[what] += 1
        self.say(what)

    def _some_time(self) -> float:
        return self.source.uniform(0.2, 1) * self.pause
