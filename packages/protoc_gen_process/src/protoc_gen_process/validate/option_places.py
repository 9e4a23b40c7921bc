"""Options that nothing would read: in lost files, in files without a process, or unknown to this version."""

from collections.abc import Iterator

from protoc_gen_process.diagnostics import Place, Report
from protoc_gen_process.parse.declarations import Declarations, DeclaredFile
from protoc_gen_process.rules import Rule
from protoc_gen_process.validate.scope import Scope

OPTIONS_FILE = "ameide_core_proto/process/v1/process_options.proto"


def check_option_places(declarations: Declarations, report: Report) -> None:
    """Checks the options of all files that are to be generated."""
    for file in declarations.files.values():
        for option in file.unknown_options:
            report.add(
                Rule.OPTION_UNKNOWN,
                option.place,
                f"option {option.value} holds something that this version of protoc-gen-process does not know",
                "update protoc-gen-process, or remove it",
            )
        if file.process is None:
            for option, place in _process_only_options(file):
                report.add(
                    Rule.OPTION_OUTSIDE_PROCESS,
                    place,
                    f"option {option} is in a file that declares no process, where nothing reads it",
                    "move it to the file with option (ameide_core_proto.process.v1.process)",
                )


def check_lost_options(scope: Scope) -> bool:
    """Checks that no import of the process's file has lost its options; returns whether all are there."""
    complete = True
    for path in _all_imports(scope.declarations, scope.file):
        file = scope.declarations.files[path]
        if not file.is_requested and OPTIONS_FILE in file.imports:
            complete = False
            scope.refuse(
                Rule.OPTIONS_LOST,
                Place(scope.file.path),
                f"the file imports {path}, which is not part of this generation, so its process options are lost",
                "generate both in one call: buf generate without --path, the module of the import among its inputs",
            )
    return complete


def _process_only_options(file: DeclaredFile) -> Iterator[tuple[str, Place]]:
    for message in file.messages:
        if message.start is not None:
            yield "start", message.start.place
        if message.state is not None:
            yield "state", message.state
        if message.result is not None:
            yield "result", message.result
    for service in file.services:
        for rpc in service.rpcs:
            if rpc.activity is not None:
                yield "activity", rpc.activity.place


def _all_imports(declarations: Declarations, file: DeclaredFile) -> Iterator[str]:
    """Yields the files that a file imports, directly or not, each once."""
    seen: set[str] = set()
    waiting = list(file.imports)
    while waiting:
        path = waiting.pop()
        if path not in seen and path in declarations.files:
            seen.add(path)
            waiting.extend(declarations.files[path].imports)
            yield path
