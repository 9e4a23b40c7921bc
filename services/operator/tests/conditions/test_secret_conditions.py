"""Secrets that are missing or broken, said in conditions on a real API server."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ameide_devstack import CertificateAuthority, KeyPair
from ameide_devstack.testing import wait_until

pytestmark = pytest.mark.e2e

TLS = {"temporal": {"tls": {"mode": "mTLS", "secretRef": "temporal-mtls"}}}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("pki"))


async def secret(bed: Any, name: str, files: Mapping[str, Path | str]) -> None:
    """Creates or replaces a Secret."""
    literals = [
        f"--from-file={key}={value}" if isinstance(value, Path) else f"--from-literal={key}={value}"
        for key, value in files.items()
    ]
    rendered = await bed.run("create", "secret", "generic", name, *literals, "--dry-run=client", "-o", "yaml")
    await bed.run("apply", "-f", "-", content=rendered)


def pair(keys: KeyPair) -> dict[str, Path]:
    return {"tls.crt": keys.certificate, "tls.key": keys.key}


async def pods(bed: Any) -> str:
    return await bed.run("get", "pods", "-o", "name")


async def test_missing_secret_makes_no_pods_and_its_coming_does(bed: Any, authority: CertificateAuthority):
    await bed.apply(**TLS)
    condition = await bed.until("SecretsReady", "False", "SecretMissing")
    assert condition["message"] == "Secret 'temporal-mtls' of spec.temporal.tls.secretRef is not there; create it"
    conditions = await bed.conditions()
    assert conditions["TemporalReady"]["reason"] == "SecretMissing"
    assert conditions["NamespaceReady"]["status"] == "Unknown"
    assert conditions["WorkerReady"]["reason"] == "SecretMissing"
    assert conditions["Ready"]["reason"] == "SecretMissing"
    assert not await pods(bed)
    assert not await bed.get("deployment", "orders-worker")
    await secret(bed, "temporal-mtls", pair(authority.issue_client("good", valid_for=timedelta(days=30))))
    await bed.until("SecretsReady", "True", "Available")
    await bed.until("WorkerReady", "True", "Available")


async def test_findings_by_content(bed: Any, authority: CertificateAuthority):
    """One bed for all: a reason must also go when its cause does."""
    good = pair(authority.issue_client("good", valid_for=timedelta(days=30)))
    other = pair(authority.issue_client("other"))
    await secret(bed, "temporal-mtls", good)
    await bed.apply(**TLS)
    await bed.until("SecretsReady", "True", "Available")
    cases: list[tuple[dict[str, Path | str], str, str, str]] = [
        ({"tls.crt": good["tls.crt"]}, "False", "SecretKeyMissing", "has no key 'tls.key'; add it"),
        ({"tls.crt": "none", "tls.key": "none"}, "False", "CertificateInvalid", "tls.crt holds no PEM certificate"),
        ({**good, "tls.key": other["tls.key"]}, "False", "CertificateInvalid", "tls.crt does not belong to tls.key"),
        ({**good, "ca.crt": "none"}, "False", "CertificateInvalid", "ca.crt holds no PEM certificate"),
        (
            dict(pair(authority.issue_client("expired", valid_for=-timedelta(minutes=1)))),
            "False",
            "CertificateExpired",
            "expired on",
        ),
        (
            dict(pair(authority.issue_client("soon", valid_for=timedelta(minutes=1)))),
            "True",
            "CertificateExpiring",
            "expires on",
        ),
        (dict(good), "True", "Available", "all Secrets that spec names are there"),
    ]
    for content, status, reason, words in cases:
        await secret(bed, "temporal-mtls", content)
        await bed.until("SecretsReady", status, reason, words)


async def test_secret_that_goes_leaves_the_pods_alone(bed: Any, authority: CertificateAuthority):
    await secret(bed, "temporal-mtls", pair(authority.issue_client("good", valid_for=timedelta(days=30))))
    await bed.apply(**TLS)
    await bed.until("WorkerReady", "True", "Available")
    before = await pods(bed)
    await bed.run("delete", "secret", "temporal-mtls")
    await bed.until("SecretsReady", "False", "SecretMissing")
    assert (await bed.conditions())["WorkerReady"]["status"] == "True"
    assert await pods(bed) == before


async def test_change_of_content_rolls_the_pods_and_a_label_does_not(bed: Any, authority: CertificateAuthority):
    await secret(bed, "temporal-mtls", pair(authority.issue_client("good", valid_for=timedelta(days=30))))
    await bed.apply(**TLS)
    await bed.until("WorkerReady", "True", "Available")

    async def generation() -> int:
        return (await bed.get("deployment", "orders-worker"))["metadata"]["generation"]

    before = await generation()
    await bed.run("label", "secret", "temporal-mtls", "touched=1")
    await secret(bed, "temporal-mtls", pair(authority.issue_client("good", valid_for=timedelta(days=31))))

    async def rolled() -> bool:
        return await generation() > before

    await wait_until(rolled)
    assert await generation() == before + 1


async def test_content_of_secrets_is_nowhere_but_in_the_secret(bed: Any):
    kafka = {"name": "dead-letter", "kind": "kafka", "bootstrapServers": ["k:9093"], "topic": "t", "authSecretRef": "k"}
    await secret(bed, "k", {"password": "correct-horse"})
    await bed.apply(outputs=[kafka | {"sasl": {"mechanism": "PLAIN", "username": "u"}}])
    await bed.until("WorkerReady", "True", "Available")
    kinds = "processes,configmaps,deployments,pods,replicasets,events"
    everything = await bed.run("get", kinds, "-o", "yaml")
    assert "correct-horse" not in everything
    assert "/etc/ameide/secrets/k/password" in everything
