"""What is known to have ended of a consumer's messages, so that one that is made anew goes on behind it."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ameide_process.ingress.nats._delivered import Delivery

STREAM_CREATED: Final = "ingress-stream-created"
STREAM_LAST: Final = "ingress-stream-last"
MADE: Final = "ingress-made"
"""Metadata of a consumer that a member made: of which stream, what its last position was then, and a name for this act,
since who makes one by hand may copy the others. A member that knows what had ended keeps that, and skips it."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Positions of a stream that need not be delivered any more."""

    reached: int
    """None behind it is known to have ended."""
    missing: frozenset[int] = frozenset()
    """Those up to it that have not, as far as is known."""

    def __contains__(self, position: int) -> bool:
        """Whether a position has ended."""
        return position <= self.reached and position not in self.missing

    def __or__(self, other: "Ended") -> "Ended":
        """Returns what has ended by one or the other."""
        missing = frozenset(each for each in self.missing | other.missing if each not in self and each not in other)
        return Ended(max(self.reached, other.reached), missing)

    @property
    def first_missing(self) -> int:
        """The lowest position that may not have ended."""
        return min(self.missing, default=self.reached + 1)

    def up_to(self, last: int) -> "Ended":
        """Returns the part up to a position."""
        return Ended(min(self.reached, last), frozenset(each for each in self.missing if each <= last))


class Received:
    """Whether everything that the server delivered since a member was pinned has come to it, and how far that is.

    The server numbers deliveries. Where one is left out, it was lost on the way, with a connection that broke, or went
    to another member; then nothing is said of what came later.
    """

    def __init__(self) -> None:
        self.unbroken = True
        self.reached = 0
        self._number: int | None = None

    def saw(self, delivery: Delivery) -> None:
        """Takes note of what came."""
        self.unbroken = self.unbroken and self._number in {None, delivery.number - 1}
        self._number = delivery.number
        if self.unbroken:
            self.reached = max(self.reached, delivery.position)


class Known:
    """What a running member knows of its consumer, whether it is pinned or stands by.

    Attributes:
        stream: When the stream was created, as the server says it; empty: not known.
        consumer: When the consumer was created; empty: it was never seen.
        ended: What has ended of its messages; None: not known.
    """

    def __init__(self) -> None:
        self.stream: str = ""
        self.consumer: str = ""
        self.ended: Ended | None = None
        self._floor = 0
        self._made: str | None = None

    def learn(self, ended: Ended) -> None:
        """Adds what has ended."""
        self.ended = ended if self.ended is None else self.ended | ended

    def is_of(self, info: dict[str, Any]) -> bool:
        """Whether what is known is of the consumer that the server tells of."""
        return self.consumer == info["created"]

    def see(self, info: dict[str, Any], stream: dict[str, Any] | None = None) -> bool:
        """Takes what the server says of the consumer.

        Args:
            info: Of the consumer.
            stream: Of its stream; needed where the consumer is not the one that is known.

        Returns:
            Whether what was known is void: the stream is another one, or somebody who is no member made the consumer
            anew or set it back, and decided where it begins.
        """
        floor: int = info["ack_floor"]["stream_seq"]
        # A consumer that somebody set back begins where they want it.
        void = self.is_of(info) and floor < self._floor
        if void:
            self.ended = None
        elif not self.is_of(info):
            created: str = stream["created"] if stream is not None else ""
            if self.ended is not None and self.goes_on(info) and created == self.stream:
                self.ended = self.ended.up_to(int(info["config"]["metadata"][STREAM_LAST]))
            else:
                void, self.ended = bool(self.consumer), None
            self.stream, self.consumer = created, info["created"]
            self._made = _metadata(info).get(MADE)
        self._floor = floor
        if self.stream:
            self.learn(Ended(floor))
        return void

    def goes_on(self, info: dict[str, Any]) -> bool:
        """Whether a member made this consumer, of the stream that is known."""
        metadata = _metadata(info)
        copied = not self.is_of(info) and metadata.get(MADE) == self._made
        return bool(self.stream) and metadata.get(STREAM_CREATED) == self.stream and not copied

    @staticmethod
    def first_beginning(wanted: Mapping[str, Any], stream: dict[str, Any]) -> dict[str, Any]:
        """Says where a consumer begins of which nothing is known.

        Args:
            wanted: Its configuration.
            stream: What the server said of the stream when the consumer was first found absent: what came since is new.

        Returns:
            What is different in its configuration.
        """
        last: int = stream["state"]["last_seq"]
        said = {"metadata": _made(stream)}
        if wanted["deliver_policy"] == "all":
            return said
        return {**said, "deliver_policy": "by_start_sequence", "opt_start_seq": last + 1}

    def beginning(self, stream: dict[str, Any]) -> dict[str, Any]:
        """Says where a consumer begins that is made anew.

        Args:
            stream: What the server says of the stream.

        Returns:
            What is different in its configuration; nothing where no earlier one is known.
        """
        if self.ended is None:
            return {}
        if stream["created"] != self.stream:
            # Another stream under the old name: all of it came after what was read, whatever the settings say.
            return {"deliver_policy": "all"}
        last: int = stream["state"]["last_seq"]
        return {
            "deliver_policy": "by_start_sequence",
            # A stream that was restored from a copy may end before that.
            "opt_start_seq": min(self.ended.first_missing, last + 1),
            "metadata": _made(stream),
        }


def _made(stream: dict[str, Any]) -> dict[str, str]:
    return {
        STREAM_CREATED: stream["created"],
        STREAM_LAST: str(stream["state"]["last_seq"]),
        MADE: uuid.uuid4().hex,
    }


def _metadata(info: dict[str, Any]) -> dict[str, str]:
    return info["config"].get("metadata") or {}
