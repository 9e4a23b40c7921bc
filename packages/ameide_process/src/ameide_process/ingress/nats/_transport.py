"""NATS as a source, on nats-py."""

import asyncio
import contextlib
import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final

import structlog
from nats.aio.client import Client
from nats.errors import Error

from ameide_process.configuration import NatsSubscription
from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress._progress import Progress
from ameide_process.ingress._transport import PartitionLag, TransportError, TransportListener
from ameide_process.ingress.nats._consumer import Ensured, ensure_consumer, explain, see_consumer, wanted_config
from ameide_process.ingress.nats._ended import Known
from ameide_process.ingress.nats._member import Member
from ameide_process.jetstream import CONSUMER_NOT_FOUND, STREAM_NOT_FOUND, JetStreamError, ask_jetstream
from ameide_process.nats_connection import NatsConnectionError, close_nats, connect_nats

MAX_POLL_MESSAGES: Final = 500
"""Messages of one poll; they are decoded in chunks."""

_logger = structlog.get_logger(__name__)


class NatsTransport:
    """A member of each consumer of a subscription."""

    def __init__(self, settings: NatsSubscription, *, durable: str, subscription: str) -> None:
        """Prepares the members; nothing is connected yet.

        Args:
            settings: Servers, stream and subjects.
            durable: Name of the consumer, or what the names of its partitions' consumers begin with.
            subscription: Logical name, for messages to people.
        """
        self._settings = settings
        self._subscription = subscription
        self._subjects = {_consumer_name(durable, each): [each] for each in settings.partitions} or {
            durable: list(settings.subjects)
        }
        self._known = {each: Known() for each in self._subjects}
        self._absent: set[str] = set()
        """Consumers that another member reads and that were gone when we last looked."""
        self._listener: TransportListener | None = None
        self._client: Client | None = None
        self._members: list[Member] = []
        self._arrived = asyncio.Event()
        self._why_down = "the connection is down"

    @property
    def lease_seconds(self) -> None:
        """See `Transport`; the pin is looked after here."""
        return None

    async def start(self, listener: TransportListener) -> None:
        """Connects and stands by; see `Transport`."""
        self._listener = listener
        try:
            client = await connect_nats(self._settings, name=f"ingress {self._subscription}")
        except NatsConnectionError as error:
            self._why_down = str(error)
            raise TransportError(f"{error} (subscription {self._subscription})") from error
        try:
            await asyncio.gather(*(self._ensure(client, consumer) for consumer in self._subjects))
            self._client = client
            self._why_down = "the connection is down"
            self._members = [
                Member(
                    self._settings,
                    consumer=consumer,
                    number=number,
                    known=known,
                    listener=listener,
                    arrived=self._arrived.set,
                )
                for number, (consumer, known) in enumerate(self._known.items())
            ]
            for member in self._members:
                await member.join(client)
        except (Error, OSError, TimeoutError) as error:
            await close_nats(client)
            raise self._away(str(error)) from error
        except BaseException:
            await close_nats(client)
            raise

    async def poll(self, wait: float) -> Sequence[Message]:
        """Returns messages; see `Transport`."""
        client = self._client
        if client is None or client.is_closed:
            # Thrown out, by a login that is not taken any more: the client does not come back from that by itself.
            await self._start_anew()
        if not any(member.has_messages for member in self._members):
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._arrived.wait()
        messages: list[Message] = []
        for member in self._members:
            messages += member.take(MAX_POLL_MESSAGES - len(messages))
        return messages

    def pause(self, partitions: Mapping[Partition, str]) -> None:
        """Stops delivery; see `Transport`."""
        for member in self._of(partitions):
            member.pause(paused=True)

    def resume(self, partitions: Collection[Partition]) -> None:
        """Goes on with delivery; see `Transport`."""
        for member in self._of(partitions):
            member.pause(paused=False)
        self._arrived.set()

    async def commit(self, progress: Progress) -> None:
        """Acknowledges or terminates messages; see `Transport`."""
        client = self._client
        if client is None or not client.is_connected:
            raise self._away(self._why_down)
        try:
            for member in self._of(progress.messages):
                if member.partition is not None:
                    await member.acknowledge(progress.messages[member.partition])
        except (Error, OSError, TimeoutError) as error:
            raise self._away(str(error)) from error

    async def lag(self) -> Sequence[PartitionLag]:
        """Asks what each consumer has left; see `Transport`."""
        client = self._client
        if client is None or not client.is_connected:
            raise self._away(self._why_down)
        lags: list[PartitionLag] = []
        gone: list[str] = []
        others = 0
        for member in self._members:
            stream = self._settings.stream
            try:
                info = await ask_jetstream(client, f"CONSUMER.INFO.{stream}.{member.consumer}")
                void = await see_consumer(client, stream, info, member.known)
            except JetStreamError as error:
                said = explain(error, stream, member.consumer)
                if error.code != CONSUMER_NOT_FOUND:
                    raise TransportError(said, may_lose=error.code == STREAM_NOT_FOUND) from error
                gone.append("; ".join(filter(None, (said, await self._make_anew(client, member)))))
                continue
            self._absent.discard(member.consumer)
            if void:
                member.forget()
            if member.partition is not None:
                lags.append(PartitionLag(member.partition, info["num_pending"] + info["num_ack_pending"]))
            else:
                others += any(group.get("pinned_client_id") for group in info.get("priority_groups", ()))
        if gone:
            raise TransportError(". ".join(gone), lags=lags, may_lose=True)
        if self._listener is not None and not lags:
            self._listener.standing_by(
                f"standing by: another member reads {'this consumer' if len(self._members) == 1 else 'the partitions'}"
                if others
                else "standing by: no member reads this consumer yet; the server chooses one when there are messages"
            )
        return lags

    async def retention(self) -> timedelta | None:
        """Asks for the stream's `max_age`; see `Transport`."""
        if self._client is None:
            return None
        try:
            info = await ask_jetstream(self._client, f"STREAM.INFO.{self._settings.stream}")
        except JetStreamError:
            # Only a warning depends on it; that the stream is away is said elsewhere.
            return None
        nanoseconds = int(info["config"].get("max_age", 0))
        return timedelta(microseconds=nanoseconds / 1000) if nanoseconds else timedelta.max

    async def stop(self) -> None:
        """Drains, gives back what is left and leaves; see `Transport`."""
        await asyncio.gather(*(member.leave() for member in self._members))
        self._members = []
        client, self._client = self._client, None
        if client is not None:
            await close_nats(client)

    async def _make_anew(self, client: Client, member: Member) -> str:
        """Makes a consumer that somebody deleted, and says what became of it."""
        if member.partition is None and member.consumer not in self._absent:
            # The member that read it knows better than we do where it ended, and is let go first.
            self._absent.add(member.consumer)
            return ""
        self._absent.discard(member.consumer)
        member.note_ended()
        ensured = await self._ensure(client, member.consumer)
        if ensured.void:
            member.forget()
        return ensured.began

    async def _ensure(self, client: Client, consumer: str) -> Ensured:
        wanted = wanted_config(self._settings, consumer, self._subjects[consumer])
        known = self._known[consumer]
        # Who has begun has other things to say.
        waiting = self._listener.waiting if self._listener is not None and not self._members else None
        return await ensure_consumer(client, self._settings.stream, wanted, known, waiting=waiting)

    async def _start_anew(self) -> None:
        listener = self._listener
        if listener is None:
            raise self._away("not started")
        await self.stop()
        await self.start(listener)

    def _of(self, partitions: Collection[Partition]) -> list[Member]:
        return [member for member in self._members if member.partition in partitions]

    def _away(self, why: str) -> TransportError:
        servers = ",".join(self._settings.servers)
        return TransportError(
            f"cannot reach nats at {servers} for subscription {self._subscription}: {why}; check servers, and that "
            "NATS runs there"
        )


def _consumer_name(durable: str, subject: str) -> str:
    """Named by the subject and not by its place in the list, so that the list may change."""
    return f"{durable}-{hashlib.sha256(subject.encode()).hexdigest()[:8]}"
