"""Names that Python's message classes, and the modules that hold them, need for themselves."""

from collections.abc import Iterator

from protoc_gen_process.diagnostics import Place
from protoc_gen_process.parse.declarations import DeclaredFile, DeclaredMessage, FieldKind
from protoc_gen_process.python_names import hides_message_attribute, hides_module_attribute
from protoc_gen_process.rules import Rule
from protoc_gen_process.validate.scope import Scope


def check_message_names(scope: Scope) -> None:
    """Checks the messages of the process's file, those that they and its activities are made of, and their files."""
    files = {scope.file.path: scope.file}
    for message in _messages(scope):
        files[message.file] = scope.declarations.files[message.file]
        _check_class(scope, message)
    for file in files.values():
        _check_module(scope, file)


def _check_class(scope: Scope, message: DeclaredMessage) -> None:
    if len(message.python.qualname) > 1 and hides_message_attribute(message.name):
        _refuse(scope, message.place, "message", message.name, "message class")
    for field in message.fields:
        if hides_message_attribute(field.name):
            _refuse(scope, field.place, "field", f"{message.name}.{field.name}", "message class")
    for other in message.other_names:
        if hides_message_attribute(other.name):
            _refuse(scope, other.place, other.what, f"{message.name}.{other.name}", "message class")


def _check_module(scope: Scope, file: DeclaredFile) -> None:
    for message in file.messages:
        if len(message.python.qualname) == 1 and hides_module_attribute(message.name):
            _refuse(scope, message.place, "message", message.name, "module of messages")
    for other in file.other_names:
        if hides_module_attribute(other.name):
            _refuse(scope, other.place, other.what, other.name, "module of messages")


def _refuse(scope: Scope, place: Place, what: str, name: str, holder: str) -> None:
    scope.refuse(
        Rule.NAME_TAKEN,
        place,
        f"{what} {name} has the name of something that every {holder} in Python has",
        f"rename the {what}",
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
