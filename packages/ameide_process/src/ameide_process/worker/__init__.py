"""The worker of a process: polls the task queue and runs workflows and activities."""

from ameide_process.sandbox import workflow_runner
from ameide_process.worker._create import create_worker
from ameide_process.worker._dead_letters_at_once import DeadLetterActivity
from ameide_process.worker._main import run_worker
from ameide_process.worker._parts import load_parts
from ameide_process.worker_parts import WorkerParts

__all__ = ["DeadLetterActivity", "WorkerParts", "create_worker", "load_parts", "run_worker", "workflow_runner"]
