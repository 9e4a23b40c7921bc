"""Names that Python's message classes need for themselves."""

from collections.abc import Iterator

from protoc_gen_process.parse.declarations import DeclaredMessage, FieldKind
from protoc_gen_process.python_names import hides_message_attribute
from protoc_gen_process.rules import Rule
from protoc_gen_process.validate.scope import Scope

_MODULE_ATTRIBUTE = "DESCRIPTOR"
"""What every generated module has beside its messages."""


def check_message_names(scope: Scope) -> None:
    """Checks the messages of the process's file, and those that they and its activities are made of."""
    for message in _messages(scope):
        nested = len(message.python.qualname) > 1
        if hides_message_attribute(message.name) if nested else message.name == _MODULE_ATTRIBUTE:
            scope.refuse(
                Rule.FIELD_NAME_TAKEN,
                message.place,
                f"message {message.name} hides what every {'message class' if nested else 'module of messages'} in "
                "Python has by that name",
                "rename the message",
            )
        for field in message.fields:
            if hides_message_attribute(field.name):
                scope.refuse(
                    Rule.FIELD_NAME_TAKEN,
                    field.place,
                    f"{message.name}.{field.name} hides what every message class in Python has by that name",
                    "rename the field",
                )


def _messages(scope: Scope) -> Iterator[DeclaredMessage]:
    """Yields the messages, each once."""
    waiting = [message.full_name for message in scope.file.messages]
    for service in scope.file.services:
        for rpc in service.rpcs:
            waiting += [rpc.request, rpc.response]
    seen: set[str] = set()
    while waiting:
        full_name = waiting.pop()
        if full_name not in seen:
            seen.add(full_name)
            message = scope.message(full_name)
            waiting += [field.type for field in message.fields if field.kind is FieldKind.MESSAGE]
            yield message
