"""Keys, passwords and certificates: read from where they are named, and never shown."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ameide_process.configuration import StartupError, load_ingress_configuration, load_worker_configuration
from startup_problems import problems_of
from two_subscriptions import CONTRACT, KAFKA, OUTPUTS, SASL


def test_no_secret_is_ever_shown(environ: Callable[..., dict[str, str]], tmp_path: Path):
    config = tmp_path / "temporal.toml"
    config.write_text('[profile.default]\napi_key = "s3cret')
    environments = [
        environ(TEMPORAL_API_KEY="s3cret", PORT_HTTP="x"),
        environ(TEMPORAL_TLS_CLIENT_CERT_DATA="s3cret", TEMPORAL_TLS_CLIENT_KEY_DATA="s3cret"),
        environ(TEMPORAL_TLS_SERVER_CA_CERT_DATA="s3cret"),
        environ({"orders-facts": {"kind": "kafka", "token": "s3cret", "bootstrapServers": "u:s3cret@h://s3cret@x"}}),
        environ("orders-facts: {kind: kafka, password: s3cret"),
        environ("orders-facts: {kind: kafka, password: *s3cret}"),
        environ("orders-facts: {kind: kafka, password: !s3cret}"),
        environ({"orders-facts": "s3cret"}),
        environ({"orders-facts": {**KAFKA, "kind": "s3cret"}}),
        environ({"orders-facts": {**KAFKA, "bootstrapServers": "b:s3cret"}}),
        environ({"orders-facts": {**KAFKA, "bootstrapServers": "u:s3cret@b:9092", "topic": "t"}}),
        environ({"orders-facts": {**KAFKA, "topic": "t", "tls": "s3cret", "sasl": "s3cret"}}),
        environ({"orders-facts": {**KAFKA, "topic": "t", "sasl": {**SASL, "mechanism": "s3cret"}}}),
        environ({"orders-facts": {**KAFKA, "topic": "t", "sasl": {**SASL, "passwordFile": "s3cret"}}}),
        environ({"orders-facts": {**KAFKA, "topic": "t", "sasl": {**SASL, "passwordFile": "s3cret" * 100}}}),
        environ({"orders-facts": {**KAFKA, "topic": "t", "tls": {"certFile": "/c", "keyFile": "-----BEGIN s3cret"}}}),
        environ(TEMPORAL_API_KEY="s3cret\ns3cret"),
        environ(
            TEMPORAL_TLS_CLIENT_CERT_PATH="/c", TEMPORAL_TLS_CLIENT_KEY_PATH="-----BEGIN PRIVATE KEY-----\ns3cret" * 99
        ),
        environ(TEMPORAL_CONFIG_FILE=str(config)),
    ]
    for each in environments:
        with pytest.raises(StartupError) as caught:
            load_ingress_configuration(CONTRACT, each)
        shown = caught.value.render("x") + json.dumps(caught.value.termination_message()) + repr(caught.value)
        assert "s3cret" not in shown, shown


@pytest.mark.parametrize("key", ["two\nlines", "tab\tstop", "nul\0", "bell\x07", "ümlaut", "\nk"])
@pytest.mark.parametrize("variable", ["TEMPORAL_API_KEY", "TEMPORAL_GRPC_META_TENANT"])
def test_a_value_that_no_header_takes_is_refused(environ: Callable[..., dict[str, str]], variable: str, key: str):
    (problem,) = problems_of(load_worker_configuration, CONTRACT, environ(**{variable: key}))
    assert problem.name == variable
    assert problem.value == "is wrong"
    assert "write the value alone, on one line" in problem.advice


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_line_break_that_a_file_ends_with_is_no_part_of_an_api_key(
    environ: Callable[..., dict[str, str]], end: str
):
    configuration = load_worker_configuration(CONTRACT, environ(TEMPORAL_API_KEY=f"k e.y{end}"))
    assert configuration.temporal.api_key == "k e.y"


def test_files_that_settings_name_must_be_there(environ: Callable[..., dict[str, str]]):
    secured = {
        **KAFKA,
        "topic": "dead",
        "tls": {"caFile": "/ca.crt"},
        "sasl": {"mechanism": "SCRAM-SHA-512", "username": "u", "passwordFile": "/password"},
    }
    found = problems_of(load_worker_configuration, CONTRACT, environ(outputs={**OUTPUTS, "dead-letter": secured}))
    assert [(each.name, each.value) for each in found] == [
        ("OUTPUT_CONFIG dead-letter.tls.caFile", "/ca.crt"),
        ("OUTPUT_CONFIG dead-letter.sasl.passwordFile", "names no file"),
    ]


def test_certificates_that_do_not_load_are_named(environ: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    secured = {**KAFKA, "topic": "dead", "tls": {"caFile": str(junk)}}
    (problem,) = problems_of(load_worker_configuration, CONTRACT, environ(outputs={**OUTPUTS, "dead-letter": secured}))
    assert problem.name == "OUTPUT_CONFIG dead-letter.tls"
    assert "do not load" in problem.advice
