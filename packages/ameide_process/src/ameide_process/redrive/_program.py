"""Reads dead-letter streams, says what would be replayed, and replays it.

Two passes. The first decides about every dead letter and remembers the chosen positions; the second replays exactly
those. Both end where the streams ended when the first began, so that what comes back as a dead letter is not replayed
for ever.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Generic

from ameide_process.contract import EnvelopeT
from ameide_process.outputs import DeadLetterRecord, Output, OutputError, OutputTooLargeError, open_output
from ameide_process.redrive._account import Account, Sample
from ameide_process.redrive._journal import Positions, read_redriven, redriven_record
from ameide_process.redrive._judging import Judge, Judgement
from ameide_process.redrive._selection import Skip, happened_at
from ameide_process.redrive._stream import DeadLetterSource, StoredRecord
from ameide_process.redrive._targets import Target, Targets, replayed

CHUNK_RECORDS = 200
"""Dead letters replayed between two notes of it; so many are replayed twice, at most, after a crash."""

CHUNK_BYTES = 8 * 1024 * 1024

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
        self.chosen = Positions()


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
        self._outputs: dict[Target, Output] = {}

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
        for stream in self._streams:
            async for batch in stream.source.read():
                for stored in batch:
                    self._decide(stream, stored)
                if self._is_stopped(stop):
                    return
                read += len(batch)
                self._progress("reading dead letters", read, total)

    async def execute(self, stop: asyncio.Event) -> None:
        """Replays what was chosen, until the event is set.

        Raises:
            DeadLetterStreamError: A stream cannot be read any more.
        """
        for stream in self._streams:
            chunk: list[StoredRecord] = []
            async for batch in stream.source.read():
                for stored in batch:
                    if (stored.partition, stored.position) in stream.chosen:
                        chunk.append(stored)
                    if self._is_full(chunk):
                        await self._replay(stream, chunk)
                        chunk = []
                    if self._is_stopped(stop):
                        return
            if chunk:
                await self._replay(stream, chunk)
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

    def _decide(self, stream: Stream, stored: StoredRecord) -> None:
        account = self._account
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
        if skip is None and self._limit is not None and account.to_replay >= self._limit:
            skip = Skip.OVER_LIMIT
        if skip is not None:
            account.skipped[skip] += 1
        elif judgement.target is not None:
            stream.chosen.add(stored.partition, stored.position, stored.position)
            account.by_target[f"{judgement.target.subscription}: {judgement.target.source}"] += 1
        fate = skip.value if skip else "replay"
        account.by_reason[letter.reason, fate] += 1
        if account.by_reason[letter.reason, fate] <= self._samples:
            account.samples.append(_sample(stream, stored, letter, judgement, fate))

    # Replaying

    def _is_full(self, chunk: Sequence[StoredRecord]) -> bool:
        # A slow redrive takes small chunks, so that it is even and soon stopped.
        most = min(CHUNK_RECORDS, max(1, int(self._rate)))
        return len(chunk) >= most or sum(len(each.record.value) for each in chunk) >= CHUNK_BYTES

    async def _replay(self, stream: Stream, chunk: Sequence[StoredRecord]) -> None:
        """Replays a chunk: keys beside each other, each key in its order; then notes what was replayed."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        by_key: dict[bytes | None, list[StoredRecord]] = defaultdict(list)
        for stored in chunk:
            by_key[stored.record.key].append(stored)
        ends = await asyncio.gather(*(self._replay_in_order(each) for each in by_key.values()))
        done = [place for places in ends for place in places]
        if done:
            try:
                await stream.notes.publish(
                    redriven_record(self._process, self._account.redrive_id, done, datetime.now(UTC))
                )
            except OutputError as error:
                self._account.stopped = (
                    f"{len(done)} dead letters were replayed, and this could not be noted: {error}; another run "
                    "replays them again, which their workflows drop as duplicates within the dedupe window"
                )
        self._account.replayed += len(done)
        self._progress("replaying", self._account.replayed + self._account.failed, self._account.to_replay)
        await asyncio.sleep(max(0.0, len(chunk) / self._rate - (loop.time() - began)))

    async def _replay_in_order(self, stored: Sequence[StoredRecord]) -> list[tuple[int, int]]:
        """Replays records of one key.

        Returns:
            Places of those that the source has.
        """
        done: list[tuple[int, int]] = []
        for each in stored:
            letter = DeadLetterRecord.from_output(each.record)
            target = self._targets.of(letter) if letter else None
            if letter is None or target is None:
                continue
            try:
                await self._output(target).publish(replayed(letter, self._account.redrive_id))
            except OutputTooLargeError as error:
                self._account.add_failure(f"{each.partition}/{each.position} to {target.source}: {error}")
            except OutputError as error:
                self._account.stopped = f"{error}; what is left is replayed by another run"
                break
            else:
                done.append((each.partition, each.position))
        return done

    def _output(self, target: Target) -> Output:
        if target not in self._outputs:
            self._outputs[target] = open_output(target.subscription, self._targets.output(target))
        return self._outputs[target]


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
