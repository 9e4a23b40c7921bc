"""One consumer as this member sees it: standing by, or pinned and then in charge of what it was given."""

import asyncio
import contextlib
import functools
import json
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error

from ameide_process.configuration import NatsSubscription
from ameide_process.ingress._ending import EndedMessage, Outcome
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._transport import TransportListener
from ameide_process.ingress.nats._consumer import GROUP
from ameide_process.ingress.nats._delivered import DESCRIPTION, PIN, STATUS, read_reply, to_message
from ameide_process.ingress.nats._ended import Ended, Known, Received
from ameide_process.ingress.nats._takeover import ConsumerState, Takeover
from ameide_process.jetstream import JetStreamError, ask_jetstream

BATCH: Final = 200
"""Messages of one pull."""

BATCH_BYTES: Final = 4 * 1024 * 1024
"""Bytes of one pull; a larger message is asked for alone."""

TOO_FEW_BYTES: Final = 1
"""No message is so small: the server refuses the pull, and takes it as a sign of life all the same (tried), so that a
paused member stays pinned and gets nothing."""

ROUNDS: Final = 3
"""Pulls within a member's timeout, and in-progress marks within the ack wait."""

TAKEOVER_INTERVAL: Final = 0.2
"""Seconds between two questions whether everything that another member left is here."""

GIVEN_BACK_AFTER: Final = 1.0
"""Seconds after which the server delivers again what the engine had in hand when it gave a consumer up: a call that
carried it may be over by then."""

FLUSH_TIMEOUT: Final = 5
"""Seconds until the server must have had what was written."""

REASON_BYTES: Final = 200
"""Of why a message is terminated; it stands in the server's advisory."""

_WRONG_PIN: Final = "423"
_CONFLICT: Final = "409"

_logger = structlog.get_logger(__name__)


class Member:
    """A member of those that wait for one consumer's messages.

    Attributes:
        known: Of the consumer.
        partition: What the engine knows it as; None while another member is pinned, or none is.
    """

    def __init__(
        self,
        settings: NatsSubscription,
        *,
        consumer: str,
        number: int,
        known: Known,
        listener: TransportListener,
        arrived: Callable[[], None],
    ) -> None:
        """Prepares it; nothing is asked for yet.

        Args:
            settings: Stream and times.
            consumer: Name of the durable consumer.
            number: Of the partition that it is.
            known: What is known of the consumer.
            listener: The engine.
            arrived: Called when there are messages to take.
        """
        self.consumer = consumer
        self.known = known
        self.partition: Partition | None = None
        self._settings = settings
        self._number = number
        self._listener = listener
        self._arrived = arrived
        self._client: Client | None = None
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._life = 0
        """Counts times of being pinned; each has an inbox of its own, so that an answer to an earlier one is known."""
        self._pin: str | None = None
        self._replies: dict[int, str] = {}
        """Latest reply subject of every message that is delivered to us and not acknowledged, by position."""
        self._buffer: deque[Message] = deque()
        self._takeover: Takeover | None = None
        self._received = Received()
        self._has_all = False
        """Whether `_replies` holds all that the server delivered and that has not ended."""
        self._skips: Ended | None = None
        """What has ended, and comes again because the consumer was made anew."""
        self._asked = 0
        """Messages that open pulls may still bring."""
        self._oversized = False
        self._lost = False
        self._leaving = False
        self._giving_up = asyncio.Lock()
        self._paused = False
        self._stirred = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # Life

    async def join(self, client: Client) -> None:
        """Stands by for messages."""
        self._client = client
        await self._subscribe(client)
        self._task = asyncio.create_task(self._run())

    async def leave(self) -> None:
        """Takes no more messages, lets the engine finish, gives the rest back and lets another member in at once."""
        self._leaving = True
        pinned = self._pin is not None
        await self._unsubscribe()
        await self._give_up()
        if pinned and self._client is not None and self._client.is_connected:
            with contextlib.suppress(JetStreamError):
                stream = self._settings.stream
                await ask_jetstream(self._client, f"CONSUMER.UNPIN.{stream}.{self.consumer}", {"group": GROUP})
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # Messages

    def take(self, most: int) -> list[Message]:
        """Returns messages that have come, in order, unless paused."""
        if self._paused:
            return []
        buffer = self._buffer
        return [buffer.popleft() for _ in range(min(most, len(buffer)))]

    @property
    def has_messages(self) -> bool:
        """Whether `take` returns some."""
        return bool(self._buffer) and not self._paused

    def pause(self, *, paused: bool) -> None:
        """Stops delivery, or goes on with it."""
        self._paused = paused
        self._stirred.set()

    async def acknowledge(self, messages: Sequence[EndedMessage]) -> None:
        """Tells the server what has ended, and returns when it has read that.

        Raises:
            nats.errors.Error: It may not have.
            OSError: Likewise.
        """
        client = self._client
        assert client is not None, "join first"  # noqa: S101 - narrows the type
        ended = [(each, self._replies.get(each.message.position)) for each in messages]
        for each, reply in ended:
            if reply is not None:
                await client.publish(reply, _answer(each))
        await client.flush(FLUSH_TIMEOUT)
        for each, _ in ended:
            self._replies.pop(each.message.position, None)

    def note_ended(self) -> None:
        """Adds to what is known of the consumer what ended here."""
        if self._has_all and self._received.unbroken:
            self.known.learn(Ended(self._received.reached, frozenset(self._replies)))

    def forget(self) -> None:
        """Begins anew, since what it has is of another stream, or will come again because somebody wants that."""
        self._has_all = False
        self._takeover = None
        # Positions in a reply subject would acknowledge what stands there now.
        self._replies.clear()
        self._lost = self.partition is not None
        self._stirred.set()

    # Pulling

    @property
    def _round(self) -> float:
        return min(self._settings.member_timeout_seconds, self._settings.ack_wait_seconds) / ROUNDS

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        next_round = 0.0
        while True:
            if self._lost and not self._leaving:
                await self._unsubscribe()
                await self._give_up()
                if self._client is not None:
                    await self._subscribe(self._client)
            # Nothing can be said to a server that is away; the client comes back by itself.
            if self._client is not None and self._client.is_connected and not self._leaving:
                with contextlib.suppress(Error, OSError, TimeoutError):
                    if loop.time() >= next_round:
                        next_round = loop.time() + self._round
                        await self._mark_in_progress()
                        self._asked = 0
                        await self._pull()
                    elif self._asked <= BATCH // 2 and not self._paused:
                        await self._pull()
                    await self._look_at_takeover()
            await self._until_stirred(
                TAKEOVER_INTERVAL if self._takeover is not None else max(0.0, next_round - loop.time())
            )

    async def _until_stirred(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stirred.wait()
        self._stirred.clear()

    async def _pull(self) -> None:
        client = self._client
        if client is None:
            return
        batch = 1 if self._paused or self._oversized else BATCH
        request: dict[str, Any] = {"batch": batch, "expires": int(self._round * 1e9), "group": GROUP}
        if self._paused and self._takeover is None:
            request["max_bytes"] = TOO_FEW_BYTES
        elif not self._oversized:
            request["max_bytes"] = BATCH_BYTES
        if self._pin is not None:
            request["id"] = self._pin
        self._oversized = False
        self._asked += batch
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._settings.stream}.{self.consumer}"
        await client.publish(subject, json.dumps(request).encode(), self._inbox)

    async def _mark_in_progress(self) -> None:
        client = self._client
        if client is not None:
            for reply in list(self._replies.values()):
                await client.publish(reply, Msg.Ack.Progress)

    async def _look_at_takeover(self) -> None:
        takeover, client = self._takeover, self._client
        if takeover is None or client is None:
            return
        held = takeover.held
        try:
            info = await ask_jetstream(client, f"CONSUMER.INFO.{self._settings.stream}.{self.consumer}")
        except JetStreamError:
            return
        if self._takeover is not takeover:
            return
        state = ConsumerState(
            unacknowledged=info["num_ack_pending"],
            acknowledged_below=info["ack_floor"]["stream_seq"],
            delivered=info["delivered"]["consumer_seq"],
        )
        messages = takeover.complete(state, held=held)
        if messages is None:
            for position in sorted(takeover.doubtful(state, held=held)):
                await client.publish(self._replies.pop(position), Msg.Ack.Nak)
            return
        self._takeover = None
        # The others have been ended by the member that had them.
        self._replies = {each.position: self._replies[each.position] for each in messages}
        self._has_all = True
        if self.known.goes_on(info):
            self._skips = self.known.ended
        skips = self._skips or ()
        self._buffer.extend(each for each in messages if each.position not in skips)
        self._arrived()
        for each in messages:
            if each.position in skips:
                await self._skip(each.position)

    async def _skip(self, position: int) -> None:
        """Acknowledges what had ended before the consumer was made anew."""
        client, reply = self._client, self._replies.pop(position, None)
        if client is not None and reply is not None:
            await client.publish(reply, Msg.Ack.Ack)

    # Called by the client

    async def _on_message(self, life: int, message: Msg) -> None:
        current = life == self._life
        headers = message.headers or {}
        if not message.reply:
            self._on_status(headers, current=current)
            return
        delivery = read_reply(message.reply)
        position = delivery.position
        if position in self._replies:
            # In flight here already, whatever made the server deliver it again.
            self._replies[position] = message.reply
            self._received.saw(delivery)
            return
        pin = headers.get(PIN)
        if not current or self._lost or (self._pin is not None and pin is not None and pin != self._pin):
            # Of an earlier life, or of a later one that began without our knowledge: order starts anew with the next.
            self._lost = self._lost or (current and self._pin is not None)
            self._stirred.set()
            if self._client is not None:
                with contextlib.suppress(Error, OSError):
                    await self._client.publish(message.reply, Msg.Ack.Nak)
            return
        if self._pin is None:
            self._on_pinned(pin or "")
        assert self.partition is not None, "pinned"  # noqa: S101 - narrows the type
        self._replies[position] = message.reply
        self._received.saw(delivery)
        self._asked -= 1
        engine_message = to_message(self.partition, message)
        if self._takeover is not None:
            self._takeover.add(engine_message, delivery)
            self._stirred.set()
            return
        if self._skips is not None and position in self._skips:
            with contextlib.suppress(Error, OSError):
                await self._skip(position)
        else:
            self._buffer.append(engine_message)
            self._arrived()
        if self._asked <= BATCH // 2:
            self._stirred.set()

    def _on_pinned(self, pin: str) -> None:
        self._pin = pin
        self._takeover = Takeover()
        self._received, self._has_all, self._skips = Received(), False, None
        self._paused = False
        self.partition = Partition(self._settings.stream, self._number, acknowledges_each=True)
        self._listener.assigned([self.partition])

    def _on_status(self, headers: dict[str, str], *, current: bool) -> None:
        status = headers.get(STATUS)
        if status == _WRONG_PIN and current and self._pin is not None:
            self._lost = True
            self._stirred.set()
        elif status == _CONFLICT:
            self._oversized = "MaxBytes" in headers.get(DESCRIPTION, "") and not self._paused
            self._asked = 0
            if self._oversized:
                self._stirred.set()

    # Giving up

    async def _subscribe(self, client: Client) -> None:
        self._inbox = client.new_inbox()
        untyped: Any = client  # the type of this method is not known in full
        self._subscription = await untyped.subscribe(self._inbox, cb=functools.partial(self._on_message, self._life))

    async def _unsubscribe(self) -> None:
        """Takes no more messages; what is on its way to us still arrives, to be given back."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with contextlib.suppress(Error, OSError, TimeoutError):
                async with asyncio.timeout(FLUSH_TIMEOUT):
                    await subscription.drain()

    async def _give_up(self) -> None:
        """Lets the engine finish what it has, and gives the rest back to the server."""
        async with self._giving_up:
            await self._give_up_alone()

    async def _give_up_alone(self) -> None:
        unseen = {each.position for each in self._buffer}
        partition, self._takeover = self.partition, None
        self._buffer.clear()
        if partition is not None:
            marking = asyncio.create_task(self._keep_marking())
            try:
                await self._listener.revoked([partition])
            finally:
                marking.cancel()
                await asyncio.gather(marking, return_exceptions=True)
        self.note_ended()
        self._has_all = False
        self.partition = None
        self._pin = None
        self._life += 1
        self._lost = False
        replies, self._replies = self._replies, {}
        client = self._client
        if client is None or not client.is_connected:
            return
        delay = json.dumps({"delay": int(GIVEN_BACK_AFTER * 1e9)}).encode()
        with contextlib.suppress(Error, OSError, TimeoutError):
            for position, reply in sorted(replies.items()):
                await client.publish(reply, Msg.Ack.Nak if position in unseen else Msg.Ack.Nak + b" " + delay)
            await client.flush(FLUSH_TIMEOUT)

    async def _keep_marking(self) -> None:
        while True:
            with contextlib.suppress(Error, OSError):
                await self._mark_in_progress()
            await asyncio.sleep(self._settings.ack_wait_seconds / ROUNDS)


def _answer(ended: EndedMessage) -> bytes:
    ending = ended.ending
    if ending.outcome is not Outcome.DEAD_LETTER:
        return Msg.Ack.Ack
    reason = f"{ending.reason}: {ending.explanation}" if ending.reason else ending.explanation
    text = " ".join(reason.split()).encode()[:REASON_BYTES].decode(errors="ignore")
    return Msg.Ack.Term + b" " + text.encode()
