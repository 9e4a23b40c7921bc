"""The gate as the generated test and `record --approve` use it: hash seeds, approvals, and what it says."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ameide_process.replay import _hash_seeds, approve, check_histories, histories_folder
from ameide_process.replay._gate import FOLDER_VARIABLE
from replay_stage import Edited, Recorded
from workflow_samples import dispatcher

Edit = Callable[..., Edited]


@pytest.fixture(autouse=True)
def one_hash_seed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter for each of eight seeds takes a second of CPU each; only where seeds matter, all are taken."""
    if request.node.get_closest_marker("all_hash_seeds") is None:
        monkeypatch.setattr(_hash_seeds, "HASH_SEEDS", (0,))


@pytest.fixture
def stored(recorded: Recorded, folder: Path) -> Path:
    """The folder with the history of the dispatcher."""
    (folder / "dispatched.1.json").write_text(recorded.dispatched.to_json())
    return folder


def test_a_process_without_history_is_red(folder: Path) -> None:
    report = check_histories(dispatcher.PARTS, "workflow_samples.dispatcher:PARTS", folder)
    assert not report.passed
    assert "has no history" in str(report)
    assert "`uvx nox -s record -- sample` records one" in str(report)


def test_a_folder_that_is_not_there_is_red(folder: Path) -> None:
    report = check_histories(dispatcher.PARTS, "workflow_samples.dispatcher:PARTS", folder / "none")
    assert "`uvx nox -s record -- sample` records one" in str(report)


def test_a_broken_history_beside_a_good_one_is_red(stored: Path) -> None:
    (stored / "broken.json").write_text("{")
    report = check_histories(dispatcher.PARTS, "workflow_samples.dispatcher:PARTS", stored)
    assert not report.passed
    assert "broken.json: is no history" in str(report)


@pytest.mark.all_hash_seeds
def test_the_order_of_a_set_is_found_by_its_hash_seeds(stored: Path, edited: Edit) -> None:
    looping = edited(('["lamp", "table"]', '{"lamp", "table"}'))
    report = check_histories(looping.parts, looping.reference, stored)
    assert not report.passed
    assert "dispatched.1.json: depends on the hash seed: it fails under PYTHONHASHSEED " in str(report)
    assert "iterate over sorted(…)" in str(report)
    assert looping.line("activities.reserve") in str(report)
    assert approve(report) == []
    assert not check_histories(looping.parts, looping.reference, stored).passed


def test_an_approved_difference_passes_until_it_is_gone(stored: Path, edited: Edit) -> None:
    changed = edited(("timedelta(hours=1)", "timedelta(hours=2)"))
    report = check_histories(changed.parts, changed.reference, stored)
    assert not report.passed
    assert "`uvx nox -s record -- sample --approve` stores it for review" in str(report)

    approved = stored / "dispatched.1.approved.json"
    assert approve(report) == [approved]
    (entry,) = json.loads(approved.read_text())
    assert (entry["event_type"], entry["path"]) == ("TimerStarted", "duration")
    assert (entry["recorded"], entry["replayed"]) == ("3600 s", "7200 s")
    assert check_histories(changed.parts, changed.reference, stored).passed

    stale = check_histories(dispatcher.PARTS, "workflow_samples.dispatcher:PARTS", stored)
    assert not stale.passed
    assert "dispatched.1.approved.json: is there no more: event " in str(stale)
    assert approve(stale) == [approved]
    assert not approved.exists()


def test_nondeterminism_is_never_approved(stored: Path, edited: Edit) -> None:
    gone = edited(('        await self.activities.release(release("all"))\n', ""))
    report = check_histories(gone.parts, gone.reference, stored)
    assert "put the change behind `if workflow.patched" in str(report)
    assert approve(report) == []
    assert sorted(path.name for path in stored.iterdir()) == ["dispatched.1.json"]


def test_broken_approvals_are_said_with_their_name(stored: Path) -> None:
    (stored / "dispatched.1.approved.json").write_text('[{"event": 1}]')
    report = check_histories(dispatcher.PARTS, "workflow_samples.dispatcher:PARTS", stored)
    assert "dispatched.1.approved.json: is no list of approved differences" in str(report)


def test_code_that_does_not_import_is_said(stored: Path) -> None:
    report = check_histories(dispatcher.PARTS, "workflow_samples.nowhere:PARTS", stored)
    assert not report.passed
    assert "No module named 'workflow_samples.nowhere'" in str(report)


def test_histories_lie_in_the_project_of_the_impl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert histories_folder(dispatcher.PARTS) == Path(__file__).parents[2] / "tests" / "histories"
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert histories_folder(dispatcher.PARTS) == tmp_path
