"""The versioning gate, each violation planted in a proto and seen through the generator."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from ameide_guardrails.contract import CONTRACT_FILE, LOCK_FILE, Contract, ContractFileError, read_contract
from ameide_guardrails.versioning import compare, is_released, lock, lost_locks, violations
from protoc_gen_process.testing import ProtoImage

SOURCES = Path(__file__).parents[2] / "ameide_core_proto" / "src"
PROTO = "ameide_core_proto/orders/fulfillment/v1/order_fulfillment.proto"
RELEASED = (SOURCES / PROTO).read_text()

ADDED_CASE = """
message Returned {
  option (ameide_core_proto.process.v1.fact) = {};
  option (ameide_core_proto.common.v1.event_fact) = {type: "orders.Returned.v1"};
}
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(SOURCES, tmp_path_factory.mktemp("protos") / "src")


@pytest.fixture(scope="module")
def released(sources: Path) -> Contract:
    return _contract(sources, RELEASED)


def _contract(sources: Path, proto: str) -> Contract:
    """What the generator makes of the proto."""
    (sources / PROTO).write_text(proto)
    answer = ProtoImage.build(sources).generate([PROTO], "part=processes")
    assert not answer.error, answer.error
    return Contract.model_validate(json.loads(answer.files["order-fulfillment/contract.json"]))


def _changed(*replacements: tuple[str, str]) -> str:
    proto = RELEASED
    for old, new in replacements:
        assert old in proto
        proto = proto.replace(old, new, 1)
    return proto


CASE = ("    CancelOrder cancel_order = 50;\n", "    CancelOrder cancel_order = 50;\n    Returned returned = 51;\n")
MINOR = ("api_minor: 0", "api_minor: 1")
MAJOR = ("api_major: 1", "api_major: 2")

CANCEL_ORDER = RELEASED[RELEASED.index("message CancelOrder") : RELEASED.index("// Starts the workflow.")]

MINOR_CHANGES = {
    "added payload case": ((CASE,), ADDED_CASE, "payload case 'returned' was added"),
    "added field": ((("string sku = 1;", "string sku = 1;\n  string note = 9;"),), "", "field 'note' of message"),
    "added enum value": (
        (("ORDER_OUTCOME_CANCELLED = 2;", "ORDER_OUTCOME_CANCELLED = 2;\n  ORDER_OUTCOME_LOST = 4;"),),
        "",
        "value 'ORDER_OUTCOME_LOST' of enum",
    ),
    "added start version": (
        (),
        "\nmessage OrderFulfillmentStartV2 {\n  uint32 start_version = 1;\n  OrderKey key = 2;\n}\n",
        "start version '2' was added",
    ),
    "dedupe window": ((("kind: ENTITY", "kind: ENTITY\n  dedupe_window: 8192"),), "", "dedupe_window was 4096"),
    "added subscription": (
        (('kind: "kafka"\n  }', 'kind: "kafka"\n  }\n  ingress: {name: "returns", kind: "kafka"}'),),
        "",
        "subscription 'returns' was added",
    ),
}

MAJOR_CHANGES = {
    "id template": ((("proc/{name}/{meta.key.tenant_id}", "proc/{name}/t-{meta.key.tenant_id}"),), "workflow_id was"),
    "workflow type": ((("v1.OrderFulfillmentWorkflow", "v1.Orders"),), "workflow_type was"),
    "kind": (
        (("kind: ENTITY", "kind: TRANSACTION"), ("{meta.key.order_id}", "{meta.key.order_id}/{meta.idempotency_key}")),
        "kind was 'ENTITY' and is 'TRANSACTION'",
    ),
    "reuse policy": ((("kind: ENTITY", "kind: ENTITY\n  reuse_policy: ALLOW_DUPLICATE"),), "reuse_policy was"),
    "event type": ((("orders.CancelOrder.v1", "orders.Cancel.v1"),), "event type of payload case 'cancel_order'"),
    "task queue": (
        (('default_task_queue: "order-fulfillment"', 'default_task_queue: "orders"'),),
        "default_task_queue was",
    ),
    "activity": ((("rpc RefundPayment(", "rpc PayBack("),), "activity 'OrderFulfillmentActivities.RefundPayment' was"),
    "subscription": ((('name: "orders-facts"', 'name: "orders"'),), "subscription 'orders-facts' was removed"),
}

LASTING_CHANGES = {
    "removed field": ((("  uint32 quantity = 2;\n", ""),), "field 'quantity' of message"),
    "reserved field": ((("  uint32 quantity = 2;\n", "  reserved 2;\n"),), "was removed"),
    "renamed field": ((("string sku = 1;", "string article = 1;"),), "field 'sku' of message"),
    "retyped field": ((("uint32 quantity = 2;", "string quantity = 2;"),), "was 'uint32 = 2' and is 'string = 2'"),
    "renumbered field": ((("uint32 quantity = 2;", "uint32 quantity = 3;"),), "was 'uint32 = 2' and is 'uint32 = 3'"),
    "field with presence": (
        (("  uint32 quantity = 2;", "  optional uint32 quantity = 2;"),),
        "is 'optional uint32 = 2'",
    ),
    "removed case": (
        (("    CancelOrder cancel_order = 50;\n", ""), (CANCEL_ORDER, "")),
        "field 'cancel_order' of message",
    ),
    "renamed case": ((("CancelOrder cancel_order = 50;", "CancelOrder cancel = 50;"),), "was renamed to 'cancel'"),
    "removed value": ((("  ORDER_OUTCOME_CANCELLED = 2;\n", ""),), "value 'ORDER_OUTCOME_CANCELLED' of enum"),
    "renamed value": ((("ORDER_OUTCOME_CANCELLED", "ORDER_OUTCOME_CANCELED"),), "to 'ORDER_OUTCOME_CANCELED'"),
    "renumbered value": ((("ORDER_OUTCOME_CANCELLED = 2", "ORDER_OUTCOME_CANCELLED = 7"),), "was 2 and is 7"),
}


def test_the_released_contract_follows_itself(released: Contract) -> None:
    assert list(compare(released, released)) == []


@pytest.mark.parametrize("name", MINOR_CHANGES)
def test_an_addition_needs_a_minor_version(name: str, sources: Path, released: Contract) -> None:
    replacements, message, what = MINOR_CHANGES[name]
    refused = list(compare(released, _contract(sources, _changed(*replacements) + message)))
    assert any(what in violation for violation in refused), refused
    assert all("raise api_minor to 1" in violation for violation in refused), refused
    assert list(compare(released, _contract(sources, _changed(MINOR, *replacements) + message))) == []


@pytest.mark.parametrize("name", MAJOR_CHANGES)
def test_what_events_and_workflows_are_found_by_needs_a_major_version(
    name: str, sources: Path, released: Contract
) -> None:
    replacements, what = MAJOR_CHANGES[name]
    refused = list(compare(released, _contract(sources, _changed(MINOR, *replacements))))
    assert any(what in violation and "raise api_major to 2" in violation for violation in refused), refused
    assert list(compare(released, _contract(sources, _changed(MAJOR, *replacements)))) == []


@pytest.mark.parametrize("name", LASTING_CHANGES)
def test_what_is_stored_is_never_taken_back(name: str, sources: Path, released: Contract) -> None:
    replacements, what = LASTING_CHANGES[name]
    refused = list(compare(released, _contract(sources, _changed(MAJOR, *replacements))))
    assert any(what in violation and "new proto package with api_major 2" in violation for violation in refused), (
        refused
    )


def test_a_version_never_goes_back(sources: Path, released: Contract) -> None:
    newer = _contract(sources, _changed(MINOR))
    assert "before the released 1.1" in "".join(compare(newer, released))


@pytest.fixture
def process(tmp_path: Path, released: Contract) -> tuple[Path, Path]:
    """The folders of a released process: the generated one, and that of a person."""
    generated, person = tmp_path / "generated" / "order-fulfillment", tmp_path / "person"
    generated.mkdir(parents=True)
    (generated / CONTRACT_FILE).write_text(released.model_dump_json())
    lock(generated, person)
    return generated, person


def test_a_locked_process_is_released(process: tuple[Path, Path]) -> None:
    assert is_released(process[1])
    assert violations(*process) == []


def test_nothing_binds_an_unreleased_process(process: tuple[Path, Path]) -> None:
    generated, person = process
    (person / LOCK_FILE).unlink()
    assert violations(generated, person) == []


def test_the_lock_of_another_process_is_told(process: tuple[Path, Path], released: Contract) -> None:
    generated, person = process
    (person / LOCK_FILE).write_text(released.model_copy(update={"name": "other"}).model_dump_json())
    assert "the lock file is that of 'other'" in violations(generated, person)[0]


@pytest.mark.parametrize("committed", [False, True])
def test_a_lock_file_that_is_gone_is_told(tmp_path: Path, committed: bool) -> None:
    file = tmp_path / "primitives/process/orders" / LOCK_FILE
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    generated = tmp_path / "build/generated/process/orders/pyproject.toml"
    generated.parent.mkdir(parents=True)
    generated.touch()
    commit = ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "change")
    for command in (("init", "-q"), ("add", "-A"), commit):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    assert lost_locks(tmp_path) == []
    file.unlink()
    if committed:
        subprocess.run(["git", *commit], cwd=tmp_path, check=True)
    (told,) = lost_locks(tmp_path)
    assert told.startswith(f"primitives/process/orders/{LOCK_FILE}: the lock file of a released contract is gone")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(b'{"name": "x"', "no JSON", id="cut"),
        pytest.param(b"\xff\xfe", "not UTF-8", id="binary"),
        pytest.param(b"[]", "no contract", id="list"),
        pytest.param(b"{}", "no contract: generated: Field required", id="empty"),
        pytest.param(b"<<<<<<< HEAD\n", "no JSON", id="merge conflict"),
    ],
)
def test_a_corrupt_lock_file_is_named(process: tuple[Path, Path], content: bytes, told: str) -> None:
    generated, person = process
    (person / LOCK_FILE).write_bytes(content)
    with pytest.raises(ContractFileError, match=told) as error:
        violations(generated, person)
    assert str(person / LOCK_FILE) in str(error.value)
    assert "restore it from version control" in str(error.value)


def test_a_missing_contract_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractFileError, match="uvx nox -s regen"):
        read_contract(tmp_path / CONTRACT_FILE)
