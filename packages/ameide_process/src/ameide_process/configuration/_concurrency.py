"""How much a worker does at once: one variable for each option of Temporal's worker, under the name it has there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from ameide_process.configuration._problems import ProblemList

NumberT = TypeVar("NumberT", int, float)

_LARGEST: Final = 100_000
"""Of any count here; more is a slip of the finger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConcurrency:
    """Options of Temporal's worker, by the names of its Python SDK; None: the SDK's default."""

    max_concurrent_workflow_tasks: int | None = None
    max_concurrent_activities: int | None = None
    max_concurrent_local_activities: int | None = None
    max_concurrent_workflow_task_polls: int | None = None
    max_concurrent_activity_task_polls: int | None = None
    max_activities_per_second: float | None = None
    """Of one worker."""
    max_task_queue_activities_per_second: float | None = None
    """Of all workers of the task queue."""
    max_cached_workflows: int | None = None
    """Workflows kept in memory between tasks."""


def read_concurrency(environ: Mapping[str, str], problems: ProblemList) -> WorkerConcurrency:
    """Reads TEMPORAL_WORKER_MAX_CONCURRENT_WORKFLOW_TASK_EXECUTION_SIZE and the like."""

    def read(
        option: str, parse: Callable[[str], NumberT], fits: Callable[[NumberT], bool], advice: str
    ) -> NumberT | None:
        variable = f"TEMPORAL_WORKER_{option}"
        text = environ.get(variable)
        if not text:
            return None
        try:
            value = parse(text)
        except ValueError:
            value = None
        if value is None or not fits(value):
            problems.add(variable, text, advice)
            return None
        return value

    def count(option: str, *, least: int = 1) -> int | None:
        return read(option, int, lambda value: least <= value <= _LARGEST, f"set it from {least} to {_LARGEST}")

    def rate(option: str) -> float | None:
        return read(option, float, lambda value: 0 < value < float("inf"), "set it above 0")

    return WorkerConcurrency(
        max_concurrent_workflow_tasks=count("MAX_CONCURRENT_WORKFLOW_TASK_EXECUTION_SIZE"),
        max_concurrent_activities=count("MAX_CONCURRENT_ACTIVITY_EXECUTION_SIZE"),
        max_concurrent_local_activities=count("MAX_CONCURRENT_LOCAL_ACTIVITY_EXECUTION_SIZE"),
        # One poller asks the worker's own queue, one the shared queue.
        max_concurrent_workflow_task_polls=count("MAX_CONCURRENT_WORKFLOW_TASK_POLLERS", least=2),
        max_concurrent_activity_task_polls=count("MAX_CONCURRENT_ACTIVITY_TASK_POLLERS"),
        max_activities_per_second=rate("WORKER_ACTIVITIES_PER_SECOND"),
        max_task_queue_activities_per_second=rate("TASK_QUEUE_ACTIVITIES_PER_SECOND"),
        max_cached_workflows=count("STICKY_WORKFLOW_CACHE_SIZE", least=0),
    )
