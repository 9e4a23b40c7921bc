"""Event journal: writes down every event of a subject in the order in which it was applied."""

from typing import final

from ameide_core_proto.event_journal.v1.event_journal_pb2 import CloseJournal, EntryRecorded
from event_journal_generated.workflow import EventJournalProcess, EventMeta, Result, Start


@final
class EventJournal(EventJournalProcess):
    """One journal, until it is closed."""

    async def run(self, start: Start) -> Result:
        """Waits for the end."""
        await self.enter("open")
        await self.until(lambda: self.state.close_requested)
        await self.enter("closed")
        return Result(numbers=self.state.numbers)

    async def on_entry_recorded(self, fact: EntryRecorded, meta: EventMeta) -> None:
        """Writes the entry down, also one that stands there already: the journal hides nothing."""
        self.state.numbers.append(fact.number)

    async def on_close_journal(self, command: CloseJournal, meta: EventMeta) -> None:
        """Asks `run` to end."""
        self.state.close_requested = True
