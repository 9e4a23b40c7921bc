"""The gate: all histories of a process under all hash seeds, and one text that says what is wrong and what to do."""

import inspect
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ameide_process.replay._approval import read_approved, write_approved
from ameide_process.replay._command_trace import short
from ameide_process.replay._comparison import Difference
from ameide_process.replay._hash_seeds import HASH_SEEDS, ReplayCrashedError, replay_under_seeds
from ameide_process.replay._replaying import Outcome
from ameide_process.replay._stored_history import HistoryError, StoredHistory, read_folder
from ameide_process.worker_parts import WorkerParts

FOLDER_VARIABLE = "PROCESS_HISTORIES"
"""Environment variable that names the folder of histories where the impl is not installed from its project."""


@dataclass
class ReplayReport:
    """What the gate found.

    Attributes:
        name: The process.
        replayed: The histories that were replayed.
        problems: Files that prove nothing, runs that are missing, interpreters that crashed.
        refusals: By history, why today's code cannot go on with such a run, or does so under some seeds only.
        differences: By history, all that today's code does otherwise, approved or not.
        unapproved: By history, those of them that nobody approved.
        stale: By history, approved differences that are there no more.
    """

    name: str
    replayed: list[StoredHistory] = field(default_factory=list[StoredHistory])
    problems: list[str] = field(default_factory=list[str])
    refusals: dict[StoredHistory, str] = field(default_factory=dict[StoredHistory, str])
    differences: dict[StoredHistory, list[Difference]] = field(default_factory=dict[StoredHistory, list[Difference]])
    unapproved: dict[StoredHistory, list[Difference]] = field(default_factory=dict[StoredHistory, list[Difference]])
    stale: dict[StoredHistory, list[Difference]] = field(default_factory=dict[StoredHistory, list[Difference]])

    @property
    def passed(self) -> bool:
        """Whether every history replays, and does what it did or what was approved."""
        return not (self.problems or self.refusals or self.unapproved or self.stale)

    def __str__(self) -> str:
        lines = [*self.problems]
        for history, refusal in self.refusals.items():
            lines.append(f"{short(history.path)}: {refusal}")
        if self.refusals:
            lines.append(
                '  open runs of this kind would hang; put the change behind `if workflow.patched("…"):` and keep the '
                "old path beside it"
            )
        for history, found in self.unapproved.items():
            lines += [f"{short(history.path)}: {described(difference)}" for difference in found]
        if self.unapproved:
            lines.append(
                f"  Temporal lets this pass; where it is meant, `uvx nox -s record -- {self.name} --approve` stores it "
                "for review"
            )
        for history, gone in self.stale.items():
            lines += [f"{short(history.approved_path)}: is there no more: {described(each)}" for each in gone]
        if self.stale:
            lines.append(f"  `uvx nox -s record -- {self.name} --approve` drops what is approved for nothing")
        return "\n".join(lines)


def check_histories(parts: WorkerParts, reference: str, folder: Path | None = None) -> ReplayReport:
    """Replays all stored histories of a process with the code as it is.

    Args:
        parts: The process.
        reference: Where an interpreter finds `parts`: `<module>:<name>`, of them or of a function that gives them.
        folder: Where the histories are; by default where `histories_folder` finds them.
    """
    contract = parts.definition.contract
    report = ReplayReport(contract.name)
    try:
        folder = folder or histories_folder(parts)
    except HistoryError as error:
        report.problems.append(str(error))
        return report
    histories, report.problems = read_folder(folder, contract.workflow_type)
    if not histories and not report.problems:
        report.problems.append(
            f"{short(folder)}: has no history, so nothing says what a change of the code does to open runs; "
            f"`uvx nox -s record -- {contract.name}` records one"
        )
    if histories:
        _replay(report, histories, reference)
    return report


def approve(report: ReplayReport) -> list[Path]:
    """Stores the differences of a report for review, and drops approvals that are stale.

    A history that is refused keeps what was approved for it: nondeterminism cannot be approved.

    Returns:
        The files that changed.
    """
    return [
        history.approved_path
        for history in report.replayed
        if history not in report.refusals and write_approved(history, report.differences.get(history, []))
    ]


def described(difference: Difference) -> str:
    """A difference in a sentence."""
    place = f" at {difference.line}" if difference.line else ""
    if not difference.event:
        return f"no event: the code comes to {difference.step}{place}"
    event = f"event {difference.event} {difference.event_type}, {difference.step}"
    if not difference.path:
        return f"{event}: the code does not come to it"
    before, now = ("unset" if value is None else repr(value) for value in (difference.recorded, difference.replayed))
    return f"{event}: {difference.path} was {before}, is now {now}{place}"


def histories_folder(parts: WorkerParts) -> Path:
    """`tests/histories` of the project that the impl comes from, or what the environment names.

    Raises:
        HistoryError: The impl comes from no project; the message says which variable names the folder.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    source = Path(inspect.getsourcefile(parts.process) or "").resolve()
    for parent in source.parents:
        if (parent / "pyproject.toml").is_file():
            return parent / "tests" / "histories"
    raise HistoryError(
        f"{source} lies in no project, so its histories are unknown; name their folder by {FOLDER_VARIABLE}"
    )


def _replay(report: ReplayReport, histories: list[StoredHistory], reference: str) -> None:
    try:
        by_seed = replay_under_seeds(reference, [history.path for history in histories])
    except ReplayCrashedError as error:
        report.problems.append(str(error))
        return
    for position, history in enumerate(histories):
        _judge(report, history, {seed: outcomes[position] for seed, outcomes in by_seed.items()})
    report.replayed = histories


def _judge(report: ReplayReport, history: StoredHistory, by_seed: dict[int, Outcome]) -> None:
    outcomes = list(by_seed.values())
    odd = {seed: outcome for seed, outcome in by_seed.items() if _verdict(outcome) != _verdict(outcomes[0])}
    if odd:
        report.refusals[history] = _unstable(by_seed)
        return
    if outcomes[0].refusal:
        report.refusals[history] = outcomes[0].refusal
        return
    try:
        approved = read_approved(history)
    except HistoryError as error:
        report.problems.append(str(error))
        return
    found = list(outcomes[0].differences)
    report.differences[history] = found
    if unapproved := [difference for difference in found if difference not in approved]:
        report.unapproved[history] = unapproved
    if stale := [difference for difference in approved if difference not in found]:
        report.stale[history] = stale


def _verdict(outcome: Outcome) -> tuple[bool, Sequence[Difference]]:
    return bool(outcome.refusal), outcome.differences


def _unstable(by_seed: dict[int, Outcome]) -> str:
    """What a replay says whose outcome depends on the hash seed."""
    bad = [seed for seed, outcome in by_seed.items() if outcome.refusal or outcome.differences]
    worst = max(by_seed.values(), key=lambda outcome: (bool(outcome.refusal), len(outcome.differences)))
    said = worst.refusal or "; ".join(described(difference) for difference in worst.differences)
    return (
        f"depends on the hash seed: it fails under PYTHONHASHSEED {', '.join(map(str, bad))} of "
        f"{', '.join(map(str, HASH_SEEDS))}, so an order of strings does, as in a set; iterate over sorted(…)\n  {said}"
    )
