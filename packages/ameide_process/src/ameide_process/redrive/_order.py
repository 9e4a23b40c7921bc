"""In which order dead letters are replayed: that of their source, which the dead-letter stream does not keep.

Only places are remembered, packed into about 80 bytes each; the records are read again, a window at a time.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ameide_process.outputs import SourcePosition

WINDOW_BYTES = 64 * 1024 * 1024
"""Dead letters held in memory at once. Each window reads the streams once more."""

_PACKED = struct.Struct(">IQHIQII")
"""Big-endian and unsigned, so that the bytes sort as the numbers do: source, its position, then the rest."""

_NO_SOURCE = 2**32 - 1
"""Sorts behind every source."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A dead letter to be replayed."""

    stream: int
    """Index of its dead-letter stream."""
    partition: int
    position: int
    """In the dead-letter stream."""
    size: int
    """Bytes of its record, about."""
    reason: str
    target: str
    """Subscription and source, for people."""


class ReplayOrder:
    """The chosen dead letters, by partition and position of their source.

    What does not say where it stood, as from the worker, comes after the rest, in the order of its stream.
    """

    def __init__(self) -> None:
        self._packed: list[bytes] = []
        self._sources: dict[tuple[str, int], int] = {}
        self._labels: dict[tuple[str, str], int] = {}

    def add(self, choice: Choice, source: SourcePosition | None) -> None:
        """Adds a dead letter.

        Args:
            choice: The dead letter.
            source: Where it stood before it became one.
        """
        number, position = _NO_SOURCE, 0
        # A header may say anything; a position that no source has is none.
        if source is not None and 0 <= source.position < 2**63:
            number = self._sources.setdefault((source.source, source.partition), len(self._sources))
            position = source.position
        label = self._labels.setdefault((choice.reason, choice.target), len(self._labels))
        self._packed.append(
            _PACKED.pack(
                number,
                position,
                choice.stream,
                choice.partition,
                choice.position,
                min(choice.size, 2**32 - 1),
                label,
            )
        )

    def cut(self, limit: int) -> Iterator[Choice]:
        """Keeps the first so many, and returns the others: what is left is never before what is replayed."""
        self._packed.sort()
        over, self._packed = self._packed[limit:], self._packed[:limit]
        labels = list(self._labels)
        return (_unpacked(each, labels) for each in over)

    def windows(self) -> Iterator[Sequence[Choice]]:
        """Returns everything in order, in parts that fit into memory."""
        self._packed.sort()
        labels = list(self._labels)
        window: list[Choice] = []
        size = 0
        for each in self._packed:
            choice = _unpacked(each, labels)
            if window and size + choice.size > WINDOW_BYTES:
                yield window
                window, size = [], 0
            window.append(choice)
            size += choice.size
        if window:
            yield window


def _unpacked(packed: bytes, labels: Sequence[tuple[str, str]]) -> Choice:
    fields: tuple[int, ...] = _PACKED.unpack(packed)
    _, _, stream, partition, position, size, label = fields
    reason, target = labels[label]
    return Choice(stream, partition, position, size, reason, target)
