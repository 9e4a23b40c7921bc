"""Other ways to break a rule than the one that its case in `diagnostics` shows, and what just keeps it.

Each row edits `options_base.proto.txt`; the text is what the developer reads of it.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest
from protoc_gen_process.testing import ProtoImage

BASE = (Path(__file__).parent / "options_base.proto.txt").read_text(encoding="utf-8")

OPTION = "  api_minor: 0\n"
MARK = "[(ameide_core_proto.process.v1.markers) = {workflow_key: true}]"
KEY = f"  string id = 1 {MARK};\n"
START = "(ameide_core_proto.process.v1.start)"
ACTIVITY = "{start_to_close: {seconds: 20}}"
EVENT = '    stream_ref: "closed"\n'
INGRESS = '  ingress: {\n    name: "facts"\n    kind: "kafka"\n  }'
KEEPS = ""


@dataclass(frozen=True)
class Row:
    """Edits of the base, and a part of what is said; nothing where they keep all rules."""

    said: str
    edits: tuple[tuple[str, str], ...]


def _row(said: str, *edits: tuple[str, str]) -> Row:
    return Row(said, edits)


def _option(said: str, text: str) -> Row:
    return _row(said, (OPTION, f"{OPTION}  {text}\n"))


def _template(said: str, template: str, *edits: tuple[str, str]) -> Row:
    return _row(said, (OPTION, f'{OPTION}  workflow_id: {{template: "{template}"}}\n'), *edits)


def _key_type(said: str, field: str) -> Row:
    return _row(said, (KEY, f"  {field} {MARK};\n"))


def _activity(said: str, text: str) -> Row:
    return _row(said, (ACTIVITY, f"{{{text}}}"))


ROWS = {
    "name-with-double-hyphen": _row("name 'a--b' is not kebab-case", ('name: "row"', 'name: "a--b"')),
    "name-too-long": _row("is not kebab-case of at most 63", ('name: "row"', f'name: "{"a" * 64}"')),
    "name-keyword": _row("which is a Python keyword", ('name: "row"', 'name: "class"')),
    "name-of-the-runtime": _row("that processes or this workspace use", ('name: "row"', 'name: "ameide-process"')),
    "name-with-digits": _row(KEEPS, ('name: "row"', 'name: "row-2-b"')),
    "queue-of-temporal": _row("begins like Temporal's own names", ('queue: "row"', 'queue: "__temporal_x"')),
    "type-too-long": _row("write 1 to 255", ('"Row"', f'"{"R" * 256}"')),
    "meta-scalar": _row("meta is of type string", ("  Meta meta = 1;", "  string meta = 1;\n  Meta other = 9;")),
    "meta-in-oneof": _row("meta is in oneof", ("  Meta meta = 1;", "  oneof which {\n    Meta meta = 1;\n  }")),
    "key-bool": _key_type("is of type bool", "bool id = 1"),
    "key-float": _key_type("is of type float", "float id = 1"),
    "key-bytes": _key_type("is of type bytes", "bytes id = 1"),
    "key-repeated": _key_type("is repeated", "repeated string id = 1"),
    "key-map": _row("is a map", (KEY, f"  map<string, string> id = 1 {MARK};\n")),
    "key-message": _key_type("is of type Placed", "Placed id = 1"),
    "key-in-oneof": _row("in oneof which", (KEY, f"  oneof which {{\n    string id = 1 {MARK};\n  }}\n")),
    "key-enum-without-values": _row(
        "is of enum Only, of which every value is zero",
        (KEY, f"  enum Only {{\n    ONLY = 0;\n  }}\n  Only id = 1 {MARK};\n"),
    ),
    "key-optional-enum-without-values": _row(
        KEEPS, (KEY, f"  enum Only {{\n    ONLY = 0;\n  }}\n  optional Only id = 1 {MARK};\n")
    ),
    "option-that-is-no-text": _row(
        "a string in option ameide_core_proto.process.v1.process is no UTF-8", ('queue: "row"', 'queue: "\\xff"')
    ),
    "key-optional": _key_type(KEEPS, "optional string id = 1"),
    "key-fixed": _key_type(KEEPS, "sfixed32 id = 1"),
    "key-behind-repeated": _row("not inside of the envelope's meta", ("  Key key = 3;", "  repeated Key key = 3;")),
    "key-of-a-recursive-message": _row("is reached as", (KEY, f"{KEY}  Key parent = 7;\n")),
    "version-signed": _row("is of type int32", ("uint32 second", "int32 second")),
    "version-and-key": _row(
        "is marked as workflow_key and schema_version",
        ("{schema_version: true}", "{\n    schema_version: true\n    workflow_key: true\n  }"),
    ),
    "no-marker-is-true": _row("has no effect", ("string shop = 2", f"string shop = 2 {MARK.replace('true', 'false')}")),
    "empty-markers": _row(
        "has no effect", ("string shop = 2", f"string shop = 2 {MARK.replace('workflow_key: true', '')}")
    ),
    "singleton-beside-failed-only": _option(
        "contradicts reuse_policy ALLOW_DUPLICATE_FAILED_ONLY",
        "singleton_per_key: true\n  reuse_policy: ALLOW_DUPLICATE_FAILED_ONLY",
    ),
    "no-singleton-by-default": _option("contradicts the default policy REJECT_DUPLICATE", "singleton_per_key: false"),
    "singleton-said-twice": _option(KEEPS, "singleton_per_key: true\n  reuse_policy: REJECT_DUPLICATE"),
    "unspecified-is-unset": _option(
        KEEPS,
        "singleton_per_key: true\n  reuse_policy: REUSE_POLICY_UNSPECIFIED\n  kind: WORKFLOW_KIND_UNSPECIFIED\n"
        "  versioning_behavior: VERSIONING_BEHAVIOR_UNSPECIFIED\n  workflow_id: {mode: MODE_UNSPECIFIED}",
    ),
    "window-at-its-ends": _option(KEEPS, "dedupe_window: 16384"),
    "window-too-large": _option("dedupe_window 16385", "dedupe_window: 16385"),
    "transaction-by-business-key": _option(
        "MODE_BUSINESS_KEY contradicts kind TRANSACTION",
        "kind: TRANSACTION\n  workflow_id: {mode: MODE_BUSINESS_KEY}",
    ),
    "mode-said-as-the-kind-says": _option(KEEPS, "workflow_id: {mode: MODE_BUSINESS_KEY}"),
    "prefix-with-its-template": _option(
        KEEPS, 'workflow_id: {\n    prefix: "p"\n    template: "p/{name}/{meta.key.id}"\n  }'
    ),
    "prefix-that-only-begins-alike": _option(
        "prefix 'p' is not part", 'workflow_id: {\n    prefix: "p"\n    template: "pp/{name}/{meta.key.id}"\n  }'
    ),
    "empty-prefix": _option("prefix '' is not one segment", 'workflow_id: {prefix: ""}'),
    "template-closing-brace": _template("a } without its partner at character 7", "{name}}/{meta.key.id}"),
    "template-nested-brace": _template("a { without its partner", "{name}/{meta.{key.id}}"),
    "template-empty-placeholder": _template("has no field ''", "{name}/{}/{meta.key.id}"),
    "template-misspelt": _template("did you mean shop?", "{name}/{meta.key.id}/{meta.key.shpo}"),
    "template-through-a-scalar": _template("which has no fields", "{name}/{meta.key.id.x}/{meta.key.id}"),
    "template-message": _template("key is of type Key", "{name}/{meta.key}/{meta.key.id}"),
    "template-payload": _template("is in oneof payload", "{name}/{placed.id}/{meta.key.id}"),
    "template-repeated": _template(
        "tags is repeated",
        "{name}/{meta.tags}/{meta.key.id}",
        ("  Key key = 3;", "  Key key = 3;\n  repeated string tags = 4;"),
    ),
    "template-map": _template(
        "tags is a map",
        "{name}/{meta.tags}/{meta.key.id}",
        ("  Key key = 3;", "  Key key = 3;\n  map<string, string> tags = 4;"),
    ),
    "template-bool": _template(
        "flag is of type bool",
        "{name}/{meta.flag}/{meta.key.id}",
        ("  Key key = 3;", "  Key key = 3;\n  bool flag = 4;"),
    ),
    "template-double": _template(
        "ratio is of type double",
        "{name}/{meta.ratio}/{meta.key.id}",
        ("  Key key = 3;", "  Key key = 3;\n  double ratio = 4;"),
    ),
    "template-schema-version": _template(
        "can differ between messages of one key", "{name}/{meta.second}/{meta.key.id}"
    ),
    "template-beyond-the-key": _template("or mark the field as a workflow_key", "{name}/{meta.key.shop}/{meta.key.id}"),
    "template-of-a-transaction-beyond-its-request": _template(
        "can differ between messages of one request",
        "{name}/{meta.key.shop}/{meta.first}",
        ("  api_major: 1\n", "  api_major: 1\n  kind: TRANSACTION\n"),
    ),
    "template-of-a-transaction-with-its-key": _template(
        KEEPS, "{name}/{meta.key.id}/{meta.first}", ("  api_major: 1\n", "  api_major: 1\n  kind: TRANSACTION\n")
    ),
    "template-not-ascii": _template("the literal text '/ü/'", "{name}/ü/{meta.key.id}"),
    "template-adjacent-values": _template(
        "nothing between {meta.key.id} and {meta.key.shop}", "{name}/{meta.key.id}{meta.key.shop}"
    ),
    "template-percent-is-no-separator": _template("nothing between", "{name}/{meta.key.id}%{meta.key.shop}"),
    "template-any-separator-counts": _template(
        KEEPS, "{name}/{meta.key.id}-:-{meta.key.shop}", ("string shop = 2", f"string shop = 2 {MARK}")
    ),
    "template-name-between-values-is-no-separator": _template(
        "nothing between", "x/{meta.key.id}{name}{meta.key.shop}"
    ),
    "start-key-of-another-type": _row(
        "BeginV1.id is uint32, and the workflow key of that name is string",
        (KEY, "  string id = 1;\n"),
        ("  Key key = 3;", f"  string id = 3 {MARK};"),
        ("  Key key = 2;", "  uint32 id = 2;"),
    ),
    "start-key-in-oneof": _row(
        "does not carry the workflow key", ("  Key key = 2;", "  oneof which {\n    Key key = 2;\n  }")
    ),
    "start-version-repeated": _row(
        "is not a singular integer", ("  uint32 start_version", "  repeated uint32 start_version")
    ),
    "start-of-the-payload": _row(
        "Placed is payload case placed and a start message",
        (
            "message Placed {",
            f"message Placed {{\n  option {START} = {{version: 2}};\n  uint32 start_version = 8;\n  Key key = 9;",
        ),
    ),
    "two-marked-states": _row(
        "Remembered and CallRequest could both be the state",
        ("message Remembered {", "message Remembered {\n  option (ameide_core_proto.process.v1.state) = {};"),
        ("message CallRequest {", "message CallRequest {\n  option (ameide_core_proto.process.v1.state) = {};"),
    ),
    "a-state-by-name-beside-a-marked-one": _row(
        KEEPS,
        ("message Remembered {", "message Remembered {\n  option (ameide_core_proto.process.v1.state) = {};"),
        ("message CallRequest {}", "message CallRequest {}\n\nmessage OldStateV1 {}"),
    ),
    "names-of-requests-say-nothing": _row(
        KEEPS,
        ("rpc Call(CallRequest) returns (CallResponse)", "rpc Call(CallStateV1) returns (CallResultV1)"),
        ("message CallRequest {}", "message CallStateV1 {}\n\nmessage CallResultV1 {}"),
    ),
    "case-named-like-a-method": _row(
        "Envelope.DESCRIPTOR has the name of something that every message class",
        ("Placed placed = 2", "Placed DESCRIPTOR = 2"),
    ),
    "key-named-like-a-method": _row(
        "Key.HasField has the name of something that every message class",
        ("  string shop = 2;", "  string HasField = 2;"),
    ),
    "field-named-like-a-magic-method": _row(
        "field Key.__init__ has the name of something", ("  string shop = 2;", "  string __init__ = 2;")
    ),
    "nested-message-named-like-a-method": _row(
        "message Clear has the name of something that every message class",
        ("message CallRequest {}", "message CallRequest {\n  message Clear {}\n}"),
    ),
    "message-named-like-that-of-the-module": _row(
        "message DESCRIPTOR has the name of something that every module",
        ("message CallRequest {}", "message CallRequest {}\n\nmessage DESCRIPTOR {}"),
    ),
    "message-named-like-a-method": _row(
        KEEPS, ("message CallRequest {}", "message CallRequest {}\n\nmessage Clear {}")
    ),
    "subscription-kind-empty": _row("kind '' of subscription 'facts' is unknown", ('kind: "kafka"', 'kind: ""')),
    "subscriptions-in-a-list": _row(
        "subscriptions_in_a_list.proto:14:3: kind 'bad' of subscription 'y' is unknown",
        (INGRESS, '  ingress: [\n    {name: "x" kind: "kafka"},\n    {name: "y" kind: "bad"}\n  ]'),
    ),
    "subscriptions-in-lists": _row(
        "subscriptions_in_lists.proto:8:8: kind 'bad' of subscription 'y' is unknown",
        (INGRESS, f'  ingress: [{{name: "x" kind: "kafka"}}, {{name: "y" kind: "bad"}}]\n{INGRESS}'),
    ),
    "second-subscription-without-a-name": _row(
        "subscription 2 has no name", (INGRESS, f'{INGRESS}\n  ingress: {{kind: "kafka"}}')
    ),
    "no-name-hides-no-binding": _row(
        "binding_ref '' of subscription 1 cannot be a key", ('name: "facts"', 'binding_ref: ""')
    ),
    "event-paths-in-a-list": _row(
        "event_paths_in_a_list.proto:49:5: partition_key_fields of Closed has 'nope' as entry 2",
        (EVENT, f'{EVENT}    partition_key_fields: ["id", "nope"]\n'),
    ),
    "error-types-in-a-list": _activity(
        "has 'a' as entry 3, twice", 'retry_policy: {non_retryable_error_types: ["b", "a", "a"]}'
    ),
    "duration-without-a-field": _activity("start_to_close of Call is {seconds: 0, nanos: 0}", "start_to_close: {}"),
    "payload-of-the-library": _row(
        "wrap google.protobuf.Timestamp in a message of your own",
        ("Placed placed = 2;", "Placed placed = 2;\n    google.protobuf.Timestamp at = 3;"),
        ('process_options.proto";\n', 'process_options.proto";\nimport "google/protobuf/timestamp.proto";\n'),
    ),
    "start-version-zero-by-name": _row(
        "message BeginStartV0 is named like a start message, but with no version from 1 on",
        ("BeginV1 {\n  option (ameide_core_proto.process.v1.start) = {version: 1};", "BeginStartV0 {"),
    ),
    "api-major-at-its-end": _row(KEEPS, ("api_major: 1", "api_major: 1000000")),
    "stream-of-a-subscription": _row("is an output of the runtime", ('"closed"', '"dead-letter.facts"')),
    "stream-progress": _row("is an output of the runtime", ('"closed"', '"progress"')),
    "event-path-to-a-message": _row(
        "key is of type Key",
        (EVENT, f'{EVENT}    partition_key_fields: "key"\n'),
        ("  string id = 1;\n}\n\nmessage BeginV1", "  string id = 1;\n  Key key = 2;\n}\n\nmessage BeginV1"),
    ),
    "event-path-empty": _row("has ''", (EVENT, f'{EVENT}    idempotency_key_fields: ""\n')),
    "event-type-without-words": _row("event type 'v1'", ("rows.Placed.v1", "v1")),
    "event-version-zero": _row("event type 'rows.Placed.v0'", ("rows.Placed.v1", "rows.Placed.v0")),
    "emitted-without-type": _row("emitted event Closed has no event_fact.type", ('    type: "rows.Closed.v1"\n', "")),
    "emitted-command-by-update": _row(
        "Workflow Updates are not supported",
        (
            "message Closed {\n  option (ameide_core_proto.process.v1.fact) = {};",
            "message Closed {\n  option (ameide_core_proto.process.v1.command) = {delivery: UPDATE};",
        ),
    ),
    "duration-negative": _activity("{seconds: -1, nanos: 0}", "heartbeat: {seconds: -1}"),
    "duration-nanos-out-of-range": _activity("nanos: 1000000000", "heartbeat: {nanos: 1000000000}"),
    "duration-below-a-microsecond": _activity("no time units below a microsecond", "heartbeat: {nanos: 1500}"),
    "duration-too-long": _activity("{seconds: 315576000001, nanos: 0}", "schedule_to_close: {seconds: 315576000001}"),
    "attempt-longer-than-all": _activity(
        "is longer than its schedule_to_close", "start_to_close: {seconds: 9} schedule_to_close: {seconds: 8}"
    ),
    "heartbeat-longer-than-the-default": _activity("write at most 30 s", "heartbeat: {seconds: 31}"),
    "heartbeat-of-a-long-schedule": _activity(KEEPS, "heartbeat: {seconds: 31} schedule_to_close: {seconds: 60}"),
    "backoff-not-a-number": _activity("backoff_coefficient of Call is nan", "retry_policy: {backoff_coefficient: nan}"),
    "backoff-infinite": _activity("backoff_coefficient of Call is inf", "retry_policy: {backoff_coefficient: inf}"),
    "backoff-of-one": _activity(KEEPS, "retry_policy: {backoff_coefficient: 1}"),
    "attempts-too-many": _activity(
        "maximum_attempts of Call is 4294967295", "retry_policy: {maximum_attempts: 4294967295}"
    ),
    "error-type-blank": _activity(
        "has ' ' as entry 1, which is no name", 'retry_policy: {non_retryable_error_types: " "}'
    ),
    "empty-retry-policy": _activity(KEEPS, "retry_policy: {}"),
    "service-without-rpcs": _row(KEEPS, (BASE[BASE.index("  rpc Call") : BASE.index("}\n\nmessage CallRequest")], "")),
}


def _package(name: str) -> str:
    return f"p_{name.replace('-', '_')}"


@pytest.fixture(scope="module")
def image(option_protos: Path, tmp_path_factory: pytest.TempPathFactory) -> ProtoImage:
    """All rows, compiled."""
    root = tmp_path_factory.mktemp("variants")
    for name, row in ROWS.items():
        source = BASE
        for old, new in row.edits:
            assert old in source, (name, old)
            source = source.replace(old, new, 1)
        package = _package(name)
        (root / f"{package}.proto").write_text(source.replace("PACKAGE", package), encoding="utf-8")
    return ProtoImage.build(option_protos, root)


@pytest.mark.parametrize("name", ROWS)
def test_a_variant_of_a_rule(name: str, image: ProtoImage) -> None:
    answer = image.generate([f"{_package(name)}.proto"], "part=processes")
    if ROWS[name].said:
        assert ROWS[name].said in answer.error
        assert not answer.files
    else:
        assert not answer.error
        assert answer.files
