"""The semantics of a process inside Temporal: what generated workflow code builds on.

`Process` is the base of what a person writes; `ProcessWorkflow` is the base of the generated workflow class that
Temporal knows. Between them the engine receives events, deduplicates them, calls the handlers in order, continues
as new and completes without losing one.
"""

from ameide_process.workflow._activations import NEXT_ACTIVATION_ACTIVITY
from ameide_process.workflow._activity_calls import ActivityCalls
from ameide_process.workflow._cause import current_cause, handling_observer
from ameide_process.workflow._dead_letters import DEAD_LETTER_ACTIVITY, DEAD_LETTER_FUNCTION
from ameide_process.workflow._definition import ProcessDefinition
from ameide_process.workflow._emission import PROGRESS_FUNCTION
from ameide_process.workflow._errors import ProcessFailedError
from ameide_process.workflow._metrics import announce_events
from ameide_process.workflow._outbox import PROGRESS_STREAM, SEND_FACTS_ACTIVITY
from ameide_process.workflow._process import Process
from ameide_process.workflow._workflow import ProcessWorkflow

__all__ = [
    "DEAD_LETTER_ACTIVITY",
    "DEAD_LETTER_FUNCTION",
    "NEXT_ACTIVATION_ACTIVITY",
    "PROGRESS_FUNCTION",
    "PROGRESS_STREAM",
    "SEND_FACTS_ACTIVITY",
    "ActivityCalls",
    "Process",
    "ProcessDefinition",
    "ProcessFailedError",
    "ProcessWorkflow",
    "announce_events",
    "current_cause",
    "handling_observer",
]
