"""What was redriven, written into the dead-letter stream itself.

A committed offset could not say it: whoever redrives one reason leaves the others between. So a record beside the dead
letters names the positions that were replayed; it is durable where they are, needs no further right, and every
transport can hold it.
"""

import bisect
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import cast

from ameide_process.outputs import OutputRecord

REDRIVEN = "dead-letter-redriven"
"""Header that tells such a record from a dead letter; its value is the id of the redrive."""


class Positions:
    """A set of positions of a stream, kept as ranges: millions of dead letters may stand in a row."""

    def __init__(self) -> None:
        self._ranges: dict[int, list[tuple[int, int]]] = {}
        """First and last of each range, by partition; sorted on demand."""
        self._sorted = True

    def __contains__(self, place: tuple[int, int]) -> bool:
        """Whether a partition's position is in the set."""
        if not self._sorted:
            self._ranges = {partition: _merged(ranges) for partition, ranges in self._ranges.items()}
            self._sorted = True
        partition, position = place
        ranges = self._ranges.get(partition, [])
        index = bisect.bisect_right(ranges, position, key=lambda each: each[0])
        return index > 0 and ranges[index - 1][1] >= position

    def add(self, partition: int, first: int, last: int) -> None:
        """Adds a range, both ends included."""
        ranges = self._ranges.setdefault(partition, [])
        if ranges and ranges[-1][1] + 1 == first:
            ranges[-1] = (ranges[-1][0], last)
        else:
            self._sorted = self._sorted and not ranges
            ranges.append((first, last))

    def to_json(self) -> dict[str, list[tuple[int, int]]]:
        """Returns the ranges by partition."""
        return {str(partition): _merged(ranges) for partition, ranges in sorted(self._ranges.items())}


def read_redriven(record: OutputRecord, redriven: Positions) -> bool:
    """Takes what a record of the stream says of earlier redrives.

    Returns:
        Whether it is such a record; a spoilt one says nothing, and what it named is replayed again at worst.
    """
    if not any(name == REDRIVEN for name, _ in record.headers):
        return False
    for partition, first, last in _read(record.value):
        redriven.add(partition, first, last)
    return True


def redriven_record(process: str, redrive_id: str, places: Iterable[tuple[int, int]], now: datetime) -> OutputRecord:
    """Makes the record that says which positions were replayed.

    Args:
        process: Name of the process.
        redrive_id: Of this redrive.
        places: Partition and position of each.
        now: When.
    """
    positions = Positions()
    for partition, position in sorted(places):
        positions.add(partition, position, position)
    value = {
        "redriven": positions.to_json(),
        "process": process,
        "redriveId": redrive_id,
        "time": now.astimezone(UTC).isoformat(),
    }
    return OutputRecord(
        value=json.dumps(value).encode(),
        key=process.encode(),
        headers=[(REDRIVEN, redrive_id.encode()), ("content-type", b"application/json")],
    )


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def _read(value: bytes) -> list[tuple[int, int, int]]:
    try:
        content = cast("dict[str, dict[str, list[tuple[int, int]]]]", json.loads(value))
        return [
            (int(partition), int(first), int(last))
            for partition, ranges in content["redriven"].items()
            for first, last in ranges
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
