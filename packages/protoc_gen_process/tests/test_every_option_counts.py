"""No option is accepted and ignored.

Every extension and every field of every option message has a row: an edit of `options_base.proto.txt` that sets it, and
that changes what is generated (beyond the digest) or is refused. The fields are found by reflection, so that a new one
fails here until it has a row.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from protobuf import DescFieldValueList, DescFieldValueMessage, DescMessage
from protoc_gen_process.model import IdMode, ReusePolicy, VersioningBehavior, WorkflowKind
from protoc_gen_process.parse.declarations import Delivery
from protoc_gen_process.parse.options import OUR_EXTENSIONS
from protoc_gen_process.testing import ProtoImage
from protoc_gen_process.validate import option_places

BASE = (Path(__file__).parent / "options_base.proto.txt").read_text(encoding="utf-8")

PROCESS = "  api_minor: 0\n"
INGRESS = '    kind: "kafka"\n'
MARKERS = "{idempotency_key: true}"
EVENT = '    stream_ref: "closed"\n'
ACTIVITY = "{start_to_close: {seconds: 20}}"


@dataclass(frozen=True)
class Row:
    """An edit of the base."""

    old: str
    new: str
    refused: bool = False


def _added(anchor: str, text: str, *, refused: bool = False) -> Row:
    return Row(anchor, f"{anchor}{text}\n", refused)


def _retry(text: str) -> Row:
    return Row(ACTIVITY, f"{{retry_policy: {{{text}}}}}")


ROWS = {
    "process": Row("option (ameide_core_proto.process.v1.process) = {", "/*", refused=True),
    "process.name": Row('name: "row"', 'name: "other"'),
    "process.workflow_type": Row('"Row"', '"Other"'),
    "process.default_task_queue": Row('default_task_queue: "row"', 'default_task_queue: "other"'),
    "process.workflow_id": _added(PROCESS, '  workflow_id: {prefix: "p"}'),
    "process.workflow_id.mode": _added(PROCESS, "  workflow_id: {mode: MODE_IDEMPOTENCY_KEY}", refused=True),
    "process.workflow_id.template": _added(PROCESS, '  workflow_id: {template: "a/{name}/{meta.key.id}"}'),
    "process.workflow_id.prefix": _added(PROCESS, '  workflow_id: {prefix: "p"}'),
    "process.kind": _added(PROCESS, "  kind: TRANSACTION"),
    "process.reuse_policy": _added(PROCESS, "  reuse_policy: ALLOW_DUPLICATE"),
    "process.singleton_per_key": _added(
        PROCESS, "  singleton_per_key: true\n  reuse_policy: ALLOW_DUPLICATE", refused=True
    ),
    "process.dedupe_window": _added(PROCESS, "  dedupe_window: 512"),
    "process.versioning_behavior": _added(PROCESS, "  versioning_behavior: PINNED"),
    "process.api_major": Row("api_major: 1", "api_major: 2"),
    "process.api_minor": Row("api_minor: 0", "api_minor: 1"),
    "process.ingress": _added(PROCESS, '  ingress: {name: "more", kind: "nats"}'),
    "process.ingress.name": Row('name: "facts"', 'name: "other"'),
    "process.ingress.kind": Row('"kafka"', '"http"'),
    "process.ingress.binding_ref": _added(INGRESS, '    binding_ref: "other"'),
    "fact": Row("  option (ameide_core_proto.process.v1.fact) = {};\n", "", refused=True),
    "command": Row("option (ameide_core_proto.process.v1.fact)", "option (ameide_core_proto.process.v1.command)"),
    "command.delivery": Row(
        "option (ameide_core_proto.process.v1.fact) = {}",
        "option (ameide_core_proto.process.v1.command) = {delivery: UPDATE}",
        refused=True,
    ),
    "state": Row("message Remembered {", "message Remembered {\n  option (ameide_core_proto.process.v1.state) = {};"),
    "start": Row("  option (ameide_core_proto.process.v1.start) = {version: 1};\n", "", refused=True),
    "start.version": Row("{version: 1}", "{version: 3}"),
    "result": Row("message Remembered {", "message Remembered {\n  option (ameide_core_proto.process.v1.result) = {};"),
    "markers": Row(" [(ameide_core_proto.process.v1.markers) = {schema_version: true}]", "", refused=True),
    "markers.workflow_key": Row(
        "string shop = 2", "string shop = 2 [(ameide_core_proto.process.v1.markers) = {workflow_key: true}]"
    ),
    "markers.idempotency_key": Row(MARKERS, "{workflow_key: true}", refused=True),
    "markers.schema_version": Row("{schema_version: true}", "{schema_version: false}", refused=True),
    "activity": Row(ACTIVITY, "{start_to_close: {seconds: 21}}"),
    "activity.start_to_close": Row(ACTIVITY, "{start_to_close: {seconds: 21}}"),
    "activity.schedule_to_close": Row(ACTIVITY, "{schedule_to_close: {seconds: 21}}"),
    "activity.heartbeat": Row(ACTIVITY, "{heartbeat: {seconds: 3}}"),
    "activity.retry_policy": _retry("maximum_attempts: 3"),
    "activity.retry_policy.initial_interval": _retry("initial_interval: {seconds: 3}"),
    "activity.retry_policy.backoff_coefficient": _retry("backoff_coefficient: 3"),
    "activity.retry_policy.maximum_interval": _retry("maximum_interval: {seconds: 3}"),
    "activity.retry_policy.maximum_attempts": _retry("maximum_attempts: 3"),
    "activity.retry_policy.non_retryable_error_types": _retry('non_retryable_error_types: "Declined"'),
    "activity.task_queue": Row(ACTIVITY, '{task_queue: "other"}'),
    "event_fact": Row(
        '  option (ameide_core_proto.common.v1.event_fact) = {type: "rows.Placed.v1"};\n', "", refused=True
    ),
    "event_fact.type": Row("rows.Placed.v1", "rows.Other.v1"),
    "event_fact.schema_subject": _added(EVENT, '    schema_subject: "https://example.com/closed"'),
    "event_fact.stream_ref": Row('"closed"', '"other"'),
    "event_fact.partition_key_fields": _added(EVENT, '    partition_key_fields: "id"'),
    "event_fact.idempotency_key_fields": _added(EVENT, '    idempotency_key_fields: "id"'),
}


ENUMS = {
    "WorkflowKind": WorkflowKind,
    "ReusePolicy": ReusePolicy,
    "VersioningBehavior": VersioningBehavior,
    "Mode": IdMode,
    "Delivery": Delivery,
}
"""What the values of each enum of the option language become; zero is the same as unset."""


def _fields(path: str, message: DescMessage) -> Iterator[str]:
    yield path
    for field in message.fields:
        nested = _message_of(field.value)
        if nested is not None and nested.file.name.startswith("ameide_core_proto/"):
            yield from _fields(f"{path}.{field.name}", nested)
        else:
            yield f"{path}.{field.name}"


def _message_of(value: object) -> DescMessage | None:
    if isinstance(value, DescFieldValueMessage):
        return value.message
    if isinstance(value, DescFieldValueList) and isinstance(value.element, DescMessage):
        return value.element
    return None


def _source(name: str) -> str:
    row = ROWS[name]
    assert row.old in BASE, name
    edited = BASE.replace(row.old, row.new, 1)
    return edited.replace("};\n", "*/\n", 1) if name == "process" else edited


@pytest.fixture(scope="module")
def image(option_protos: Path, tmp_path_factory: pytest.TempPathFactory) -> ProtoImage:
    """The base, and each row."""
    root = tmp_path_factory.mktemp("rows")
    sources = {"base": BASE} | {name: _source(name) for name in ROWS}
    for name, source in sources.items():
        package = _package(name)
        (root / f"{package}.proto").write_text(source.replace("PACKAGE", package), encoding="utf-8")
    return ProtoImage.build(option_protos, root)


def _package(name: str) -> str:
    return f"p_{name.replace('.', '_')}"


def _generated(image: ProtoImage, name: str) -> tuple[str, dict[str, str]]:
    """Returns the error, and the files with all that differs by package and digest taken out."""
    answer = image.generate([f"{_package(name)}.proto"], "part=processes")

    def neutral(text: str) -> str:
        return re.sub(r'digest="\w+"', "", text.replace(_package(name), "PACKAGE"))

    return answer.error, {path: neutral(content) for path, content in answer.files.items()}


def test_every_extension_and_field_has_a_row() -> None:
    found: set[str] = set()
    for extension in OUR_EXTENSIONS:
        message = _message_of(extension.desc().value)
        assert message is not None
        found |= set(_fields(extension.desc().name, message))
    assert found == set(ROWS)


def test_every_extension_of_the_option_protos_is_read(image: ProtoImage) -> None:
    defined = {
        f"{file.package}.{extension.name}"
        for file in image.files
        if file.name in {option_places.OPTIONS_FILE, "ameide_core_proto/common/v1/eventing.proto"}
        for extension in file.extension
    }
    assert defined == {extension.desc().type_name for extension in OUR_EXTENSIONS}


def test_every_enum_value_is_known(image: ProtoImage) -> None:
    options = next(file for file in image.files if file.name == option_places.OPTIONS_FILE)
    enums = [*options.enum_type, *(enum for message in options.message_type for enum in message.enum_type)]
    assert {enum.name for enum in enums} == set(ENUMS)
    for enum in enums:
        names = {value.name.removeprefix("MODE_") for value in enum.value if value.number != 0}
        assert names == {member.name for member in ENUMS[enum.name]}


@pytest.fixture(scope="module")
def base(image: ProtoImage) -> dict[str, str]:
    """What the base generates."""
    error, files = _generated(image, "base")
    assert not error
    return files


@pytest.mark.parametrize("name", ROWS)
def test_setting_it_changes_the_output_or_is_refused(name: str, image: ProtoImage, base: dict[str, str]) -> None:
    error, files = _generated(image, name)
    assert bool(error) is ROWS[name].refused, error
    assert files != base
