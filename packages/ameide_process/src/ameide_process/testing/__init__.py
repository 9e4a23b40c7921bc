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
from ameide_process.testing._redelivery import Redelivery
from ameide_process.testing._redelivery_plans import Delivery, deliveries, redelivery_settings, twice
from ameide_process.testing._replay import replay, run_histories
from ameide_process.testing._sample_message import sample
from ameide_process.testing._sandbox import prepare_in_sandbox
from ameide_process.testing._time_skipping import running_time
from ameide_process.testing._workflow_under_test import WorkflowUnderTest

__all__ = [
    "ActivityRecorder",
    "Delivery",
    "ProcessHarness",
    "ProcessParts",
    "RecordedCall",
    "RecordingError",
    "Redelivery",
    "Scenario",
    "WorkflowUnderTest",
    "deliver",
    "deliveries",
    "on_dev_server",
    "prepare_in_sandbox",
    "record_every_event",
    "record_scenario",
    "redelivery_settings",
    "replay",
    "run_histories",
    "running_process",
    "running_time",
    "sample",
    "twice",
    "wants_dev_server",
]
