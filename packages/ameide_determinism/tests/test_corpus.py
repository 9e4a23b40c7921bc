"""Every hazard of the corpus is found at its line, and nothing else is."""

import re
from pathlib import Path

import pytest
from ameide_determinism import check

_CORPUS = Path(__file__).parent / "corpus"
_EXPECT = re.compile(r"# expect: (?P<rules>[\w, -]+)")


def _cases(kind: str) -> list[Path]:
    """A file, or a folder that holds packages, is a case."""
    return sorted(path for path in (_CORPUS / kind).iterdir() if path.name != "__pycache__")


def _expected(case: Path) -> set[tuple[str, int, str]]:
    files = [case] if case.is_file() else sorted(case.rglob("*.py"))
    return {
        (file.name, number, rule.strip())
        for file in files
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if (match := _EXPECT.search(line))
        for rule in match["rules"].split(",")
    }


@pytest.mark.parametrize(
    "case", [*_cases("hazards"), *_cases("safe")], ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_findings_are_what_the_corpus_expects(case: Path) -> None:
    report = check([case])
    assert not report.problems
    assert report.workflows
    assert {(Path(one.path).name, one.line, one.rule) for one in report.findings} == _expected(case)
