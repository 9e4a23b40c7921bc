"""Python names: of what protoc generates, and of what this plugin generates.

Protobuf lets a name be a Python keyword; Google's generated code then has it as an attribute that only `getattr`
reaches, or as a module that only `importlib` imports. Everything that decides between the two stands here.
"""

import keyword
import re

MESSAGE_ATTRIBUTES = frozenset(
    {
        *("ByteSize", "Clear", "ClearExtension", "ClearField", "CopyFrom", "DESCRIPTOR", "DiscardUnknownFields"),
        *("Extensions", "FindInitializationErrors", "FromString", "HasExtension", "HasField", "IsInitialized"),
        *("ListFields", "MergeFrom", "MergeFromString", "ParseFromString", "SerializePartialToString"),
        *("SerializeToString", "SetInParent", "UnknownFields", "WhichOneof"),
        *("_CheckCalledFromGeneratedFile", "_ListFieldsItemKey", "_SetListener", "_extensions_by_name"),
        *("_extensions_by_number",),
    }
)
"""What every message class of Google's library has beside its fields; a test compares the list with the library.

A field or nested message of such a name hides the library's own, so that nothing can serialize the message any more.
An enum, an enum value or an extension inside of the message is hidden by the library's, or hides it: that differs among
the library's implementations.
"""

MODULE_ATTRIBUTES = frozenset({"DESCRIPTOR", "_builder", "_descriptor", "_globals", "_sym_db"})
"""What every module that protoc generates has and uses beside its messages; a test compares the list with a module."""

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def module_of(proto_path: str) -> str:
    """Returns the module that protoc generates for a proto file, as `importlib` names it.

    Args:
        proto_path: Path of the file as imports name it, such as `orders/v1/orders.proto`.
    """
    return proto_path.removesuffix(".proto").replace("-", "_").replace("/", ".") + "_pb2"


def is_plain(name: str) -> bool:
    """Whether Python source can name an attribute or variable so, anywhere.

    Two leading underscores are not plain: inside a class body Python would mangle them.
    """
    return name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("__")


def is_importable(module: str) -> bool:
    """Whether an import statement can name a module."""
    return all(part.isidentifier() and not keyword.iskeyword(part) for part in module.split("."))


def attribute(expression: str, name: str) -> str:
    """Returns the Python expression of an attribute, whatever its name is."""
    return f"{expression}.{name}" if is_plain(name) else f'getattr({expression}, "{name}")'


def hides_message_attribute(name: str) -> bool:
    """Whether what a message declares takes the name of what every message class has."""
    return name in MESSAGE_ATTRIBUTES or (name.startswith("__") and name.endswith("__"))


def hides_module_attribute(name: str) -> bool:
    """Whether what a file declares outside of messages takes the place of what every module of messages has."""
    return name in MODULE_ATTRIBUTES or (name.startswith("__") and name.endswith("__"))


def escaped(name: str) -> str:
    """Returns the name, with an underscore appended where it is a keyword."""
    return f"{name}_" if keyword.iskeyword(name) else name


def key_attribute(name: str) -> str:
    """Returns the name of an attribute of the generated class `Key`: escaped, and no name of a type within it."""
    return f"{name}_" if name in {"int", "str"} else escaped(name)


def snake_case(name: str) -> str:
    """Converts a PascalCase name; a run of capitals is one word: `GetHTTPPage` becomes `get_http_page`."""
    return _WORD_START.sub("_", name).lower()


def pascal_case(name: str) -> str:
    """Converts a kebab-case name: `order-fulfillment` becomes `OrderFulfillment`."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("-"))
