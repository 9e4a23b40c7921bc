"""What the business expects of event-journal."""

from ameide_core_proto.event_journal.v1.event_journal_pb2 import CloseJournal, EntryRecorded, EventJournalKey
from event_journal_generated.testing import EventJournalHarness

KEY = EventJournalKey(tenant_id="acme", subject_id="s-1")


async def test_entries_stand_in_the_order_in_which_they_came(process: EventJournalHarness) -> None:
    workflow = await process.start(KEY, EntryRecorded(number=2, text="second thoughts"))
    await workflow.send(EntryRecorded(number=1), CloseJournal())
    assert list((await workflow.result()).numbers) == [2, 1]


async def test_an_entry_that_two_events_name_stands_there_twice(process: EventJournalHarness) -> None:
    workflow = await process.start(KEY, EntryRecorded(number=7), EntryRecorded(number=7))
    assert list((await workflow.state()).numbers) == [7, 7]
