"""Requests in, responses out: whatever is wrong, the developer reads a line and no traceback."""

import pytest
from protobuf import maximum_supported_edition
from protobuf.wkt.google.protobuf.compiler.plugin_pb import CodeGeneratorRequest, CodeGeneratorResponse
from protoc_gen_process import plugin
from protoc_gen_process.output_tree import OutputPathError
from protoc_gen_process.plugin import respond
from protoc_gen_process.testing import ProtoImage, answer_to


def _empty(parameter: str) -> bytes:
    return CodeGeneratorRequest(parameter=parameter).to_binary()


@pytest.mark.parametrize(
    ("parameter", "error"),
    [
        ("", "missing required option 'part'"),
        ("part=all", "option 'part': 'all' is not a valid value; allowed: 'messages', 'processes'"),
        ("part=processes,colour=red", "unknown option(s): colour=red"),
        ("part=processes,part=messages", "option 'part' specified 2 times but expects a single value"),
        ("part=messages,source_root=src", "option source_root has no effect with part=messages; remove it"),
        ("part=processes,map_imports=a:b", "option map_imports has no effect here; remove it"),
        ("no_fmt_off,part=processes", "option no_fmt_off has no effect here; remove it"),
    ],
)
def test_wrong_options_are_said_in_one_line(parameter: str, error: str) -> None:
    assert answer_to(_empty(parameter)).error == error


def test_bytes_that_are_no_request_are_said_in_one_line() -> None:
    error = answer_to(b"\x0a\xff\xff\xff").error
    assert error.startswith("the input is no CodeGeneratorRequest")
    assert "\n" not in error


def test_a_request_without_a_process_generates_nothing() -> None:
    answer = answer_to(_empty("part=processes,source_root=src"))
    assert not answer.files


def test_a_refusal_names_the_features_too() -> None:
    # A compiler that misses them would complain of that, and hide why the plugin refused.
    for parameter in ("part=processes", "part=all"):
        response = CodeGeneratorResponse.from_binary(respond(_empty(parameter)))
        features = CodeGeneratorResponse.Feature.PROTO3_OPTIONAL | CodeGeneratorResponse.Feature.SUPPORTS_EDITIONS
        assert response.supported_features == features
        assert response.maximum_edition == maximum_supported_edition


def test_an_edition_of_the_future_is_said_in_one_line(diagnostics_image: ProtoImage) -> None:
    made = diagnostics_image.request(["name-missing.proto"], "part=processes")
    request = CodeGeneratorRequest.from_binary(made.to_binary())
    request.source_file_descriptors[0].syntax = "editions"
    request.source_file_descriptors[0].edition = type(request.source_file_descriptors[0].edition)(99_999)
    error = answer_to(request.to_binary()).error
    assert error == "name-missing.proto: unsupported edition: EDITION_99999_TEST_ONLY"


def test_a_bug_of_ours_asks_to_be_reported_and_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        msg = "output path '../x' is not a normalized path"
        raise OutputPathError(msg)

    monkeypatch.setattr(plugin, "render", broken)
    first, *trace = answer_to(_empty("part=processes")).error.splitlines()
    assert first == (
        f"internal error of protoc-gen-process {plugin.plugin_version()}, please report it with the proto files: "
        "OutputPathError: output path '../x' is not a normalized path"
    )
    assert trace[0].startswith("Traceback")


def test_messages_get_a_typed_marker_for_each_top_level_package(diagnostics_image: ProtoImage) -> None:
    requested = [
        "ameide_core_proto/process/v1/process_options.proto",
        "options-lost/process.proto",
        "options-lost/not_requested.proto",
        "name-missing.proto",
    ]
    answer = diagnostics_image.generate(requested, "part=messages")
    assert answer.files == {"ameide_core_proto/py.typed": "", "options_lost/py.typed": ""}
