"""The gates of the proto plane, each with the violation that it must catch."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = "packages/ameide_core_proto/src"
RELEASED = "packages/ameide_core_proto/released.binpb"
ORDERS = f"{SOURCES}/ameide_core_proto/orders/fulfillment/v1/order_fulfillment.proto"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A copy of the proto plane in which a test may plant a violation."""
    shutil.copy(ROOT / "buf.yaml", tmp_path / "buf.yaml")
    shutil.copytree(ROOT / SOURCES, tmp_path / SOURCES)
    shutil.copy(ROOT / RELEASED, tmp_path / RELEASED)
    return tmp_path


def _buf(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["buf", *arguments], cwd=workspace, capture_output=True, text=True, check=False)


def _plant(workspace: Path, old: str, new: str, path: str = ORDERS) -> None:
    file = workspace / path
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


LINT = ("lint",)
FORMAT = ("format", "--diff", "--exit-code")
BREAKING = ("breaking", "--against", RELEASED)


@pytest.mark.parametrize("gate", [LINT, FORMAT, BREAKING], ids=lambda gate: gate[0])
def test_the_proto_plane_passes(workspace: Path, gate: tuple[str, ...]) -> None:
    result = _buf(workspace, *gate)
    assert result.returncode == 0, result.stdout + result.stderr


def test_lint_catches_a_message_in_lower_case(workspace: Path) -> None:
    _plant(workspace, "message OrderLine {", "message order_line {")
    _plant(workspace, "repeated OrderLine lines = 3;", "repeated order_line lines = 3;")
    _plant(workspace, "repeated OrderLine lines = 2;", "repeated order_line lines = 2;")
    result = _buf(workspace, *LINT)
    assert result.returncode != 0
    assert "PascalCase" in result.stdout


def test_lint_catches_a_service_that_holds_no_activities(workspace: Path) -> None:
    _plant(workspace, "service OrderFulfillmentActivities {", "service OrderFulfillmentService {")
    result = _buf(workspace, *LINT)
    assert result.returncode != 0
    assert "Activities" in result.stdout


def test_lint_still_wants_prefixed_enum_values_of_processes(workspace: Path) -> None:
    _plant(workspace, "ORDER_OUTCOME_FULFILLED", "FULFILLED")
    result = _buf(workspace, *LINT)
    assert result.returncode != 0
    assert "ORDER_OUTCOME_" in result.stdout


def test_format_catches_indentation(workspace: Path) -> None:
    _plant(workspace, "  string payment_id = 2;", "      string payment_id = 2;")
    assert _buf(workspace, *FORMAT).returncode != 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("string payment_id = 2;", "string payment_ref = 2;", id="renamed field"),
        pytest.param("  uint32 quantity = 2;\n", "", id="removed field"),
        pytest.param("uint32 quantity = 2;", "string quantity = 2;", id="retyped field"),
        pytest.param("CancelOrder cancel_order = 50;", "CancelOrder cancel = 50;", id="renamed case"),
        pytest.param("ORDER_OUTCOME_CANCELLED = 2;", "ORDER_OUTCOME_CANCELED = 2;", id="renamed enum value"),
        pytest.param("rpc RefundPayment(", "rpc PayBack(", id="renamed rpc"),
    ],
)
def test_breaking_catches(workspace: Path, old: str, new: str) -> None:
    _plant(workspace, old, new)
    result = _buf(workspace, *BREAKING)
    assert result.returncode != 0, "the change passed"


def test_breaking_lets_an_added_field_pass(workspace: Path) -> None:
    _plant(workspace, "  uint32 quantity = 2;\n", "  uint32 quantity = 2;\n  string note = 3;\n")
    assert _buf(workspace, *BREAKING).returncode == 0
