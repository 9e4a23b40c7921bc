"""Messages, enums and fields as a contract refers to them, and how Python code reaches them."""

from dataclasses import dataclass, field
from enum import Enum

from protoc_gen_process import python_names

Docs = tuple[str, ...]
"""Lines of a comment, without the comment marks; empty where there is none."""

NOT_IN_DIGEST = {"digest": False}
"""Metadata of fields that explain and do not bind: changing them is no change of the contract."""


class ScalarKind(Enum):
    """What a field that identifies something can hold."""

    STRING = "string"
    INTEGER = "integer"
    ENUM = "enum"


@dataclass(frozen=True, slots=True)
class PythonType:
    """A message or enum class, as Google's generated code has it."""

    proto_name: str
    """Fully qualified, without a leading dot: `orders.v1.OrderPlaced`."""
    module: str
    """Dotted name of the module: `orders.v1.orders_pb2`."""
    qualname: tuple[str, ...]
    """Names from the module down to the class; more than one for a nested type."""

    @property
    def name(self) -> str:
        """Simple name of the type."""
        return self.qualname[-1]

    @property
    def module_is_importable(self) -> bool:
        """Whether an import statement can name the module; else only `importlib.import_module` reaches it."""
        return python_names.is_importable(self.module)

    @property
    def is_plain(self) -> bool:
        """Whether import statements and dotted names reach the class."""
        return self.module_is_importable and all(map(python_names.is_plain, self.qualname))

    def expression(self, module: str) -> str:
        """Returns the expression of the class.

        Args:
            module: Expression of the module that holds it, such as `orders_pb2`.
        """
        for name in self.qualname:
            module = python_names.attribute(module, name)
        return module


@dataclass(frozen=True, slots=True)
class EnumType:
    """An enum that identifies something."""

    python: PythonType
    values: tuple[tuple[str, int], ...]
    """Name and number, in the order of the source; of aliases, the first names the number."""


@dataclass(frozen=True, slots=True)
class MessageField:
    """One field of a message, for documentation."""

    name: str
    type: str
    """As a reader knows it: `string`, `repeated OrderLine`, `google.protobuf.Timestamp`."""
    docs: Docs


@dataclass(frozen=True, slots=True)
class MessageType:
    """A message that plays a part in the process."""

    python: PythonType
    fields: tuple[MessageField, ...] = field(metadata=NOT_IN_DIGEST)
    docs: Docs = field(metadata=NOT_IN_DIGEST)

    @property
    def name(self) -> str:
        """Simple name of the message."""
        return self.python.name


@dataclass(frozen=True, slots=True)
class FieldSchema:
    """One field of a message, as whoever stored a message of it relies on it."""

    name: str
    number: int
    type: str
    """In full: `string`, `repeated orders.v1.OrderLine`, `map<string, int32>`."""
    is_optional: bool
    """Whether unset differs from zero or empty; of messages, which always have that, it is not said."""
    oneof: str | None

    @property
    def declaration(self) -> str:
        """The field as proto would declare it, without its name: `optional string = 3`, `oneof payload Paid = 4`."""
        label = f"oneof {self.oneof} " if self.oneof is not None else "optional " if self.is_optional else ""
        return f"{label}{self.type} = {self.number}"


@dataclass(frozen=True, slots=True)
class Schema:
    """All messages and enums that a process stores or exchanges, by full name; Google's own are not among them."""

    messages: tuple[tuple[str, tuple[FieldSchema, ...]], ...]
    enums: tuple[EnumType, ...]


@dataclass(frozen=True, slots=True)
class FieldPath:
    """A scalar field somewhere inside a message, through singular fields outside of oneofs."""

    names: tuple[str, ...]
    kind: ScalarKind
    enum: EnumType | None
    """The enum where `kind` is ENUM."""
    has_presence: bool
    """Whether `HasField` tells unset from zero or empty."""

    @property
    def dotted(self) -> str:
        """The path as a developer writes it: `meta.key.order_id`."""
        return ".".join(self.names)

    @property
    def name(self) -> str:
        """Name of the field at the end."""
        return self.names[-1]

    def expression(self, root: str) -> str:
        """Returns the expression of the value, keyword-safe.

        Args:
            root: Expression of the message that the path starts in.
        """
        for name in self.names:
            root = python_names.attribute(root, name)
        return root

    def holder(self, root: str) -> str:
        """Returns the expression of the message that has the field, keyword-safe."""
        for name in self.names[:-1]:
            root = python_names.attribute(root, name)
        return root
