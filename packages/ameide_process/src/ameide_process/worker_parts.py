"""What a worker consists of: the generated and the human halves of a process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ameide_process.workflow import Process, ProcessDefinition, ProcessWorkflow


@dataclass(frozen=True)
class WorkerParts:
    """The generated and the human halves of a process, as the generated worker main names them."""

    definition: ProcessDefinition
    workflow: type[ProcessWorkflow]
    """The generated workflow class."""
    process: type[Process[Any, Any, Any]]
    """The impl of the workflow."""
    activities: type[Any] | None = None
    """The impl of the activities; None for a process without."""
    registrations: Callable[[Any], Sequence[Callable[..., Any]]] | None = None
    """From an instance of `activities` to the functions that the worker registers."""
