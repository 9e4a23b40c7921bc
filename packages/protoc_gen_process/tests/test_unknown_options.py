"""What compilers let through, and no source can show: options of a newer version, and of others."""

from protobuf import DescFieldValueScalar, DescUnknownField, ScalarType
from protobuf.wkt.google.protobuf.compiler.plugin_pb import CodeGeneratorRequest
from protobuf.wkt.google.protobuf.descriptor_pb import FileOptions
from protoc_gen_process._proto.ameide_core_proto.process.v1.process_options_pb import ext_process
from protoc_gen_process.testing import ProtoImage, answer_to

NEWER_FIELD = DescUnknownField(number=77, value=DescFieldValueScalar(ScalarType.BOOL, None, None))


def _request(image: ProtoImage, path: str) -> CodeGeneratorRequest:
    return CodeGeneratorRequest.from_binary(image.request([path], "part=processes").to_binary())


def _options(request: CodeGeneratorRequest, path: str) -> FileOptions:
    options = next(file for file in request.source_file_descriptors if file.name == path).options
    assert options is not None
    return options


def test_an_option_of_a_newer_version_is_refused_and_not_ignored(diagnostics_image: ProtoImage) -> None:
    path = "option-outside-process/process.proto"
    request = _request(diagnostics_image, path)
    options = _options(request, path)
    process = options[ext_process]
    process[NEWER_FIELD] = True
    options[ext_process] = process
    assert answer_to(request.to_binary()).error == (
        "1 problem; nothing was generated\n"
        f"{path}:8:8: option ameide_core_proto.process.v1.process holds something that this version of "
        "protoc-gen-process does not know; update protoc-gen-process, or remove it"
    )


def test_the_same_number_used_by_others_is_no_process(diagnostics_image: ProtoImage) -> None:
    # Numbers from 50000 on are for anyone's own use: without our file in the request they are not our options.
    path = "option-outside-process/process.proto"
    request = _request(diagnostics_image, path)
    for file in (*request.proto_file, *request.source_file_descriptors):
        file.extension = []
    answer = answer_to(request.to_binary())
    assert not answer.error
    assert not answer.files
