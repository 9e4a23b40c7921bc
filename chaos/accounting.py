"""Whether every event is accounted for: what workflows say that they applied, beside what the dead-letter topic has."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition
from ameide_core_proto.event_journal.v1.event_journal_pb2 import EventJournalEvent, EventJournalStateV1
from ameide_core_proto.process.v1.process_runtime_pb2 import ProcessProgress
from ameide_process.contract import PROGRESS_QUERY, STATE_QUERY
from google.protobuf.json_format import Parse, ParseError
from google.protobuf.message import DecodeError
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.service import RPCError
from workload import LATE, Key, Workload, identity

QUESTIONS = 12
"""Queries at a time; a worker replays a run for most of them."""

TRIES = 30
"""Of a query, a second apart, while a worker that is gone still counts for the server."""

EXAMPLES = 10


@dataclass
class Journal:
    """What a workflow says."""

    status: WorkflowExecutionStatus | None
    numbers: list[int]
    progress: ProcessProgress


@dataclass
class DeadLetters:
    """What the dead-letter topic holds, repetitions dropped."""

    late: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    """Key and number."""
    poison: dict[bytes, str] = field(default_factory=dict[bytes, str])
    """Reason by value."""
    reasons: Counter[str] = field(default_factory=Counter[str])
    repeated: int = 0
    """Records that stand there twice: the stream is written at least once."""


@dataclass
class Account:
    """How a run came out; each entry of a list names an event."""

    lost: list[str] = field(default_factory=list[str])
    """Neither applied nor dead-lettered with the right reason."""
    doubled: list[str] = field(default_factory=list[str])
    """Applied twice, or applied and dead-lettered."""
    disordered: list[str] = field(default_factory=list[str])
    """Applied after a later event of its key."""
    unexpected: list[str] = field(default_factory=list[str])
    """Dead letters that nothing explains, failures of handlers, workflows that have ended otherwise."""
    applied: int = 0
    late: int = 0
    duplicates_dropped: int = 0
    continued: int = 0
    """Continue-As-New, of all workflows."""

    @property
    def clean(self) -> bool:
        """Whether everything is accounted for."""
        return not (self.lost or self.doubled or self.disordered or self.unexpected)


async def read_journals(client: Client, keys: Sequence[Key]) -> dict[str, Journal]:
    """Asks the workflow of every key for all that it applied, in all its runs.

    Raises:
        RPCError: One does not answer.
    """
    limit = asyncio.Semaphore(QUESTIONS)

    async def one(key: Key) -> tuple[str, Journal]:
        async with limit:
            return key.name, await _read(client, key)

    return dict(await asyncio.gather(*(one(key) for key in keys)))


async def _read(client: Client, key: Key) -> Journal:
    handle = client.get_workflow_handle(key.workflow_id)
    for left in reversed(range(TRIES)):
        try:
            description = await handle.describe()
            state = await handle.query(STATE_QUERY, result_type=EventJournalStateV1)
            progress = await handle.query(PROGRESS_QUERY, result_type=ProcessProgress)
            return Journal(description.status, list(state.numbers), progress)
        except (RPCError, WorkflowQueryFailedError):
            if not left:
                raise
            await asyncio.sleep(1)
    raise AssertionError(key)


async def read_dead_letters(bootstrap_servers: str, topic: str) -> DeadLetters:
    """Reads the dead-letter topic to its end."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    letters = DeadLetters()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        await consumer.seek_to_beginning(partition)
        while await consumer.position(partition) < end:
            for record in (await consumer.getmany(partition, timeout_ms=500)).get(partition, ()):
                reason = str(dict(record.headers)["dead-letter-reason"], "utf-8")
                _sort(letters, record.value or b"", reason)
    finally:
        await consumer.stop()
    return letters


def _sort(letters: DeadLetters, value: bytes, reason: str) -> None:
    event = _parse(value) if reason == LATE else None
    if event is not None:
        known = identity(event) in letters.late
        letters.late.add(identity(event))
    else:
        known = value in letters.poison
        letters.poison[value] = reason
    letters.repeated += known
    letters.reasons[reason] += not known


def _parse(value: bytes) -> EventJournalEvent | None:
    """Reads an envelope: protobuf as the source has it, protobuf-JSON as a workflow gets it."""
    try:
        if value.startswith(b"{"):
            return Parse(value, EventJournalEvent())
        return EventJournalEvent.FromString(value)
    except (ParseError, DecodeError):
        return None


def settle(workload: Workload, journals: dict[str, Journal], letters: DeadLetters) -> Account:
    """Compares what was published with what became of it."""
    account = Account()
    late: defaultdict[str, set[int]] = defaultdict(set)
    for name, number in letters.late:
        late[name].add(number)
    for key in workload.keys.values():
        _settle_key(account, key, journals[key.name], late.pop(key.name, set()))
    account.unexpected += [f"dead letter of {name!r}, which nobody published" for name in late]
    for value, reason in workload.poison.items():
        said = letters.poison.pop(value, None)
        if said is None:
            account.lost.append(f"poison {value!r}")
        elif said != reason:
            account.unexpected.append(f"dead letter {value!r}: {said}, not {reason}")
    account.unexpected += [f"dead letter {value[:80]!r}: {reason}" for value, reason in letters.poison.items()]
    return account


def _settle_key(account: Account, key: Key, journal: Journal, late: set[int]) -> None:
    counts = Counter(journal.numbers)
    for number in range(1, key.events + 1):
        times = counts.pop(number, 0) + (number in late)
        if times == 0:
            account.lost.append(f"{key.name}-{number}")
        elif times > 1:
            account.doubled.append(f"{key.name}-{number}")
    account.unexpected += [f"{key.name}-{number}, which nobody published" for number in counts]
    account.disordered += [
        f"{key.name}-{after} after {before}"
        for before, after in zip(journal.numbers, journal.numbers[1:], strict=False)
        if after <= before
    ]
    if key.closed_after is None:
        account.unexpected += [f"{key.name}-{number} is dead-lettered as late" for number in late]
    elif any(0 < number <= key.closed_after for number in late):
        account.unexpected.append(f"{key.name}: dead-lettered as late before the order to close it")
    expected = WorkflowExecutionStatus.RUNNING if key.closed_after is None else WorkflowExecutionStatus.COMPLETED
    if journal.status is not expected:
        account.unexpected.append(f"workflow {key.workflow_id} is {journal.status}, not {expected.name}")
    if journal.progress.counts.failed or journal.progress.counts.rejected or journal.progress.pending:
        account.unexpected.append(f"{key.name}: {journal.progress.counts}, {journal.progress.pending} pending")
    account.applied += len(set(journal.numbers))
    account.late += len(late)
    account.duplicates_dropped += journal.progress.counts.duplicates
    account.continued += journal.progress.run_epoch
