"""Descriptors to declarations: what the proto files say, and where.

The one stage that knows protobuf-py, which is alpha.
"""

from collections.abc import Sequence

from protobuf import DescFile

from protoc_gen_process.parse.declarations import Declarations
from protoc_gen_process.parse.descriptors import FileParser, enum_type, enums_of
from protoc_gen_process.parse.options import NotTextError

__all__ = ["NotTextError", "parse"]


def parse(files: Sequence[DescFile], requested: Sequence[DescFile]) -> Declarations:
    """Reads all files of a request.

    Args:
        files: All files, each after its imports.
        requested: Those of them that are to be generated.

    Raises:
        NotTextError: A string in an option is no UTF-8.
    """
    requested_paths = {desc.name for desc in requested}
    defined = {extension.type_name for desc in files for extension in desc.extensions}
    parsed = {
        desc.name: FileParser(desc, is_requested=desc.name in requested_paths, defined_options=defined).parse()
        for desc in files
    }
    return Declarations(
        files=parsed,
        messages={message.full_name: message for file in parsed.values() for message in file.messages},
        enums={enum.type_name: enum_type(enum) for desc in files for enum in enums_of(desc)},
    )
