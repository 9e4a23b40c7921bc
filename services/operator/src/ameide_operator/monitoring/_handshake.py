"""Looks at the connection itself, which the SDK reports as one "transport error" whatever it was."""

import asyncio
import ssl
import tempfile
from pathlib import Path
from typing import Final

from ameide_operator.conditions import Reason, Verdict, failing
from ameide_operator.monitoring._credentials import Credentials

_ALERT_SECONDS: Final = 0.5
"""TLS 1.3 refuses a client certificate after the handshake; a server that takes it greets first."""


async def handshake_fault(address: str, credentials: Credentials) -> Verdict | None:
    """Connects, and shakes hands where TLS is wanted.

    Args:
        address: host:port.
        credentials: What to show, and whom to trust.

    Returns:
        What is wrong, None where nothing is. Time limits are the caller's.
    """
    try:
        context = _context(credentials) if credentials.tls else None
    except (ssl.SSLError, ValueError) as error:
        return failing(Reason.TLS_HANDSHAKE_FAILED, f"the certificates do not load: {error}; replace the Secret")
    try:
        await _greet(address, context, credentials.server_name)
    except ssl.SSLCertVerificationError as error:
        return failing(
            Reason.TLS_HANDSHAKE_FAILED,
            f"the certificate of {address} is not trusted: {error.verify_message}; correct ca.crt in the Secret, or "
            "spec.temporal.tls.serverName",
        )
    except ssl.SSLError as error:
        return failing(Reason.TLS_HANDSHAKE_FAILED, _tls_words(address, error))
    except (OSError, UnicodeError) as error:
        return failing(Reason.DIAL_FAILED, f"cannot reach {address}: {error}; pods keep running and try again")
    return None


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


def _tls_words(address: str, error: ssl.SSLError) -> str:
    reason = (error.reason or str(error)).replace("_", " ").lower()
    if "certificate required" in reason:
        return f"{address} wants a client certificate; set spec.temporal.tls.mode to mTLS and name its Secret"
    if "alert" in reason:
        return f"{address} refuses the client certificate ({reason}); replace tls.crt and tls.key in the Secret"
    return f"{address} does not speak TLS as we do ({reason}); does it want plain text? then remove spec.temporal.tls"


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
