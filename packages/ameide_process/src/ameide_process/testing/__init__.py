"""What generated tests and business tests of a process share: the process under Temporal's time-skipping server."""

from ameide_process.testing._activity_recorder import ActivityRecorder, RecordedCall
from ameide_process.testing._delivery import deliver
from ameide_process.testing._process_harness import ProcessHarness, ProcessParts, running_process
from ameide_process.testing._recording import (
    RecordingError,
    Scenario,
    on_dev_server,
    record_every_event,
    record_scenario,
    wants_dev_server,
)
from ameide_process.testing._replay import replay, run_histories
from ameide_process.testing._sample_message import sample
from ameide_process.testing._sandbox import prepare_in_sandbox
from ameide_process.testing._time_skipping import running_time
from ameide_process.testing._workflow_under_test import WorkflowUnderTest

__all__ = [
    "ActivityRecorder",
    "ProcessHarness",
    "ProcessParts",
    "RecordedCall",
    "RecordingError",
    "Scenario",
    "WorkflowUnderTest",
    "deliver",
    "on_dev_server",
    "prepare_in_sandbox",
    "record_every_event",
    "record_scenario",
    "replay",
    "run_histories",
    "running_process",
    "running_time",
    "sample",
    "wants_dev_server",
]
