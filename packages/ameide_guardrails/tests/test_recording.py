"""Histories are recorded, taken over from exports and approved by command; what stands for production stays."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ameide_guardrails import recording
from ameide_guardrails.__main__ import app
from ameide_guardrails.recording import RecordedProcess, StoreError
from ameide_guardrails.workspace import processes, root_of
from ameide_process.replay import _hash_seeds
from typer.testing import CliRunner

ROOT = root_of(Path(__file__).parent)
MEMBER = next(member for member in processes(ROOT) if member.name == "order-fulfillment")

SCENARIOS = """
from ameide_process.testing import sample
from order_fulfillment_generated.testing import PAYLOAD_TYPES, sample_key


async def _not_a_scenario(process): ...


async def placed_and_left(process):
    await process.start(sample_key(), sample(PAYLOAD_TYPES[0]))


async def two_orders(process):
    await process.start(sample_key(1), sample(PAYLOAD_TYPES[-1]))
    await process.start(sample_key(2), sample(PAYLOAD_TYPES[-1]))


async def cancelled_at_once(process):
    await process.start(sample_key(), sample(PAYLOAD_TYPES[-1]))
"""


@pytest.fixture(autouse=True)
def one_hash_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What eight seeds find is the replay gate's own test; here one interpreter is enough."""
    monkeypatch.setattr(_hash_seeds, "HASH_SEEDS", (0,))


@pytest.fixture
def process(tmp_path: Path) -> RecordedProcess:
    """A process of this workspace with no histories yet."""
    return replace(recording.recorded_process(MEMBER), folder=tmp_path / "tests" / "histories")


@pytest.fixture
def store(process: RecordedProcess) -> Callable[[str], list[Path]]:
    """Records and stores a scenario of `SCENARIOS`, or every event."""

    def record(name: str) -> list[Path]:
        return recording.store(process, recording.record(process, name, process.scenarios()[name]))

    return record


def _write_scenarios(process: RecordedProcess, text: str = SCENARIOS) -> None:
    process.folder.parent.mkdir(parents=True, exist_ok=True)
    (process.folder.parent / "scenarios.py").write_text(text)


def test_a_process_without_scenarios_records_every_event(
    process: RecordedProcess, store: Callable[[str], list[Path]]
) -> None:
    assert list(process.scenarios()) == [recording.EVERY_EVENT]
    (path,) = store(recording.EVERY_EVENT)
    assert path == process.folder / "every-event.1.json"
    text = path.read_text()
    assert '"identity"' not in text
    assert "stackTrace" not in text
    assert process.check().passed


def test_a_scenario_recorded_again_stands_beside_the_first(
    process: RecordedProcess, store: Callable[[str], list[Path]]
) -> None:
    _write_scenarios(process)
    (first,) = store("cancelled-at-once")
    before = first.read_bytes()
    (second,) = store("cancelled-at-once")
    assert (first.name, second.name) == ("cancelled-at-once.1.json", "cancelled-at-once-2.1.json")
    assert first.read_bytes() == before


def test_scenarios_are_the_public_coroutine_functions(process: RecordedProcess) -> None:
    _write_scenarios(process)
    assert list(process.scenarios()) == ["placed-and-left", "two-orders", "cancelled-at-once"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import nowhere", r"scenarios\.py: does not import: ModuleNotFoundError"),
        ("def (", r"scenarios\.py: does not import: SyntaxError"),
        ("x = 1", r"scenarios\.py: defines no scenario"),
    ],
)
def test_scenarios_that_do_not_load_are_said(process: RecordedProcess, text: str, problem: str) -> None:
    _write_scenarios(process, text)
    with pytest.raises(StoreError, match=problem):
        process.scenarios()


def test_several_workflows_are_refused(process: RecordedProcess, store: Callable[[str], list[Path]]) -> None:
    _write_scenarios(process)
    with pytest.raises(StoreError, match="two-orders: a scenario drives one workflow, and this one started 2"):
        store("two-orders")
    assert not process.folder.exists()


def _export(process: RecordedProcess, store: Callable[[str], list[Path]], target: Path) -> dict[str, object]:
    _write_scenarios(process)
    (path,) = store("cancelled-at-once")
    history: dict[str, object] = json.loads(path.read_text())
    path.unlink()
    target.write_text(json.dumps(history))
    return history


def test_an_export_is_taken_over_once(
    process: RecordedProcess, store: Callable[[str], list[Path]], tmp_path: Path
) -> None:
    export = tmp_path / "production-o-17.json"
    _export(process, store, export)
    assert recording.take_over(process, [export]) == [process.folder / export.name]
    assert process.check().passed
    with pytest.raises(StoreError, match="is not yet in"):
        recording.take_over(process, [export])


def test_an_open_export_is_refused(
    process: RecordedProcess, store: Callable[[str], list[Path]], tmp_path: Path
) -> None:
    export = tmp_path / "open.json"
    history = _export(process, store, export)
    assert isinstance(history["events"], list)
    export.write_text(json.dumps({"events": history["events"][:-1]}))
    with pytest.raises(StoreError, match=r"open\.json: is open or cut"):
        recording.take_over(process, [export])


@pytest.mark.parametrize("arguments", [["nobody"], [MEMBER.name, "no-such-scenario"]])
def test_an_unknown_name_is_a_usage_error_that_lists_the_known(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(app, ["record", *arguments])
    assert result.exit_code == 2
    assert f"is named {arguments[-1]!r}; there are " in result.output


def test_a_scenario_that_leaves_its_workflow_open_ends_when_time_is_skipped(
    process: RecordedProcess, store: Callable[[str], list[Path]]
) -> None:
    _write_scenarios(process)
    (path,) = store("placed-and-left")
    assert "EVENT_TYPE_TIMER_FIRED" in path.read_text()
