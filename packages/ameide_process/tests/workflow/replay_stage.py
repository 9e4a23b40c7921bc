"""What the replay tests look at: recorded runs of the sample processes, and the code of one after an edit."""

from dataclasses import dataclass
from pathlib import Path

from ameide_process.worker_parts import WorkerParts
from temporalio.client import WorkflowHistory


@dataclass(frozen=True)
class Edited:
    """The dispatcher after an edit, as a module of its own."""

    file: Path
    parts: WorkerParts
    reference: str

    def line(self, text: str) -> str:
        """Where a text stands first: `file:line`."""
        lines = self.file.read_text().splitlines()
        number = next(number for number, line in enumerate(lines, start=1) if text in line)
        return f"{self.file}:{number}"


@dataclass(frozen=True)
class Recorded:
    """What a dev server recorded of the sample processes."""

    dispatched: WorkflowHistory
    """Of the dispatcher, from start to end."""
    chain: list[WorkflowHistory]
    """Of the ledger, two runs."""
    unknown_event: WorkflowHistory
    """Of a version that did not know one of its events."""
    terminated: WorkflowHistory
    """Of a dispatcher that somebody terminated while it waited."""
