"""Looks at the connection itself, which the SDK reports as one "transport error" whatever it was."""

import asyncio
import os
import socket
import ssl
import tempfile
from pathlib import Path
from typing import Final

from ameide_operator.conditions import Reason, Verdict, failing
from ameide_operator.monitoring._credential_places import CredentialPlaces
from ameide_operator.monitoring._credentials import Credentials

_ALERT_SECONDS: Final = 0.5
"""TLS 1.3 refuses a client certificate after the handshake; a server that takes it greets first."""

_OTHER_NAME: Final = frozenset({62, 64})
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""

_EXPIRED: Final = 10
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED."""


async def handshake_fault(address: str, credentials: Credentials) -> Verdict | None:
    """Connects, and shakes hands where TLS is wanted.

    Args:
        address: host:port.
        credentials: What to show, and whom to trust.

    Returns:
        What is wrong, None where nothing is. Time limits are the caller's.
    """
    host, name = address.rpartition(":")[0], credentials.server_name
    fault = _name_fault(host, name)
    if fault is not None:
        return fault
    try:
        context = _context(credentials) if credentials.tls else None
    except (ssl.SSLError, ValueError):
        places = " or ".join(
            dict.fromkeys(str(each) for each in (credentials.places.authority, credentials.places.pair) if each)
        )
        return failing(Reason.TLS_HANDSHAKE_FAILED, f"the certificates in {places} do not load; replace them")
    try:
        await _greet(address, context, name)
    except ssl.SSLCertVerificationError as error:
        return failing(Reason.TLS_HANDSHAKE_FAILED, _distrust(address, name or host, error, credentials.places))
    except ssl.SSLError as error:
        return failing(Reason.TLS_HANDSHAKE_FAILED, _tls_words(address, error, credentials.places))
    except OSError as error:
        return failing(
            Reason.DIAL_FAILED, f"cannot reach {address}: {_network_words(error)}; pods keep running and try again"
        )
    return None


async def tls_where_plain_is_spoken(address: str) -> Verdict | None:
    """Looks whether a peer that does not answer to plain text speaks TLS.

    Returns:
        That it does; None where it does not. Time limits are the caller's.
    """
    context = ssl.create_default_context()
    # Nothing is shown and nothing is sent: who it is does not matter.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    mode = "TLS"
    try:
        await _greet(address, context, None)
    except ssl.SSLError as error:
        if not _is_alert(error):
            return None
        mode = "mTLS" if _is_about_certificate(error) else mode
    except OSError:
        return None
    words = {
        "TLS": "speaks TLS; set spec.temporal.tls, with mode TLS",
        "mTLS": "speaks TLS and wants a client certificate; set spec.temporal.tls, with mode mTLS and a Secret with "
        "tls.crt and tls.key",
    }
    return failing(Reason.TLS_HANDSHAKE_FAILED, f"{address} {words[mode]}")


async def _greet(address: str, context: ssl.SSLContext | None, server_name: str | None) -> None:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(
        host, int(port), ssl=context, server_hostname=(server_name or host) if context else None
    )
    try:
        if context is not None:
            async with asyncio.timeout(_ALERT_SECONDS):
                await reader.read(1)
    except TimeoutError:
        pass  # it says nothing, so it does not object
    finally:
        writer.close()


def _name_fault(host: str, server_name: str | None) -> Verdict | None:
    if server_name and not _is_host_name(server_name):
        words = f"{server_name!r} is no host name; correct spec.temporal.tls.serverName"
        return failing(Reason.TLS_HANDSHAKE_FAILED, words)
    if not _is_host_name(host):
        return failing(Reason.DIAL_FAILED, f"{host!r} is no host name; correct spec.temporal.address")
    return None


def _is_host_name(name: str) -> bool:
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return True


def _distrust(address: str, name: str, error: ssl.SSLCertVerificationError, places: CredentialPlaces) -> str:
    if error.verify_code in _OTHER_NAME:
        return (
            f"the certificate of {address} is not trusted: it is not for {name!r}; set spec.temporal.tls.serverName to "
            "a name that it has"
        )
    if error.verify_code == _EXPIRED:
        return f"the certificate of {address} is not trusted: it has expired; renew it on the server"
    return f"the certificate of {address} is not trusted: {error.verify_message}; {places.trust_advice}"


def _is_alert(error: ssl.SSLError) -> bool:
    """Whether the peer objects, in TLS."""
    return "ALERT" in (error.reason or "") or _is_about_certificate(error)


def _is_about_certificate(error: ssl.SSLError) -> bool:
    """Whether the peer objects to a client without a certificate; before TLS 1.3 a bare "handshake failure" says so."""
    reason = error.reason or ""
    return any(words in reason for words in ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "HANDSHAKE_FAILURE"))


def _tls_words(address: str, error: ssl.SSLError, places: CredentialPlaces) -> str:
    reason = (error.reason or "unknown fault").replace("_", " ").lower()
    if places.has_pair and _is_alert(error):
        return f"{address} refuses the client certificate ({reason}); {places.pair_advice}"
    if _is_about_certificate(error):
        return f"{address} wants a client certificate; {places.pair_advice}"
    if _is_alert(error):
        return f"{address} refuses TLS as we speak it ({reason}); is spec.temporal.tls.serverName right?"
    return f"{address} does not speak TLS as we do ({reason}); does it want plain text? then remove spec.temporal.tls"


def _network_words(error: OSError) -> str:
    """The same words for the same fault: the addresses of a name come in any order."""
    if isinstance(error, socket.gaierror):
        return "its host name does not resolve"
    if error.errno is None:
        return "none of its addresses takes a connection"
    return os.strerror(error.errno).lower()


def _context(credentials: Credentials) -> ssl.SSLContext:
    authority = credentials.authority.decode("ascii", errors="replace") if credentials.authority else None
    context = ssl.create_default_context(cadata=authority)
    context.set_alpn_protocols(["h2"])
    if credentials.certificate and credentials.key:
        with tempfile.TemporaryDirectory() as folder:
            # Files, because the standard library loads a chain from nothing else; gone before the function returns.
            pair = Path(folder, "tls.crt"), Path(folder, "tls.key")
            for path, content in zip(pair, (credentials.certificate, credentials.key), strict=True):
                path.touch(mode=0o600)
                path.write_bytes(content)
            context.load_cert_chain(*pair, password="")
    return context
