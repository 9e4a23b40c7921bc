"""What the demo says when it cannot do what it was asked for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[1] / "demo"
SAMPLE = DEMO / "sample.jsonl"
FIRST_LINE = SAMPLE.read_text(encoding="utf-8").splitlines()[0]


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, DEMO / "run.py", *arguments], capture_output=True, text=True, check=False, timeout=150
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"tenantId": ', ":2:14: is no JSON"),
        ("[]", ":2: is not shaped as an order"),
        ("{}", ":2: has no 'orderId'"),
        (FIRST_LINE.replace("orderPlaced", "orderPlacd"), '"orderPlacd"'),
        (FIRST_LINE.replace("ORDER_OUTCOME_CANCELLED", "CANCELED"), "CANCELED"),
        (FIRST_LINE.replace('"tenantId": "acme"', '"tenantId": ""'), "meta.key.tenant_id"),
    ],
    ids=["no JSON", "no object", "nothing in it", "unknown event", "unknown outcome", "no key"],
)
def test_a_wrong_line_of_the_sample_is_named(line: str, said: str, tmp_path: Path) -> None:
    sample = tmp_path / "sample.jsonl"
    sample.write_text(f"{FIRST_LINE}\n{line}\n", encoding="utf-8")
    done = _run("--sample", str(sample))
    assert done.returncode == 2
    assert f"{sample}:2:" in done.stdout
    assert said in done.stdout
    assert "starting" not in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_an_empty_or_missing_sample_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    for name, said in (("empty.jsonl", "holds no order"), ("none.jsonl", "cannot be read")):
        done = _run("--sample", str(tmp_path / name))
        assert done.returncode == 2
        assert said in done.stdout


def test_wrong_options_show_the_usage() -> None:
    done = _run("--oders", "3")
    assert done.returncode == 2
    assert "Usage: uvx nox -s demo -- [OPTIONS]" in done.stderr
    assert "--oders" in done.stderr


def test_the_smallest_demo_adds_up() -> None:
    done = _run("--orders", "1")
    assert done.returncode == 0, done.stdout
    assert "1 orders came to their end" in done.stdout or "1 order came to its end" in done.stdout


def test_an_order_that_never_ends_is_named_with_its_state(tmp_path: Path) -> None:
    story = json.loads(FIRST_LINE)
    placed, *_ = story["events"]
    forgotten = story | {"orderId": "o-unpaid", "story": "never paid", "events": [placed], "late": []}
    sample = tmp_path / "sample.jsonl"
    sample.write_text(f"{FIRST_LINE}\n{json.dumps(forgotten)}\n", encoding="utf-8")
    done = _run("--sample", str(sample), "--orders", "2", "--patience", "8")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 order has not ended, and nothing has moved for 8 s:" in done.stdout
    assert "o-unpaid  never paid: awaiting-payment" in done.stdout
    assert "o-1001" not in done.stdout.partition("the demo cannot go on")[2]
    assert "Traceback" not in done.stdout + done.stderr
