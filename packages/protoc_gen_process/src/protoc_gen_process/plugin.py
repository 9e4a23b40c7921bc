"""One request in, one response out.

protobuf-py's framework reads the request, negotiates features and parses options, but its file writer suits emitters
that print line by line: it prepends an import, cannot write an empty file, lets a path be written twice, and answers
any exception with a traceback. So it runs with in-memory streams here, and what we generate, or refuse, is put into the
response that it made.
"""

import io
import traceback
from dataclasses import dataclass, field
from importlib.metadata import version

from protobuf import maximum_supported_edition, minimum_supported_edition
from protobuf.plugin import Schema, run
from protobuf.wkt.google.protobuf.compiler.plugin_pb import CodeGeneratorRequest, CodeGeneratorResponse

from protoc_gen_process.diagnostics import summary
from protoc_gen_process.formatting import FormatterMissingError
from protoc_gen_process.messages import typed_markers
from protoc_gen_process.options import PluginOptions
from protoc_gen_process.output_tree import OutputTree
from protoc_gen_process.parse import NotTextError, parse
from protoc_gen_process.render import render
from protoc_gen_process.validate import validate

NAME = "protoc-gen-process"

_FRAMEWORK_OPTIONS = frozenset({"no_fmt_off", "escape_module_with_hash", "map_imports"})
"""Options that the framework takes on its own account, for a writer that is not used here."""


class RefusedError(Exception):
    """Input or installation is wrong; the text is what the developer sees."""


@dataclass
class _Outcome:
    """What came of a call of the framework."""

    was_called: bool = False
    """Whether the framework accepted the request and called us."""
    tree: OutputTree = field(default_factory=OutputTree)
    error: str | None = None


def plugin_version() -> str:
    """Returns the version of the installed plugin."""
    return version(NAME)


def respond(request: bytes) -> bytes:
    """Answers a serialized `CodeGeneratorRequest` with a serialized `CodeGeneratorResponse`.

    Whatever is wrong, the answer is a response with an error text: protoc and buf show it.
    """
    outcome = _Outcome()

    def generate(schema: Schema[PluginOptions]) -> None:
        outcome.was_called = True
        try:
            _generate(schema, outcome.tree)
        except RefusedError as refusal:
            outcome.error = str(refusal)
        except Exception as error:  # noqa: BLE001 -- the one place that turns a bug of ours into a message
            outcome.error = _internal_error(error)

    stdout = io.BytesIO()
    try:
        _refuse_framework_options(CodeGeneratorRequest.from_binary(request).parameter)
        run(NAME, plugin_version(), PluginOptions, generate, args=[NAME], stdin=io.BytesIO(request), stdout=stdout)
    except RefusedError as refusal:
        return _refusal(str(refusal))
    except ValueError as error:
        return _refusal(f"the input is no CodeGeneratorRequest: {error}")
    response = CodeGeneratorResponse.from_binary(stdout.getvalue())
    if not outcome.was_called:
        return _refusal(_framework_error(response.error))
    if outcome.error is not None:
        return _refusal(outcome.error)
    response.file = [CodeGeneratorResponse.File(name=path, content=content) for path, content in outcome.tree]
    return response.to_binary()


def _refusal(error: str) -> bytes:
    """Returns a response that says what is wrong.

    It names the features of every response: a compiler that misses them would complain of that and hide the error.
    """
    features = CodeGeneratorResponse.Feature.PROTO3_OPTIONAL | CodeGeneratorResponse.Feature.SUPPORTS_EDITIONS
    return CodeGeneratorResponse(
        error=error,
        supported_features=int(features),
        minimum_edition=minimum_supported_edition,
        maximum_edition=maximum_supported_edition,
    ).to_binary()


def _generate(schema: Schema[PluginOptions], tree: OutputTree) -> None:
    options = schema.options
    match options.part:
        case "messages":
            if options.source_root:
                msg = "option source_root has no effect with part=messages; remove it"
                raise RefusedError(msg)
            for path, content in typed_markers(desc.name for desc in schema.files_to_generate):
                tree.add(path, content)
        case "processes":
            try:
                declarations = parse(schema.all_files, schema.files_to_generate)
            except NotTextError as error:
                msg = f"1 problem; nothing was generated\n{error.place.shown(options.source_root)}: {error}"
                raise RefusedError(msg) from error
            processes, diagnostics = validate(declarations, options.source_root)
            if diagnostics:
                raise RefusedError(summary(diagnostics, options.source_root))
            try:
                render(processes, tree)
            except FormatterMissingError as error:
                raise RefusedError(str(error)) from error


def _refuse_framework_options(parameter: str) -> None:
    given = {pair.partition("=")[0].strip() for pair in parameter.split(",")}
    for option in sorted(given & _FRAMEWORK_OPTIONS):
        msg = f"option {option} has no effect here; remove it"
        raise RefusedError(msg)


def _framework_error(error: str) -> str:
    """Returns the cause of a refusal by the framework, which answers with a traceback.

    What the developer can cause, such as an unknown option, it raises as a ValueError with one line.
    """
    lines = error.strip().splitlines()
    cause = lines[-1] if lines else ""
    if cause.startswith("ValueError: "):
        return cause.removeprefix("ValueError: ")
    return f"{_report_line(cause)}\n{error.strip()}"


def _internal_error(error: Exception) -> str:
    trace = "".join(traceback.format_exception(error)).strip()
    return f"{_report_line(f'{type(error).__name__}: {error}')}\n{trace}"


def _report_line(cause: str) -> str:
    first_line = cause.splitlines()[0] if cause else "no cause given"
    return f"internal error of {NAME} {plugin_version()}, please report it with the proto files: {first_line}"
