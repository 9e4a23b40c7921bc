"""What each check of a process looks at."""

from dataclasses import dataclass

from protoc_gen_process.diagnostics import Place, Report
from protoc_gen_process.parse.declarations import Declarations, DeclaredFile, DeclaredMessage, DeclaredProcess
from protoc_gen_process.proto_types import MessageField, MessageType
from protoc_gen_process.rules import Rule


@dataclass(frozen=True, slots=True)
class Scope:
    """One process under check."""

    declarations: Declarations
    file: DeclaredFile
    process: DeclaredProcess
    report: Report

    def refuse(self, rule: Rule, place: Place, problem: str, remedy: str) -> None:
        """Records a broken rule."""
        self.report.add(rule, place, problem, remedy)

    def message(self, full_name: str) -> DeclaredMessage:
        """Returns a message that something refers to."""
        return self.declarations.messages[full_name]


def message_type(message: DeclaredMessage) -> MessageType:
    """Returns a message as the model has it."""
    fields = tuple(MessageField(field.name, field.shown_type, field.docs) for field in message.fields)
    return MessageType(message.python, fields, message.docs)
