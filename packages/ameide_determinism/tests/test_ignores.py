"""Inline ignores need a rule that exists, a reason, and something to ignore."""

from pathlib import Path

import pytest
from ameide_determinism import check

WORKFLOW = """
import time
from temporalio import workflow

@workflow.defn
class Order:
    @workflow.run
    async def run(self) -> None:
        {before}
        time.time()  {after}
"""


def rules(folder: Path, *, before: str = "pass", after: str = "") -> list[str]:
    file = folder / "order.py"
    file.write_text(WORKFLOW.format(before=before, after=after))
    return sorted(one.rule for one in check([file]).findings)


@pytest.mark.parametrize(
    "comment",
    [
        "# determinism: ignore[wall-clock] -- only logged",
        "# determinism: ignore[wall-clock, print] -- only logged",
        "#determinism: ignore[wall-clock]: only logged",
    ],
)
def test_a_finding_is_ignored_with_a_reason(tmp_path: Path, comment: str) -> None:
    assert rules(tmp_path, after=comment) == []
    assert rules(tmp_path, before=comment) == []


@pytest.mark.parametrize(
    "comment",
    [
        "# determinism: ignore[wall-clock]",
        "# determinism: ignore[wall-clock] -- ",
        "# determinism: ignore[clock] -- only logged",
        "# determinism: ignore[] -- only logged",
        "# determinism: ignore -- only logged",
    ],
)
def test_an_ignore_without_rule_or_reason_ignores_nothing(tmp_path: Path, comment: str) -> None:
    assert rules(tmp_path, after=comment) == ["invalid-ignore", "wall-clock"]


def test_an_ignore_that_ignores_nothing_is_reported(tmp_path: Path) -> None:
    assert rules(tmp_path, after="# determinism: ignore[print] -- only logged") == ["unused-ignore", "wall-clock"]


def test_an_ignore_in_a_string_is_none(tmp_path: Path) -> None:
    assert rules(tmp_path, after='; "# determinism: ignore[wall-clock] -- only logged"') == ["wall-clock"]
