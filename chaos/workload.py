"""What is published: by a seed, every event with what must become of it."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from ameide_core_proto.event_journal.v1.event_journal_pb2 import (
    CloseJournal,
    EntryRecorded,
    EventJournalEvent,
    EventJournalKey,
    EventMeta,
)

TENANT = "chaos"
HOT_KEY = "hot"
STREAM_KEY = "stream"
STREAM_EVENTS = 5_000
"""Events of one key in a row: more than its workflow remembers to tell repetitions by."""

BURST = 40
"""Most events that a key gets in a row, as systems that tell of their subjects do."""

BURSTS_AT_ONCE = 12
"""Keys whose bursts are mixed at a time."""

DUPLICATES = 0.05
"""Part of the events that is published again, soon after."""

POISON = 0.01
"""Messages that can never be delivered, beside the events."""

CLOSED_KEYS = 0.02
"""Part of the keys that is closed after half of its events: the rest is late, or was just in time."""

HOT_TEXT = "x" * 20_000
"""Makes an event of 20 KB."""

LATE = "late"


@dataclass(frozen=True)
class Record:
    """A message for the source."""

    key: str
    value: bytes


@dataclass
class Key:
    """A key with its events, named by the numbers 1 to `events` in the order of their first publication."""

    name: str
    events: int
    closed_after: int | None = None
    """It is closed after so many events; those after them may be late."""

    @property
    def workflow_id(self) -> str:
        """Of its journal."""
        return f"event-journal/{TENANT}/{self.name}"


@dataclass
class Workload:
    """Everything that is published.

    Attributes:
        keys: By name; the hot key and that of the stream among them.
        poison: Reason by value of each message that can never be delivered.
    """

    events: int
    number_of_keys: int
    hot_events: int
    seed: int
    keys: dict[str, Key] = field(default_factory=dict[str, Key])
    poison: dict[bytes, str] = field(default_factory=dict[bytes, str])
    duplicates: int = 0

    def __post_init__(self) -> None:
        source = self._source("keys")
        names = [f"k{number:05}" for number in range(self.number_of_keys - 1)]
        counts = dict.fromkeys(names, 1)
        # Some keys get many events and many get few, as in life.
        weights = [1 / (1 + number % 50) for number in range(len(names))]
        for name in source.choices(names, weights, k=self.events - self.hot_events - len(names)):
            counts[name] += 1
        self.keys = {name: Key(name, count) for name, count in counts.items()}
        for key in source.sample(list(self.keys.values()), round(len(names) * CLOSED_KEYS)):
            key.closed_after = max(1, key.events // 2)
        self.keys[HOT_KEY] = Key(HOT_KEY, self.hot_events)
        self.keys[STREAM_KEY] = Key(STREAM_KEY, 0)

    def records(self) -> Iterator[Record]:
        """All but the hot key's and the stream's, in the order of publication; to be run through once."""
        source = self._source("records")
        bursts = _bursts(self, source)
        running = list(islice(bursts, BURSTS_AT_ONCE))
        while running:
            burst = source.choice(running)
            name, number = burst.pop(0)
            if not burst:
                running.remove(burst)
                running += islice(bursts, 1)
            yield from self._of(self.keys[name], number, source)

    def hot_records(self) -> Iterator[Record]:
        """The hot key's, each of 20 KB."""
        key = self.keys[HOT_KEY]
        for number in range(1, key.events + 1):
            yield Record(key.name, _entry(key, number, HOT_TEXT))

    def stream(self) -> list[Record]:
        """The next `STREAM_EVENTS` of the key of the stream, beside the events that were asked for."""
        key = self.keys[STREAM_KEY]
        first = key.events + 1
        key.events += STREAM_EVENTS
        return [Record(key.name, _entry(key, number)) for number in range(first, key.events + 1)]

    def more_poison(self, count: int) -> list[Record]:
        """Messages that can never be delivered, beside those among the records."""
        source = self._source(f"poison {len(self.poison)}")
        keys = source.choices([each for each in self.keys.values() if each.events], k=count)
        return [self._poisoned(key, source) for key in keys]

    def _poisoned(self, key: Key, source: random.Random) -> Record:
        value, reason = _poison(len(self.poison), key, source)
        self.poison[value] = reason
        return Record(key.name, value)

    def _of(self, key: Key, number: int, source: random.Random) -> Iterator[Record]:
        yield Record(key.name, _entry(key, number))
        if source.random() < DUPLICATES:
            self.duplicates += 1
            # One that the workflow has seen lately, or that waits beside it.
            again = source.randint(max(1, number - 10), number)
            yield Record(key.name, _entry(key, again))
        if number == key.closed_after:
            yield Record(key.name, _close(key))
        if source.random() < POISON:
            yield self._poisoned(key, source)

    def _source(self, purpose: str) -> random.Random:
        return random.Random(f"{self.seed} {purpose}")  # noqa: S311 - the same in every run


def identity(event: EventJournalEvent) -> tuple[str, int]:
    """Returns key and number of an event; number 0 is the order to close."""
    return event.meta.key.subject_id, event.entry_recorded.number


def _bursts(workload: Workload, source: random.Random) -> Iterator[list[tuple[str, int]]]:
    """Runs of events of one key; within a key their order holds, since none begins before the one before has ended."""
    left = {key.name: 0 for key in workload.keys.values() if key.name not in {HOT_KEY, STREAM_KEY}}
    running: dict[str, list[tuple[str, int]]] = {}
    names = list(left)
    while names:
        at = source.randrange(len(names))
        name = names[at]
        events = workload.keys[name].events
        count = min(source.randint(1, BURST), events - left[name])
        burst = [(name, left[name] + offset) for offset in range(1, count + 1)]
        left[name] += count
        if left[name] == events:
            names[at] = names[-1]
            names.pop()
        if running.get(name):
            running[name] += burst
            continue
        running[name] = burst
        yield burst


def _envelope(key: Key, name: str) -> EventJournalEvent:
    return EventJournalEvent(
        meta=EventMeta(
            idempotency_key=name,
            source="chaos",
            key=EventJournalKey(tenant_id=TENANT, subject_id=key.name),
            schema_version=1,
        )
    )


def _entry(key: Key, number: int, text: str = "") -> bytes:
    event = _envelope(key, f"{key.name}-{number}")
    event.entry_recorded.CopyFrom(EntryRecorded(number=number, text=text))
    return event.SerializeToString()


def _close(key: Key) -> bytes:
    event = _envelope(key, f"{key.name}-close")
    event.close_journal.CopyFrom(CloseJournal())
    return event.SerializeToString()


def _poison(number: int, key: Key, source: random.Random) -> tuple[bytes, str]:
    event = _envelope(key, f"poison-{number}")
    match source.randrange(4):
        case 0:
            return b"\xff\xff" + str(number).encode(), "undecodable"
        case 1:
            return event.SerializeToString(), "unknown-case"
        case 2:
            event.entry_recorded.number = 1
            event.meta.schema_version = 99
            return event.SerializeToString(), "wrong-schema-version"
        case _:
            event.entry_recorded.number = 1
            event.meta.ClearField("key")
            return event.SerializeToString(), "missing-key"
