"""Every rule has a case: a declaration that breaks this rule alone, and what the developer reads then.

A case is `diagnostics/<rule>.proto`, or a directory of that name for several files (`not_requested*` is imported and
not generated), beside `diagnostics/<rule>.txt`. After a change: `uv run pytest packages/protoc_gen_process --bless`.
"""

from pathlib import Path

import pytest
from protobuf.wkt import FileDescriptorSet
from protoc_gen_process.parse import parse
from protoc_gen_process.rules import Rule
from protoc_gen_process.testing import ProtoImage, answer_to
from protoc_gen_process.validate import validate

BLESS = "if it was meant to change: uv run pytest packages/protoc_gen_process --bless"
CASES = Path(__file__).parent / "diagnostics"
BY_BINARY = {Rule.OPTION_UNKNOWN}
"""Rules that no compiler lets a source break; `test_unknown_options.py` breaks them in descriptors."""


def _requested(image: ProtoImage, rule: Rule) -> list[str]:
    own = [path for path in image.paths if path == f"{rule}.proto" or path.startswith(f"{rule}/")]
    options = [path for path in image.paths if path.startswith("ameide_core_proto/")]
    return options + [path for path in own if "not_requested" not in path]


def test_every_rule_has_a_case_and_every_case_a_rule() -> None:
    cases = {path.name.removesuffix(".proto") for path in CASES.iterdir() if path.suffix != ".txt"}
    assert cases == {str(rule) for rule in Rule} - BY_BINARY
    assert {path.stem for path in CASES.glob("*.txt")} == cases


@pytest.mark.parametrize("rule", [rule for rule in Rule if rule not in BY_BINARY], ids=str)
def test_the_developer_reads_what_is_wrong_and_what_to_write(
    rule: Rule, diagnostics_image: ProtoImage, bless: bool
) -> None:
    answer = diagnostics_image.generate(_requested(diagnostics_image, rule), "part=processes")
    expected = CASES / f"{rule}.txt"
    if bless:
        expected.write_text(answer.error + "\n", encoding="utf-8")
    assert answer.error + "\n" == expected.read_text(encoding="utf-8"), BLESS
    assert not answer.files


@pytest.mark.parametrize("rule", [rule for rule in Rule if rule not in BY_BINARY], ids=str)
def test_the_case_breaks_no_other_rule(rule: Rule, diagnostics_image: ProtoImage) -> None:
    request = diagnostics_image.request(_requested(diagnostics_image, rule), "part=processes")
    sources = {file.name: file for file in request.source_file_descriptors}
    registry = FileDescriptorSet(file=[sources.get(file.name, file) for file in request.proto_file]).to_registry()
    files = [desc for file in request.proto_file if (desc := registry.file(file.name)) is not None]
    _, diagnostics = validate(parse(files, [desc for desc in files if desc.name in sources]))
    assert {diagnostic.rule for diagnostic in diagnostics} == {rule}


def test_all_problems_of_a_request_are_said_at_once_in_the_order_of_the_sources(diagnostics_image: ProtoImage) -> None:
    rules = (Rule.API_MAJOR_ZERO, Rule.EVENT_TYPE_INVALID, Rule.START_MISSING)
    requested = {path for rule in rules for path in _requested(diagnostics_image, rule)}
    answer = answer_to(diagnostics_image.request(requested, "part=processes,source_root=protos/src/").to_binary())
    first, *lines = answer.error.splitlines()
    assert first == "3 problems; nothing was generated"
    assert [line.partition(":")[0] for line in lines] == [f"protos/src/{rule}.proto" for rule in rules]


def test_another_file_is_named_as_editors_can_follow_it(diagnostics_image: ProtoImage) -> None:
    requested = _requested(diagnostics_image, Rule.NAME_NOT_UNIQUE)
    answer = diagnostics_image.generate(requested, "part=processes,source_root=protos/src")
    assert "is declared in protos/src/name-not-unique/a.proto too" in answer.error
