"""Certificates for TLS between test clients and servers: good ones, and ones that must be refused."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY: Final = timedelta(days=1)
# Clocks of server and test are the same machine's, but a certificate valid from "now" is refused a moment too early.
_BACKDATED: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its private key, as PEM files.

    Attributes:
        certificate: Path of the certificate.
        key: Path of the private key, unencrypted PKCS #8.
    """

    certificate: Path
    key: Path


class CertificateAuthority:
    """Issues certificates into a folder.

    Attributes:
        certificate: Path of the authority's own certificate, `<name>.crt`.
    """

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _certificate(self._subject, self._subject, self._key, valid_for=10 * _DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate: Final = folder / f"{name}.crt"
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue_server(self, name: str, *, hosts: Sequence[str]) -> KeyPair:
        """Issue a certificate for a server that clients reach by one of `hosts`: DNS names and IP addresses."""
        alternatives = [_alternative_name(host) for host in hosts]
        return self._issue(
            name, ExtendedKeyUsageOID.SERVER_AUTH, valid_for=_DAY, extension=x509.SubjectAlternativeName(alternatives)
        )

    def issue_client(self, name: str, *, valid_for: timedelta = _DAY) -> KeyPair:
        """Issue a certificate for a client.

        Args:
            name: Common name, and stem of the files; issuing a name again replaces them, as a renewal does.
            valid_for: Time from now to expiry; a negative one makes a certificate that has expired.
        """
        return self._issue(name, ExtendedKeyUsageOID.CLIENT_AUTH, valid_for=valid_for, extension=None)

    def _issue(
        self,
        name: str,
        usage: x509.ObjectIdentifier,
        *,
        valid_for: timedelta,
        extension: x509.SubjectAlternativeName | None,
    ) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            _certificate(subject, self._subject, key, valid_for=valid_for)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        )
        if extension is not None:
            builder = builder.add_extension(extension, critical=False)
        pair = KeyPair(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        pair.key.touch(mode=0o600)
        pair.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        certificate = builder.sign(self._key, hashes.SHA256())
        pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return pair


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, valid_for: timedelta
) -> x509.CertificateBuilder:
    expiry = datetime.now(UTC) + valid_for
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(datetime.now(UTC), expiry) - _BACKDATED)
        .not_valid_after(expiry)
    )


def _alternative_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
