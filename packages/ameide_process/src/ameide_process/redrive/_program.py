"""Reads dead-letter streams, says what would be replayed, and replays it.

Two steps. The first decides about every dead letter and remembers the places of the chosen ones; the second reads those
again and replays them in the order of their source, which that of the dead letters is not. Both end where the streams
ended when the first began, so that what comes back as a dead letter is not replayed for ever.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Generic

from ameide_process.contract import EnvelopeT
from ameide_process.outputs import DeadLetterRecord, Output, OutputError, OutputTooLargeError, open_output
from ameide_process.redrive._account import Account, Sample
from ameide_process.redrive._journal import Positions, read_redriven, redriven_record
from ameide_process.redrive._judging import Judge, Judgement
from ameide_process.redrive._order import Choice, ReplayOrder
from ameide_process.redrive._selection import Skip, happened_at
from ameide_process.redrive._stream import DeadLetterSource, StoredRecord
from ameide_process.redrive._targets import Target, Targets, replayed

CHUNK_RECORDS = 200
"""Dead letters replayed between two notes of it; so many are replayed twice, at most, after a crash."""

CHUNK_BYTES = 8 * 1024 * 1024

RECORD_OVERHEAD_BYTES = 1024
"""Memory of a record beside its bytes, generously."""

INTERRUPTED = "interrupted"
"""Why a redrive stopped that somebody asked to."""

Progress = Callable[[str, int, int], None]
"""Told what goes on, how far, and of how many."""


class Stream:
    """One dead-letter stream: what reads it, and what notes there that something was redriven."""

    def __init__(self, name: str, source: DeadLetterSource, notes: Output) -> None:
        """Takes both.

        Args:
            name: Of the output in OUTPUT_CONFIG.
            source: Reads it.
            notes: Writes to it.
        """
        self.name = name
        self.source = source
        self.notes = notes
        self.redriven = Positions()


Fetched = tuple[Choice, StoredRecord]
"""A dead letter to be replayed, and its record."""


class Redrive(Generic[EnvelopeT]):
    """One redrive, dry or not."""

    def __init__(
        self,
        account: Account,
        streams: Sequence[Stream],
        judge: Judge[EnvelopeT],
        targets: Targets,
        *,
        process: str,
        limit: int | None,
        samples: int,
        rate: float,
        progress: Progress,
    ) -> None:
        """Prepares it.

        Args:
            account: Takes what is found and done.
            streams: The dead-letter streams; opened here.
            judge: Decides about each dead letter.
            targets: Where they go back to.
            process: Name of the process.
            limit: Most dead letters to replay; None: all.
            samples: Dead letters told one by one, of each reason and fate.
            rate: Most dead letters replayed a second.
            progress: Told how far it is.
        """
        self._account = account
        self._streams = streams
        self._judge = judge
        self._targets = targets
        self._process = process
        self._limit = limit
        self._samples = samples
        self._rate = rate
        self._progress = progress
        self._outputs: dict[str, Output] = {}
        """One for all subjects of a stream."""
        self._order = ReplayOrder()

    async def plan(self, stop: asyncio.Event) -> None:
        """Opens the streams and decides about everything in them, until the event is set.

        Raises:
            DeadLetterStreamError: One cannot be read.
        """
        for stream in self._streams:
            await stream.source.open()
            self._account.streams.append(stream.source.where)
        total, read = sum(stream.source.records for stream in self._streams), 0
        # What was redriven stands behind what it names, so it must be known before anything is decided.
        for stream in self._streams:
            async for batch in stream.source.read():
                for stored in batch:
                    read_redriven(stored.record, stream.redriven)
                if self._is_stopped(stop):
                    return
                read += len(batch)
                self._progress("looking for earlier redrives", read, total)
        read = 0
        for number, stream in enumerate(self._streams):
            async for batch in stream.source.read():
                for stored in batch:
                    self._decide(number, stored)
                if self._is_stopped(stop):
                    return
                read += len(batch)
                self._progress("reading dead letters", read, total)
        if self._limit is not None:
            self._leave(list(self._order.cut(self._limit)))

    async def execute(self, stop: asyncio.Event) -> None:
        """Replays what was chosen, until the event is set.

        Raises:
            DeadLetterStreamError: A stream cannot be read any more.
        """
        for window in self._order.windows():
            chunk: list[Fetched] = []
            for fetched in await self._fetch(window, stop):
                chunk.append(fetched)
                if self._is_full(chunk):
                    await self._replay(chunk)
                    chunk = []
                if self._is_stopped(stop):
                    return
            if chunk:
                await self._replay(chunk)
            if self._is_stopped(stop):
                return

    async def aclose(self) -> None:
        """Releases every connection."""
        for output in [*self._outputs.values(), *(stream.notes for stream in self._streams)]:
            await output.close()
        for stream in self._streams:
            await stream.source.close()

    def _is_stopped(self, stop: asyncio.Event) -> bool:
        if stop.is_set():
            self._account.stopped = self._account.stopped or INTERRUPTED
        return bool(self._account.stopped)

    # Deciding

    def _decide(self, number: int, stored: StoredRecord) -> None:
        account, stream = self._account, self._streams[number]
        letter = DeadLetterRecord.from_output(stored.record)
        if letter is None:
            if not read_redriven(stored.record, Positions()):
                account.foreign_records += 1
            return
        account.read += 1
        redriven = (stored.partition, stored.position) in stream.redriven
        judgement = self._judge.judge(letter, redriven=redriven)
        if judgement is None:
            return
        account.asked_for += 1
        skip = judgement.skip
        if skip is not None:
            account.skipped[skip] += 1
        elif judgement.target is not None:
            target = _place(judgement.target)
            account.by_target[target] += 1
            size = _size(stored)
            self._order.add(
                Choice(number, stored.partition, stored.position, size, letter.reason, target), letter.source
            )
        fate = skip.value if skip else "replay"
        account.by_reason[letter.reason, fate] += 1
        if account.by_reason[letter.reason, fate] <= self._samples:
            account.samples.append(_sample(stream, stored, letter, judgement, fate))

    def _leave(self, over: Sequence[Choice]) -> None:
        """Counts as over the limit what was counted as to be replayed: only the order says which those are."""
        account = self._account
        for each in over:
            account.by_target[each.target] -= 1
            account.by_reason[each.reason, "replay"] -= 1
            account.by_reason[each.reason, Skip.OVER_LIMIT.value] += 1
            account.skipped[Skip.OVER_LIMIT] += 1
        account.by_target = +account.by_target
        account.by_reason = +account.by_reason
        left = {(self._streams[each.stream].name, each.partition, each.position) for each in over}
        account.samples = [
            replace(each, fate=Skip.OVER_LIMIT.value) if (each.stream, each.partition, each.position) in left else each
            for each in account.samples
        ]

    # Replaying

    async def _fetch(self, window: Sequence[Choice], stop: asyncio.Event) -> Sequence[Fetched]:
        """Reads the records of a window; what the stream has dropped meanwhile is left out."""
        found: dict[tuple[int, int, int], StoredRecord] = {}
        wanted = {(each.stream, each.partition, each.position) for each in window}
        for number in sorted({each.stream for each in window}):
            async for batch in self._streams[number].source.read():
                for stored in batch:
                    place = (number, stored.partition, stored.position)
                    if place in wanted:
                        found[place] = stored
                if self._is_stopped(stop):
                    return []
                self._progress("fetching them in the order of their source", len(found), len(window))
        places = ((each, (each.stream, each.partition, each.position)) for each in window)
        return [(each, found[place]) for each, place in places if place in found]

    def _is_full(self, chunk: Sequence[Fetched]) -> bool:
        # A slow redrive takes small chunks, so that it is even and soon stopped.
        most = min(CHUNK_RECORDS, max(1, int(self._rate)))
        return len(chunk) >= most or sum(len(stored.record.value) for _, stored in chunk) >= CHUNK_BYTES

    async def _replay(self, chunk: Sequence[Fetched]) -> None:
        """Replays a chunk: partitions beside each other, each in its order; then notes what was replayed."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        lines: dict[Hashable, list[tuple[Choice, DeadLetterRecord]]] = defaultdict(list)
        for choice, stored in chunk:
            letter = DeadLetterRecord.from_output(stored.record)
            if letter is not None:
                lines[_line(letter)].append((choice, letter))
        ends = await asyncio.gather(*(self._replay_in_order(each) for each in lines.values()))
        done: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for choice in (each for end in ends for each in end):
            done[choice.stream].append((choice.partition, choice.position))
        for number, places in sorted(done.items()):
            await self._note(self._streams[number], places)
            self._account.replayed += len(places)
        self._progress("replaying", self._account.replayed + self._account.failed, self._account.to_replay)
        await asyncio.sleep(max(0.0, len(chunk) / self._rate - (loop.time() - began)))

    async def _note(self, stream: Stream, places: Sequence[tuple[int, int]]) -> None:
        try:
            await stream.notes.publish(
                redriven_record(self._process, self._account.redrive_id, places, datetime.now(UTC))
            )
        except OutputError as error:
            self._account.stopped = (
                f"{len(places)} dead letters were replayed, and this could not be noted: {error}; another run "
                "replays them again, which their workflows drop as duplicates within the dedupe window"
            )

    async def _replay_in_order(self, line: Sequence[tuple[Choice, DeadLetterRecord]]) -> list[Choice]:
        """Replays dead letters one after another.

        Returns:
            Those that the source has.
        """
        done: list[Choice] = []
        for choice, letter in line:
            target = self._targets.of(letter)
            if target is None:
                continue
            try:
                await self._output(target).publish(replayed(letter, target, self._account.redrive_id))
            except OutputTooLargeError as error:
                self._account.add_failure(f"{choice.partition}/{choice.position} to {_place(target)}: {error}")
            except OutputError as error:
                self._account.stopped = f"{error}; what is left is replayed by another run"
                break
            else:
                done.append(choice)
        return done

    def _output(self, target: Target) -> Output:
        place = _place(target)
        if place not in self._outputs:
            self._outputs[place] = open_output(target.subscription, self._targets.output(target))
        return self._outputs[place]


def _place(target: Target) -> str:
    """Subscription and source, for people."""
    return f"{target.subscription}: {target.source}"


def _line(letter: DeadLetterRecord) -> Hashable:
    """What keeps its order: a partition of a source, or a key where the source is not known."""
    return (letter.source.source, letter.source.partition) if letter.source else letter.key


def _size(stored: StoredRecord) -> int:
    record = stored.record
    headers = sum(len(name) + len(value or b"") for name, value in record.headers)
    return len(record.value) + len(record.key or b"") + headers + RECORD_OVERHEAD_BYTES


def _sample(stream: Stream, stored: StoredRecord, letter: DeadLetterRecord, judgement: Judgement, fate: str) -> Sample:
    source = letter.source
    return Sample(
        stream=stream.name,
        partition=stored.partition,
        position=stored.position,
        reason=letter.reason,
        message=letter.message,
        source=f"{source.source}/{source.partition}/{source.position}" if source else "the worker",
        time=happened_at(letter),
        workflow_id=judgement.workflow_id,
        event_key=judgement.event_key,
        fate=fate,
        fault=judgement.fault,
    )
