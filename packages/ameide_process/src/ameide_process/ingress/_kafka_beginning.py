"""Where a Kafka partition is begun, from what its group has committed.

A commit carries the id of the topic that its offset is of, as the offset's metadata. So an offset that outlives its
topic, or arrives after it, is known for what it is, by whichever member meets it, and nothing is skipped. And it
carries how many partitions the topic had when the group began with it, so that one that was added later is known too.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from aiokafka import OffsetAndMetadata

from ameide_process.ingress._kafka_topics import NO_ID

_WRITTEN: Final = re.compile(r"(?:topic-id=([0-9a-f]+))?(?: ?partitions=([0-9]{1,6}))?")
"""Our metadata; other clients write theirs."""


def is_another(topic_id: str, before: str) -> bool:
    """Whether two ids say that a topic is another one than before; without an id nobody knows."""
    return NO_ID != topic_id != before != NO_ID


@dataclass(frozen=True, slots=True)
class Commit:
    """What the group has committed for a partition."""

    offset: int
    topic_id: str
    """`NO_ID` where a broker does not keep it, or whoever committed did not say."""
    partitions: int | None = None
    """Of the topic when the group began with it, 0 where there was none yet; None where nobody knows."""

    @classmethod
    def read(cls, committed: OffsetAndMetadata) -> "Commit":
        """Reads what the broker has."""
        written = _WRITTEN.fullmatch(committed.metadata)
        if written is None:
            return cls(committed.offset, NO_ID)
        return cls(committed.offset, written[1] or NO_ID, int(written[2]) if written[2] else None)

    def write(self) -> OffsetAndMetadata:
        """Makes what the broker gets."""
        said = [f"topic-id={self.topic_id}"] if self.topic_id != NO_ID else []
        said += [f"partitions={self.partitions}"] if self.partitions is not None else []
        return OffsetAndMetadata(self.offset, " ".join(said))


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where to begin, and what is to be said of it."""

    offset: int
    remark: str = ""
    """What people should know; empty: nothing."""
    skipped: int = 0
    """Offsets before it that are not read, as the settings say."""


def beginning(
    commit: Commit | None,
    topic_id: str,
    *,
    begin: int,
    end: int,
    start_from: Literal["earliest", "latest"],
    anew: str = "",
    unread: int | None = None,
    added: bool = False,
) -> Beginning:
    """Decides where a partition is begun.

    Args:
        commit: What is committed; None: nothing.
        topic_id: Of the topic that there is now.
        begin: Of the partition's log.
        end: Of the partition's log.
        start_from: For a group that has committed nothing.
        anew: Why it begins at the beginning in any case; empty: it does not.
        unread: Offset that was to be read next before it began anew; None: none was.
        added: Whether it is younger than the group: all that it has came after the group's first beginning.
    """
    if not anew and commit is not None and is_another(topic_id, commit.topic_id):
        anew = f"offset {commit.offset} was committed for a topic of this name that is gone"
    if anew:
        deleted = f"; {_deleted(unread, begin)}" if unread is not None and unread < begin else ""
        return Beginning(begin, f"{anew}; it is read from its beginning, {begin}{deleted}")
    if commit is None:
        return Beginning(begin) if added or start_from == "earliest" else Beginning(end, skipped=end - begin)
    if commit.offset < begin:
        return Beginning(begin, _deleted(commit.offset, begin))
    return Beginning(commit.offset)


def _deleted(first: int, begin: int) -> str:
    return (
        f"the broker has deleted what was not read yet, offsets {first} to {begin - 1}; raise retention.ms or "
        "retention.bytes of the topic"
    )
