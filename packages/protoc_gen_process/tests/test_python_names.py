"""Names of what protoc generates, and of what this plugin generates."""

import pytest
from google.protobuf import empty_pb2
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from protoc_gen_process.python_names import (
    MESSAGE_ATTRIBUTES,
    MODULE_ATTRIBUTES,
    attribute,
    escaped,
    hides_message_attribute,
    hides_module_attribute,
    is_importable,
    is_plain,
    module_of,
    pascal_case,
    snake_case,
)


@pytest.mark.parametrize(
    ("path", "module", "importable"),
    [
        ("orders/v1/orders.proto", "orders.v1.orders_pb2", True),
        ("a-b/c-d.proto", "a_b.c_d_pb2", True),
        ("orders.proto", "orders_pb2", True),
        ("acme/class/x.proto", "acme.class.x_pb2", False),
        ("2024/x.proto", "2024.x_pb2", False),
        ("acme/import.proto", "acme.import_pb2", True),
    ],
)
def test_modules_are_those_of_protoc(path: str, module: str, importable: bool) -> None:
    assert module_of(path) == module
    assert is_importable(module) is importable


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("ReserveStock", "reserve_stock"),
        ("GetHTTPPage", "get_http_page"),
        ("GetURL", "get_url"),
        ("Ping2Times", "ping2_times"),
        ("already_snake", "already_snake"),
        ("X", "x"),
    ],
)
def test_rpc_names_become_method_names(name: str, snake: str) -> None:
    assert snake_case(name) == snake


def test_keywords_are_reached_by_getattr() -> None:
    assert attribute("event", "meta") == "event.meta"
    assert attribute("event", "class") == 'getattr(event, "class")'
    assert attribute("event", "__private") == 'getattr(event, "__private")'
    assert not is_plain("None")
    assert escaped("import") == "import_"
    assert escaped("match") == "match"


def test_class_names_come_from_process_names() -> None:
    assert pascal_case("order-fulfillment-2b") == "OrderFulfillment2b"


def test_the_list_of_message_attributes_is_that_of_the_library() -> None:
    attributes = {*dir(Empty), *dir(Message)}
    assert {name for name in attributes if not name.startswith("__")} <= MESSAGE_ATTRIBUTES
    assert all(map(hides_message_attribute, attributes))
    assert not hides_message_attribute("id")


def test_the_list_of_module_attributes_is_that_of_protoc() -> None:
    used_after_messages_are_built = {"DESCRIPTOR", "_descriptor", "_globals"}
    assert used_after_messages_are_built <= MODULE_ATTRIBUTES <= vars(empty_pb2).keys()
    assert all(map(hides_module_attribute, MODULE_ATTRIBUTES))
    assert not hides_module_attribute("Empty")
