"""Certificates that can never work are found at the start, and named."""

from pathlib import Path

import pytest
from ameide_devstack import CertificateAuthority
from ameide_process.configuration import Problem, StartupError, TemporalSettings
from ameide_process.configuration._problems import ProblemList
from ameide_process.configuration._temporal import read_temporal
from temporalio.service import TLSConfig


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


def read(**variables: object) -> TemporalSettings:
    problems = ProblemList()
    settings = read_temporal(
        {"TEMPORAL_ADDRESS": "a:1", **{name: str(value) for name, value in variables.items()}}, problems
    )
    problems.raise_if_any()
    assert settings is not None
    return settings


def problem_of(**variables: object) -> Problem:
    with pytest.raises(StartupError) as caught:
        read(**variables)
    (problem,) = caught.value.problems
    return problem


def test_good_ones_are_read(authority: CertificateAuthority):
    pair = authority.issue_client("good")
    settings = read(
        TEMPORAL_TLS_SERVER_CA_CERT_PATH=authority.certificate,
        TEMPORAL_TLS_CLIENT_CERT_PATH=pair.certificate,
        TEMPORAL_TLS_CLIENT_KEY_PATH=pair.key,
        TEMPORAL_TLS_SERVER_NAME="temporal",
    )
    assert isinstance(settings.tls, TLSConfig)
    assert settings.tls.client_private_key == pair.key.read_bytes()
    assert settings.tls.domain == "temporal"
    assert "PRIVATE" not in repr(settings)


def test_as_data_too(authority: CertificateAuthority):
    pair = authority.issue_client("data")
    settings = read(
        TEMPORAL_TLS_CLIENT_CERT_DATA=pair.certificate.read_text(), TEMPORAL_TLS_CLIENT_KEY_DATA=pair.key.read_text()
    )
    assert isinstance(settings.tls, TLSConfig)


def test_an_absent_file_is_named():
    problem = problem_of(TEMPORAL_TLS_SERVER_CA_CERT_PATH="/tls/ca.crt")
    assert problem == Problem("TEMPORAL_TLS_SERVER_CA_CERT_PATH", "/tls/ca.crt", "no such file; is the Secret mounted?")


def test_a_foreign_key_is_named(authority: CertificateAuthority):
    pair, other = authority.issue_client("one"), authority.issue_client("other")
    problem = problem_of(TEMPORAL_TLS_CLIENT_CERT_PATH=pair.certificate, TEMPORAL_TLS_CLIENT_KEY_PATH=other.key)
    assert problem.name == "TEMPORAL_TLS_CLIENT_CERT_PATH"
    assert problem.advice == "does not belong to the client key"


def test_a_certificate_without_its_key_is_named(authority: CertificateAuthority):
    pair = authority.issue_client("lonely")
    assert problem_of(TEMPORAL_TLS_CLIENT_CERT_PATH=pair.certificate).name == "TEMPORAL_TLS_CLIENT_KEY_PATH"
    assert problem_of(TEMPORAL_TLS_CLIENT_KEY_PATH=pair.key).name == "TEMPORAL_TLS_CLIENT_CERT_PATH"


def test_what_is_no_certificate_is_named(tmp_path: Path):
    junk = tmp_path / "junk.pem"
    junk.write_text("-----BEGIN NONSENSE-----")
    assert problem_of(TEMPORAL_TLS_SERVER_CA_CERT_PATH=junk).advice == "holds no PEM certificate"
    problem = problem_of(TEMPORAL_TLS_CLIENT_CERT_PATH=junk, TEMPORAL_TLS_CLIENT_KEY_PATH=junk)
    assert problem.advice == "is no pair of PEM certificate and unencrypted private key"


def test_path_and_data_together_are_refused():
    assert (
        "Cannot specify both"
        in problem_of(TEMPORAL_TLS_CLIENT_CERT_PATH="/a", TEMPORAL_TLS_CLIENT_CERT_DATA="b").advice
    )
