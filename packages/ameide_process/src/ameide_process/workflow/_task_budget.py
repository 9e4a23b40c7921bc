"""How much one workflow task may handle.

The SDK fails a workflow task that takes longer than two seconds, and tries it again for ever: 75,000 waiting events
decoded at once never pass.
"""

from temporalio import workflow

EVENTS_PER_TASK = 1000
"""Events handled in one workflow task: some 60 ms of decoding for small ones."""

BYTES_PER_TASK = 1024 * 1024
"""Of events handled in one workflow task. Protobuf-JSON is decoded at 5 MB a second, a tenth of that at its worst."""


class TaskBudget:
    """What is left of the current workflow task."""

    def __init__(self) -> None:
        self._mark = -1
        self._events = 0
        self._bytes = 0

    def allows(self, size: int) -> bool:
        """Takes one more event into the workflow task where it has room; an empty one has room for any event.

        Args:
            size: Bytes of the event.
        """
        # History grows from task to task, so its length marks one, on replay too.
        mark = workflow.info().get_current_history_length()
        if mark != self._mark:
            self._mark = mark
            self._events = self._bytes = 0
        elif self._events >= EVENTS_PER_TASK or self._bytes + size > BYTES_PER_TASK:
            return False
        self._events += 1
        self._bytes += size
        return True
