"""What keeps a worker from starting when the impl is missing or incomplete: one message, and what to write."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ameide_process.configuration import StartupError
from ameide_process.worker import WorkerParts
from ameide_process.worker._parts import load_parts
from order_fulfillment_generated.contract import CONTRACT
from order_fulfillment_generated.parts import parts

IMPL = Path(__file__).parents[4] / "primitives/process/order-fulfillment/src/order_fulfillment/workflow_impl.py"


@pytest.fixture
def impl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts another workflow_impl.py in the place of the real one."""
    parts()  # loads the real modules, which monkeypatch then puts back

    def write(text: str) -> None:
        package = tmp_path / "order_fulfillment"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "activities_impl.py").write_text(IMPL.with_name("activities_impl.py").read_text())
        (package / "workflow_impl.py").write_text(text)
        for name in [name for name in sys.modules if name.partition(".")[0] == "order_fulfillment"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.delitem(sys.modules, "order_fulfillment_generated.entry", raising=False)
        monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
        importlib.invalidate_caches()

    return write


def _refusal() -> str:
    with pytest.raises(StartupError) as refused:
        load_parts(CONTRACT, parts)
    return refused.value.render("order-fulfillment worker")


def test_the_real_impl_is_complete() -> None:
    assert isinstance(load_parts(CONTRACT, parts), WorkerParts)


def test_a_missing_handler_is_named_with_what_to_write(impl: Callable[[str], None]) -> None:
    text = IMPL.read_text()
    start = text.index("    async def on_shipment_created")
    impl(text[:start] + text[text.index("    async def on_cancel_order") :])
    message = _refusal()
    assert "OrderFulfillment.on_shipment_created" in message
    assert "async def on_shipment_created(self, fact: ShipmentCreated, meta: EventMeta) -> None" in message


def test_a_handler_that_is_not_async_is_named(impl: Callable[[str], None]) -> None:
    impl(IMPL.read_text().replace("async def on_cancel_order", "def on_cancel_order"))
    message = _refusal()
    assert "OrderFulfillment.on_cancel_order" in message
    assert "is not async" in message


def test_a_class_without_its_base_is_named(impl: Callable[[str], None]) -> None:
    impl(IMPL.read_text().replace("class OrderFulfillment(OrderFulfillmentProcess):", "class OrderFulfillment:"))
    assert "derive it from OrderFulfillmentProcess of order_fulfillment_generated.workflow" in _refusal()


def test_a_class_of_another_name_is_asked_for_in_the_impl(impl: Callable[[str], None]) -> None:
    impl(IMPL.read_text().replace("class OrderFulfillment(", "class Fulfilment("))
    message = _refusal()
    assert "workflow_impl.py" in message
    assert "define class OrderFulfillment there" in message


def test_a_missing_module_is_named(impl: Callable[[str], None], tmp_path: Path) -> None:
    impl("")
    (tmp_path / "order_fulfillment/workflow_impl.py").unlink()
    message = _refusal()
    assert "order_fulfillment.workflow_impl" in message
    assert "nox -s new -- order-fulfillment" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def broken(:\n", "does not parse"),
        ('raise ValueError("boom")\n', "ValueError: boom"),
        ("import no_such\n", "no_such"),
        ('__import__("json").loads("{")\n', "JSONDecodeError: Expecting property name"),
    ],
    ids=["syntax error", "error at import", "missing dependency", "error inside of a library"],
)
def test_an_impl_that_does_not_import_is_placed(impl: Callable[[str], None], text: str, expected: str) -> None:
    impl(text)
    message = _refusal()
    assert "workflow_impl.py:1" in message
    assert expected in message
