"""What the operator keeps of a Secret: its keys, a digest and when its certificates expire; never its content."""

import base64
import binascii
import hashlib
import hmac
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from ameide_operator.planning import AUTHORITY, CERTIFICATE, PRIVATE_KEY

EXPIRY_NOTICE: Final = timedelta(days=7)
EXPIRY_FRACTION: Final = 5
"""A certificate should be renewed before the last fifth of its life, and 7 days before its end at the latest;
cert-manager does so before the last third."""

_DIGEST_LENGTH: Final = 32
"""Hexadecimal digits: 128 bits."""


@dataclass(frozen=True, slots=True)
class SecretSummary:
    """A Secret without its content."""

    name: str
    resource_version: str
    keys: frozenset[str]
    digest: str
    """Tells one content from another. Keyed with the Secret's uid, which only those know who may read the Secret."""
    expires: datetime | None = None
    """First expiry among the certificates of tls.crt."""
    renew_by: datetime | None = None
    """When the first of them should have been renewed."""
    fault: str | None = None
    """What is wrong with its certificates, if anything."""


def summarize(secret: Mapping[str, Any]) -> SecretSummary:
    """Reads a Secret as the API server sends it; nothing of its content is kept."""
    metadata = secret["metadata"]
    content = _decoded(secret.get("data") or {})
    certificates, fault = _certificates(content)
    return SecretSummary(
        name=metadata["name"],
        resource_version=metadata["resourceVersion"],
        keys=frozenset(key for key, value in content.items() if value),
        digest=_digest(metadata["uid"], content),
        expires=min((each.not_valid_after_utc for each in certificates), default=None),
        renew_by=min((_renew_by(each) for each in certificates), default=None),
        fault=fault,
    )


def _decoded(data: Mapping[str, str]) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in data.items()}


def _digest(uid: str, content: Mapping[str, bytes]) -> str:
    keyed = hmac.new(uid.encode(), digestmod=hashlib.sha256)
    for key, value in sorted(content.items()):
        for part in (key.encode(), value):
            keyed.update(len(part).to_bytes(8, "big") + part)
    return keyed.hexdigest()[:_DIGEST_LENGTH]


def _certificates(content: Mapping[str, bytes]) -> tuple[list[x509.Certificate], str | None]:
    """The certificates of tls.crt, and what is wrong with those of the Secret."""
    if AUTHORITY in content and not _parsed(content[AUTHORITY]):
        return [], f"{AUTHORITY} holds no PEM certificate"
    if CERTIFICATE not in content:
        return [], None
    certificates = _parsed(content[CERTIFICATE])
    if not certificates:
        return [], f"{CERTIFICATE} holds no PEM certificate"
    if PRIVATE_KEY in content:
        return certificates, _pair_fault(content[CERTIFICATE], content[PRIVATE_KEY])
    return certificates, None


def _renew_by(certificate: x509.Certificate) -> datetime:
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return certificate.not_valid_after_utc - min(life / EXPIRY_FRACTION, EXPIRY_NOTICE)


def _parsed(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except (ValueError, binascii.Error):
        return []


def _pair_fault(certificate: bytes, key: bytes) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        # Files, because the standard library loads a chain from nothing else; gone before the function returns.
        pair = Path(folder, CERTIFICATE), Path(folder, PRIVATE_KEY)
        for path, content in zip(pair, (certificate, key), strict=True):
            path.touch(mode=0o600)
            path.write_bytes(content)
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(*pair, password="")
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                return f"{CERTIFICATE} does not belong to {PRIVATE_KEY}"
            return f"{CERTIFICATE} and {PRIVATE_KEY} are no pair of PEM certificate and unencrypted private key"
    return None
