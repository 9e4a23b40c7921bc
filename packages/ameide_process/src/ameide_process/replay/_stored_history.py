"""Histories on disk: `<scenario>.<run>.json` as Temporal's tools write them. What proves nothing is refused.

An open history, or one that was cut, replays whatever the code does after its end; the last run of a chain says nothing
of the runs before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.json_format import ParseError
from google.protobuf.message import DecodeError
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionStartedEventAttributes
from temporalio.client import WorkflowHistory

APPROVED_SUFFIX = ".approved.json"
"""Ends the name of a file with approved differences, which is no history."""

MAXIMUM_FILE_BYTES = 128 * 1024 * 1024
"""Of one history. Temporal ends a workflow whose history passes 50 MB, which base64 makes a third larger."""

_TERMINAL = frozenset(
    (
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
    )
)


class HistoryError(Exception):
    """A history proves nothing; the message names the file and says why."""


@dataclass(frozen=True, eq=False)
class StoredHistory:
    """The history of one closed run."""

    path: Path
    workflow_id: str
    events: Sequence[HistoryEvent]

    @property
    def started(self) -> WorkflowExecutionStartedEventAttributes:
        """The attributes of the first event."""
        return self.events[0].workflow_execution_started_event_attributes

    @property
    def run_id(self) -> str:
        """The run that this is the history of."""
        return self.started.original_execution_run_id

    @property
    def next_run_id(self) -> str:
        """The run that follows in the chain; empty at its end."""
        last = self.events[-1]
        return str(getattr(getattr(last, last.WhichOneof("attributes") or ""), "new_execution_run_id", ""))

    @property
    def approved_path(self) -> Path:
        """Where the differences stand that a person approved."""
        return self.path.with_name(self.path.name.removesuffix(".json") + APPROVED_SUFFIX)


def event_name(event: HistoryEvent) -> str:
    """The type of an event as Temporal's tools show it: `ActivityTaskScheduled`."""
    try:
        name = EventType.Name(event.event_type)
    except ValueError:
        return f"event type {event.event_type}"
    return "".join(word.capitalize() for word in name.removeprefix("EVENT_TYPE_").split("_"))


def history_files(folder: Path) -> list[Path]:
    """The files of a folder that hold histories, by name."""
    return sorted(path for path in folder.glob("*.json") if not path.name.endswith(APPROVED_SUFFIX))


def read_history(path: Path, workflow_type: str) -> StoredHistory:
    """Reads the history of a closed run.

    Args:
        path: The file.
        workflow_type: What the run must be of.

    Raises:
        HistoryError: It cannot be read, is cut or open, or belongs to another workflow type.
    """
    try:
        if path.stat().st_size > MAXIMUM_FILE_BYTES:
            raise HistoryError(f"{path}: is larger than {MAXIMUM_FILE_BYTES} bytes, which no history of Temporal is")
        events = WorkflowHistory.from_json("", path.read_text(encoding="utf-8")).events
    except OSError as error:
        raise HistoryError(f"{path}: cannot be read: {error.strerror}") from None
    # What Temporal's parser raises for JSON that is broken, is no object, or has fields of other types.
    except (ValueError, ParseError, DecodeError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise HistoryError(
            f"{path}: is no history ({_first_line(error)}); store what `temporal workflow show --output json` prints"
        ) from None
    return _closed(path, events, workflow_type)


def read_folder(folder: Path, workflow_type: str) -> tuple[list[StoredHistory], list[str]]:
    """Reads all histories of a process.

    Returns:
        The histories that prove something, by file name, and what is wrong with the others and with chains.
    """
    histories: list[StoredHistory] = []
    problems: list[str] = []
    for path in history_files(folder):
        try:
            histories.append(read_history(path, workflow_type))
        except HistoryError as error:
            problems.append(str(error))
    return histories, problems + chain_problems(histories)


def chain_problems(histories: Sequence[StoredHistory]) -> list[str]:
    """Which runs of chains are missing, and which are there twice."""
    problems: list[str] = []
    by_run: dict[str, StoredHistory] = {}
    for history in histories:
        first = by_run.setdefault(history.run_id, history)
        if first is not history:
            problems.append(f"{history.path}: is the same run as {first.path.name}; delete one")
    for history in histories:
        before = history.started.continued_execution_run_id
        for run_id, place in ((before, "before"), (history.next_run_id, "after")):
            if run_id and run_id not in by_run:
                problems.append(
                    f"{history.path}: the run {place} it in its chain is missing, {run_id}; store every run, with "
                    f"`temporal workflow show --workflow-id {history.workflow_id!r} --run-id {run_id} --output json`"
                )
    return problems


def _closed(path: Path, events: Sequence[HistoryEvent], workflow_type: str) -> StoredHistory:
    if not events:
        raise HistoryError(f"{path}: has no events; store what `temporal workflow show --output json` prints")
    first, last = events[0], events[-1]
    if not first.HasField("workflow_execution_started_event_attributes"):
        raise HistoryError(f"{path}: is cut: it begins with {event_name(first)} and not with WorkflowExecutionStarted")
    for number, event in enumerate(events, start=1):
        if event.event_id != number:
            raise HistoryError(f"{path}: is cut: event {number} is missing, event {event.event_id} is in its place")
    started = first.workflow_execution_started_event_attributes
    if started.workflow_type.name != workflow_type:
        raise HistoryError(f"{path}: is of the workflow type {started.workflow_type.name!r} and not {workflow_type!r}")
    if last.event_type not in _TERMINAL:
        raise HistoryError(
            f"{path}: is open or cut: it ends with event {last.event_id} {event_name(last)}; only a closed run proves "
            "anything, so store it when the workflow is closed"
        )
    if not started.workflow_id or not started.original_execution_run_id:
        raise HistoryError(
            f"{path}: does not say its workflow id and run id, which activities' idempotency keys are made of; add "
            "`workflowId` and `originalExecutionRunId` to workflowExecutionStartedEventAttributes"
        )
    return StoredHistory(path, started.workflow_id, events)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
