"""The stubs of a new process: they are generated from without a problem, and written once."""

from pathlib import Path

import pytest
from protoc_gen_process.formatting import format_python
from protoc_gen_process.model import WorkflowKind
from protoc_gen_process.scaffold import InvalidNameError, new_process
from protoc_gen_process.scaffold.__main__ import main
from protoc_gen_process.testing import ProtoImage

PROTO = "ameide_core_proto/order_returns/v1/order_returns.proto"
PROTOS = Path("packages/ameide_core_proto/src")


@pytest.mark.parametrize("kind", WorkflowKind)
def test_the_proto_of_each_kind_is_generated_from(kind: WorkflowKind, tmp_path: Path, option_protos: Path) -> None:
    new_process(tmp_path, "order-returns", kind)
    answer = ProtoImage.build(option_protos, tmp_path / PROTOS).generate([PROTO], "part=processes")
    assert not answer.error
    contract = answer.files["order-returns/src/order_returns_generated/contract.py"]
    assert f"kind=WorkflowKind.{kind.value}," in contract


def test_what_a_person_wrote_is_kept(tmp_path: Path) -> None:
    new_process(tmp_path, "order-returns")
    impl = tmp_path / "primitives/process/order-returns/src/order_returns/workflow_impl.py"
    impl.write_text("mine")
    assert not any(written for _, written in new_process(tmp_path, "order-returns", WorkflowKind.TRANSACTION))
    assert impl.read_text() == "mine"


@pytest.mark.parametrize("name", ["Order_Returns", "order--returns", "class", "temporalio", "../x", ""])
def test_a_name_that_no_process_can_have_writes_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidNameError):
        new_process(tmp_path, name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "usage: uvx nox -s new --"),
        (["order-returns", "--kind", "SAGA"], 2, "invalid choice: 'SAGA'"),
        (["--help"], 0, "a workflow for each business key"),
    ],
)
def test_wrong_arguments_show_the_usage(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == code
    shown = capsys.readouterr()
    assert said in " ".join((shown.out + shown.err).split())


def test_the_kind_is_taken_in_any_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["order-returns", "--kind", "transaction"]) == 0
    assert "kind: TRANSACTION" in (tmp_path / PROTOS / PROTO).read_text()
    assert main(["Order_Returns"]) == 2
    assert "is no process name" in capsys.readouterr().err


def test_a_name_that_another_proto_declares_is_refused(tmp_path: Path) -> None:
    other = tmp_path / PROTOS / "ameide_core_proto/orders/returns/v1/returns.proto"
    other.parent.mkdir(parents=True)
    other.write_text('option (ameide_core_proto.process.v1.process) = {\n  name: "order-returns"\n};\n')
    with pytest.raises(InvalidNameError, match=r"is declared by .*orders/returns/v1/returns\.proto"):
        new_process(tmp_path, "order-returns")
    assert list(tmp_path.rglob("*.*")) == [other]


@pytest.mark.parametrize("kind", WorkflowKind)
@pytest.mark.parametrize("name", ["a", "order-returns", "zebra-crossing-" + "and-so-on-" * 4 + "z"])
def test_the_stubs_are_formatted_whatever_their_name(kind: WorkflowKind, name: str, tmp_path: Path) -> None:
    new_process(tmp_path, name, kind)
    stubs = {str(path): path.read_text() for path in tmp_path.rglob("*.py")}
    assert len(stubs) == 5
    assert format_python(stubs) == stubs
