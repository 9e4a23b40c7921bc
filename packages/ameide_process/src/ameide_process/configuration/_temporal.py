"""How to reach Temporal, read by the SDK's own `envconfig`, with its silences turned into problems.

`envconfig` ignores a TEMPORAL_TLS that is no boolean, a TEMPORAL_CONFIG_FILE that does not exist, and
TEMPORAL_TLS_DISABLE_HOST_VERIFICATION altogether (measured, 1.35.0): each would end in a connection that nobody
configured.
"""

import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.envconfig import ClientConfigProfile, ClientConfigTLS, DataSource
from temporalio.service import TLSConfig

from ameide_process.configuration._problems import ProblemList
from ameide_process.configuration._servers import check_server

DEFAULT_NAMESPACE = "default"
"""The SDK's own default."""


@dataclass(frozen=True, slots=True)
class TemporalSettings:
    """A Temporal frontend, a namespace in it, and who we are to it."""

    address: str
    namespace: str
    tls: bool | TLSConfig = field(default=False, repr=False)
    """False: plain text. True: TLS with the system's certificates."""
    api_key: str | None = field(default=None, repr=False)
    rpc_metadata: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


def read_temporal(environ: Mapping[str, str], problems: ProblemList) -> TemporalSettings | None:
    """Reads TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_TLS_*, TEMPORAL_API_KEY and TEMPORAL_GRPC_META_*.

    A profile in TEMPORAL_CONFIG_FILE serves too, as with every Temporal tool.

    Returns:
        The settings, or None where a problem was added.
    """
    before = problems.count
    _refuse_what_envconfig_ignores(environ, problems)
    try:
        profile = ClientConfigProfile.load(override_env_vars=dict(environ))
    except RuntimeError as error:
        # The text before the first line break: TOML errors quote the file after it.
        name = "TEMPORAL_PROFILE" if "Profile" in str(error) else "TEMPORAL_*"
        problems.add(name, "is wrong", str(error).splitlines()[0])
        return None
    if not profile.address:
        problems.add("TEMPORAL_ADDRESS", "is not set", "set it to host:port of the Temporal frontend")
    else:
        try:
            check_server(profile.address)
        except ValueError as error:
            # What stands before an @ may be a password.
            problems.add("TEMPORAL_ADDRESS", profile.address.rpartition("@")[2], str(error))
    api_key = _header_value("TEMPORAL_API_KEY", profile.api_key or "", problems)
    rpc_metadata = {
        name: _header_value(f"TEMPORAL_GRPC_META_{name.upper().replace('-', '_')}", value, problems)
        for name, value in profile.grpc_meta.items()
    }
    if profile.tls is not None:
        _check_certificates(profile.tls, problems)
    if problems.count > before:
        return None
    connect = profile.to_client_connect_config()
    return TemporalSettings(
        address=profile.address or "",
        namespace=profile.namespace or DEFAULT_NAMESPACE,
        tls=connect.get("tls", False),
        api_key=api_key or None,
        rpc_metadata=rpc_metadata,
    )


def _header_value(name: str, value: str, problems: ProblemList) -> str:
    """Checks what becomes a gRPC header, which takes printable ASCII only; never shows it.

    A line break at its end is what a file adds, and is taken off.
    """
    value = value.rstrip("\r\n")
    for position, character in enumerate(value, start=1):
        if not " " <= character <= "~":
            kind = "a line break" if character in "\r\n" else "no printable ASCII"
            problems.add(
                name, "is wrong", f"character {position} of {len(value)} is {kind}; write the value alone, on one line"
            )
            break
    return value


def _refuse_what_envconfig_ignores(environ: Mapping[str, str], problems: ProblemList) -> None:
    tls = environ.get("TEMPORAL_TLS")
    if tls and tls.lower() not in {"true", "false", "1", "0"}:
        problems.add("TEMPORAL_TLS", tls, "set it to true or false")
    if environ.get("TEMPORAL_TLS_DISABLE_HOST_VERIFICATION", "").lower() in {"true", "1"}:
        problems.add(
            "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION",
            "is not supported",
            "unset it; name the server's certificate with TEMPORAL_TLS_SERVER_NAME",
        )
    config_file = environ.get("TEMPORAL_CONFIG_FILE")
    if config_file and not Path(config_file).is_file():
        problems.add("TEMPORAL_CONFIG_FILE", config_file, "no such file; is it mounted?")


def _check_certificates(tls: ClientConfigTLS, problems: ProblemList) -> None:
    """Tries the certificates with the standard library, which names the fault; the SDK fails at its first call."""
    before = problems.count
    authority = _content("SERVER_CA_CERT", tls.server_root_ca_cert, problems)
    certificate = _content("CLIENT_CERT", tls.client_cert, problems)
    key = _content("CLIENT_KEY", tls.client_private_key, problems)
    if problems.count > before:
        return
    if authority is not None:
        try:
            ssl.create_default_context(cadata=authority.decode("ascii", errors="replace"))
        except (ssl.SSLError, ValueError):
            problems.add(*_named("SERVER_CA_CERT", tls.server_root_ca_cert), "holds no PEM certificate")
    if certificate is not None and key is None:
        problems.add(
            "TEMPORAL_TLS_CLIENT_KEY_PATH", "is not set", "set it to the private key of the client certificate"
        )
    elif key is not None and certificate is None:
        problems.add("TEMPORAL_TLS_CLIENT_CERT_PATH", "is not set", "set it to the certificate of the client key")
    elif certificate is not None and key is not None:
        fault = client_certificate_fault(certificate, key)
        if fault:
            problems.add(*_named("CLIENT_CERT", tls.client_cert), fault)


def client_certificate_fault(certificate: bytes, key: bytes) -> str | None:
    """Says what is wrong with a client certificate and its key, if anything."""
    with tempfile.TemporaryDirectory() as directory:
        # Files, because the standard library loads a chain from nothing else; gone before the function returns.
        certificate_path = Path(directory, "tls.crt")
        key_path = Path(directory, "tls.key")
        certificate_path.write_bytes(certificate)
        key_path.touch(mode=0o600)
        key_path.write_bytes(key)
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate_path, key_path, password="")
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                return "does not belong to the client key"
            return "is no pair of PEM certificate and unencrypted private key"
    return None


def _content(setting: str, source: DataSource | None, problems: ProblemList) -> bytes | None:
    if source is None:
        return None
    if not isinstance(source, Path):
        return source.encode() if isinstance(source, str) else source
    try:
        return source.read_bytes()
    except FileNotFoundError:
        problems.add(*_named(setting, source), "no such file; is the Secret mounted?")
    except OSError as error:
        problems.add(*_named(setting, source), f"cannot be read: {error.strerror}")
    return None


def _named(setting: str, source: DataSource | None) -> tuple[str, str]:
    """Name and shown value of a certificate setting: the path, never the content."""
    if isinstance(source, Path):
        shown = "is no path" if "-----BEGIN" in str(source) else str(source)
        return f"TEMPORAL_TLS_{setting}_PATH", shown
    return f"TEMPORAL_TLS_{setting}_DATA", "is wrong"
