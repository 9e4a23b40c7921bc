"""What proves nothing is refused: open, cut, broken and foreign histories, and chains with a hole."""

import json
from pathlib import Path

import pytest
from ameide_process.replay import HistoryError, read_folder, read_history
from replay_stage import Recorded
from temporalio.client import WorkflowHistory

TYPE = "sample"


def _store(folder: Path, name: str, history: WorkflowHistory, *, events: slice = slice(None)) -> Path:
    stored = json.loads(history.to_json())
    stored["events"] = stored["events"][events]
    path = folder / name
    path.write_text(json.dumps(stored))
    return path


def test_a_closed_run_is_read(recorded: Recorded, folder: Path) -> None:
    history = read_history(_store(folder, "run.1.json", recorded.dispatched), TYPE)
    assert history.run_id == recorded.dispatched.run_id
    assert history.workflow_id == recorded.dispatched.workflow_id


@pytest.mark.parametrize("left", [-1, -3, 4])
def test_a_history_without_its_end_is_refused(recorded: Recorded, folder: Path, left: int) -> None:
    path = _store(folder, "cut.json", recorded.dispatched, events=slice(left))
    with pytest.raises(HistoryError, match=r"cut\.json: is open or cut: it ends with event .* only a closed run"):
        read_history(path, TYPE)


def test_a_history_without_its_beginning_is_refused(recorded: Recorded, folder: Path) -> None:
    path = _store(folder, "cut.json", recorded.dispatched, events=slice(1, None))
    with pytest.raises(HistoryError, match=r"cut\.json: is cut: it begins with "):
        read_history(path, TYPE)


def test_a_history_with_a_hole_is_refused(recorded: Recorded, folder: Path) -> None:
    stored = json.loads(recorded.dispatched.to_json())
    del stored["events"][5]
    path = folder / "hole.json"
    path.write_text(json.dumps(stored))
    with pytest.raises(HistoryError, match=r"hole\.json: is cut: event 6 is missing"):
        read_history(path, TYPE)


def test_a_history_of_another_workflow_is_refused(recorded: Recorded, folder: Path) -> None:
    path = _store(folder, "other.json", recorded.dispatched)
    with pytest.raises(HistoryError, match=r"other\.json: is of the workflow type 'sample' and not 'another'"):
        read_history(path, "another")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"42", b"null", b'"text"', b"\xff\xfe", b'{"events": 1}', b'{"events": [1]}', b"{}",
     b'{"events": [{"eventId": "x"}]}', b'{"events": [{"eventType": "EVENT_TYPE_OF_TOMORROW"}]}', b"[" * 100_000],
)  # fmt: skip
def test_what_is_no_history_is_refused_with_its_name(folder: Path, content: bytes) -> None:
    path = folder / "broken.json"
    path.write_bytes(content)
    with pytest.raises(HistoryError, match=r"broken\.json: "):
        read_history(path, TYPE)


def test_a_truncated_file_is_refused(recorded: Recorded, folder: Path) -> None:
    path = _store(folder, "run.json", recorded.dispatched)
    path.write_text(path.read_text()[:-100])
    with pytest.raises(HistoryError, match=r"run\.json: is no history"):
        read_history(path, TYPE)


def test_a_file_that_is_not_there_is_said(folder: Path) -> None:
    with pytest.raises(HistoryError, match=r"away\.json: cannot be read: No such file"):
        read_history(folder / "away.json", TYPE)


def test_a_chain_is_complete_or_refused(recorded: Recorded, folder: Path) -> None:
    first, last = recorded.chain
    _store(folder, "chain.1.json", first)
    _store(folder, "chain.2.json", last)
    assert read_folder(folder, TYPE)[1] == []
    (folder / "chain.1.json").unlink()
    (problem,) = read_folder(folder, TYPE)[1]
    assert f"chain.2.json: the run before it in its chain is missing, {first.run_id}" in problem
    _store(folder, "chain.1.json", first)
    (folder / "chain.2.json").unlink()
    (problem,) = read_folder(folder, TYPE)[1]
    assert f"chain.1.json: the run after it in its chain is missing, {last.run_id}" in problem


def test_the_same_run_twice_is_said(recorded: Recorded, folder: Path) -> None:
    _store(folder, "a.json", recorded.dispatched)
    _store(folder, "b.json", recorded.dispatched)
    (problem,) = read_folder(folder, TYPE)[1]
    assert "b.json: is the same run as a.json" in problem
