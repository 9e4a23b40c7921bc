"""Stores histories of a process: recorded from its scenarios on an embedded server, or exported from production.

What stands for runs in production is never overwritten: a scenario that is recorded again gets a new name.
"""

import asyncio
import importlib
import inspect
import json
import logging
import runpy
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ameide_devstack import TemporalDevServer, TimeSkippingServer
from ameide_process.configuration import StartupError
from ameide_process.converter import DATA_CONVERTER
from ameide_process.replay import (
    HistoryError,
    ReplayReport,
    check_histories,
    histories_folder,
    read_folder,
    read_history,
)
from ameide_process.testing import (
    ProcessParts,
    RecordingError,
    Scenario,
    record_every_event,
    record_scenario,
    wants_dev_server,
)
from ameide_process.worker import load_parts
from google.protobuf.json_format import MessageToDict
from temporalio.api.history.v1 import History
from temporalio.client import WorkflowHistory
from temporalio.testing import WorkflowEnvironment

from ameide_guardrails.workspace import ProcessMember

EVERY_EVENT = "every-event"
"""Name of what is recorded where a person wrote no scenario."""

_SCENARIOS = "scenarios"

_PRIVATE = ("identity", "stackTrace")
"""Fields that name machines and paths, and that no replay looks at."""

_STICKY = "TASK_QUEUE_KIND_STICKY"

_MAPS = ("metadata", "indexedFields", "fields")
"""Protobuf maps, whose order in JSON is another in every process."""


class StoreError(Exception):
    """Nothing was stored; the message says why and what to do."""


@dataclass(frozen=True)
class RecordedProcess:
    """A process whose histories are stored."""

    name: str
    parts: ProcessParts[Any, Any, Any, Any]
    reference: str
    """Where an interpreter finds the parts of its worker."""
    folder: Path
    """Where its histories are."""

    def check(self, folder: Path | None = None) -> ReplayReport:
        """Replays the stored histories, or those of another folder."""
        return check_histories(self.parts.worker, self.reference, folder or self.folder)

    def scenarios(self) -> Mapping[str, Scenario | None]:
        """What can be recorded, by kebab-case name: the public coroutine functions of `tests/scenarios.py`.

        Without that file, a sample of every event.

        Raises:
            StoreError: The file does not import, or defines none.
        """
        file = self.folder.parent / "scenarios.py"
        if not file.exists():
            return {EVERY_EVENT: None}
        try:
            # Run and not imported: it belongs to no package, and the scenarios of all processes have one name.
            defined = runpy.run_path(str(file), run_name=_SCENARIOS)
        except Exception as error:
            raise StoreError(f"{file}: does not import: {type(error).__name__}: {error}") from error
        found = {
            name.replace("_", "-"): function
            for name, function in defined.items()
            if inspect.iscoroutinefunction(function) and function.__module__ == _SCENARIOS and name[0] != "_"
        }
        if not found:
            raise StoreError(f"{file}: defines no scenario; write `async def …(process)` functions, or delete the file")
        return found


def recorded_process(member: ProcessMember) -> RecordedProcess:
    """Imports a process.

    Raises:
        StoreError: Its impl is missing or does not import, or comes from no project.
    """
    try:
        module = importlib.import_module(f"{member.generated}.parts")
        contract = importlib.import_module(f"{member.generated}.contract")
        load_parts(contract.CONTRACT, module.parts)
        parts = importlib.import_module(f"{member.generated}.testing").process_parts()
        return RecordedProcess(member.name, parts, f"{member.generated}.parts:parts", histories_folder(parts.worker))
    except StartupError as error:
        raise StoreError(error.render(member.name)) from None
    except (HistoryError, ModuleNotFoundError) as error:
        raise StoreError(str(error)) from None


def record(process: RecordedProcess, name: str, scenario: Scenario | None) -> dict[str, str]:
    """Records a scenario on an embedded server.

    Args:
        process: The process.
        name: Name of the scenario.
        scenario: What it does; None: a sample of every event.

    Returns:
        A file for the history of each run: name -> content.

    Raises:
        StoreError: It gives no closed runs.
    """
    logging.getLogger("temporalio").setLevel(logging.ERROR)
    try:
        histories = asyncio.run(_record(process.parts, scenario))
    except (RecordingError, AssertionError, TimeoutError) as error:
        raise StoreError(f"{name}: {error or type(error).__name__}") from error
    free = _free_name(process.folder, name)
    return {f"{free}.{number}.json": _readable(history) for number, history in enumerate(histories, start=1)}


def store(process: RecordedProcess, files: Mapping[str, str]) -> list[Path]:
    """Stores what was recorded, if it replays under all hash seeds, beside the histories that are there.

    Raises:
        StoreError: It does not replay.
    """
    with tempfile.TemporaryDirectory() as trial:
        _write(Path(trial), files)
        report = process.check(Path(trial))
    if not report.passed:
        raise StoreError(f"nothing is stored, since a replay at once goes wrong:\n{report}".replace(f"{trial}/", ""))
    return _write(process.folder, files)


def take_over(process: RecordedProcess, exports: Sequence[Path]) -> list[Path]:
    """Stores histories that `temporal workflow show --output json` printed, every run of a chain at once.

    Whether today's code can go on with such runs is what the replay test will say.

    Raises:
        StoreError: One is no history of a closed run of this process, a run of the chain is missing, or a file of that
            name is there already.
    """
    workflow_type = process.parts.worker.definition.contract.workflow_type
    files: dict[str, str] = {}
    for export in exports:
        try:
            history = read_history(export, workflow_type)
        except HistoryError as error:
            raise StoreError(str(error)) from None
        if export.suffix != ".json" or (process.folder / export.name).exists() or export.name in files:
            raise StoreError(f"{export}: rename it to a name that ends in .json and is not yet in {process.folder}")
        files[export.name] = _readable(WorkflowHistory(history.workflow_id, history.events))
    with tempfile.TemporaryDirectory() as trial:
        _write(Path(trial), files)
        _, problems = read_folder(Path(trial), workflow_type)
    if problems:
        raise StoreError("nothing is stored:\n" + "\n".join(problems).replace(f"{trial}/", ""))
    return _write(process.folder, files)


def _write(folder: Path, files: Mapping[str, str]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    return [folder / name for name in files]


async def _record(parts: ProcessParts[Any, Any, Any, Any], scenario: Scenario | None) -> list[WorkflowHistory]:
    if scenario is None:
        async with _time_skipping() as environment:
            return await record_every_event(parts, environment)
    async with _dev_server() if wants_dev_server(scenario) else _time_skipping() as environment:
        return await record_scenario(parts, environment, scenario)


@asynccontextmanager
async def _time_skipping() -> AsyncGenerator[WorkflowEnvironment]:
    async with TimeSkippingServer() as server:
        environment = await server.open_environment(data_converter=DATA_CONVERTER)
        async with environment:
            yield environment


@asynccontextmanager
async def _dev_server() -> AsyncGenerator[WorkflowEnvironment]:
    async with TemporalDevServer() as server:
        yield WorkflowEnvironment.from_client(await server.connect(data_converter=DATA_CONVERTER))


def _free_name(folder: Path, name: str) -> str:
    """The name of a scenario, with a number behind it where histories of that name are there already."""
    taken = {path.name.split(".")[0] for path in folder.glob("*.json")}
    candidates = (name, *(f"{name}-{number}" for number in range(2, len(taken) + 3)))
    return next(candidate for candidate in candidates if candidate not in taken)


def is_stored(folder: Path, name: str) -> bool:
    """Whether a scenario has histories."""
    return (folder / f"{name}.1.json").exists()


def _readable(history: WorkflowHistory) -> str:
    """A history as it is stored: JSON as Temporal's tools print it, in one order, without names of machines."""
    started = history.events[0].workflow_execution_started_event_attributes
    # The time-skipping server does not say it.
    started.workflow_id = started.workflow_id or history.workflow_id
    events = MessageToDict(History(events=history.events))
    return json.dumps(_cleaned(events), indent=2, ensure_ascii=False) + "\n"


def _cleaned(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        # The name of a sticky queue names its worker's machine too.
        private = (*_PRIVATE, "name") if entries.get("kind") == _STICKY else _PRIVATE
        kept = {name: _cleaned(entry, name) for name, entry in entries.items() if name not in private}
        return dict(sorted(kept.items())) if key in _MAPS else kept
    if isinstance(value, list):
        return [_cleaned(element) for element in cast("list[Any]", value)]
    return value
