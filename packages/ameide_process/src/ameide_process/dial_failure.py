"""What a failed dial of Temporal means, in one sentence; the SDK says it in Rust's debug text.

Each row was provoked (SDK 1.35, Temporal server 1.32): TLS towards plain text and the reverse, an unknown authority, a
certificate for another name, client certificates that are missing or refused.
"""

import re

_NO_TLS = (
    "it does not speak TLS; set TEMPORAL_TLS=false and unset TEMPORAL_TLS_*, or use the address where it speaks TLS"
)
_WANTS_TLS = (
    "it breaks off a connection without TLS, as a server does that wants TLS; set TEMPORAL_TLS=true, and "
    "TEMPORAL_TLS_SERVER_CA_CERT_PATH where the authority is your own"
)
_WANTS_CLIENT_CERTIFICATE = (
    "it asks for a client certificate; set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH"
)
_REFUSES_CLIENT_CERTIFICATE = (
    "it refuses our client certificate; check its expiry and authority at TEMPORAL_TLS_CLIENT_CERT_PATH"
)
_BREAKS_OFF_TLS = (
    "it breaks the connection off after the TLS handshake, as a server does that misses or refuses a client "
    "certificate; check TEMPORAL_TLS_CLIENT_CERT_PATH"
)

_CAUSES = (
    ("InvalidMessage(", _NO_TLS),
    (
        "InvalidCertificate(UnknownIssuer",
        "its certificate is of an authority that we do not trust; set TEMPORAL_TLS_SERVER_CA_CERT_PATH",
    ),
    (
        "InvalidCertificate(NotValidForName",
        "its certificate is for another name; set TEMPORAL_TLS_SERVER_NAME to one that stands in it",
    ),
    ("InvalidCertificate(Expired", "its certificate has expired; renew it at the server"),
    ("InvalidCertificate(", "its certificate is not valid; renew it at the server"),
    ("fatal alert: CertificateRequired", _WANTS_CLIENT_CERTIFICATE),
    ("fatal alert: UnknownCA", _REFUSES_CLIENT_CERTIFICATE),
    ("fatal alert: BadCertificate", _REFUSES_CLIENT_CERTIFICATE),
    ("fatal alert: CertificateExpired", _REFUSES_CLIENT_CERTIFICATE),
)

_BROKEN_OFF = re.compile(r"kind: (BrokenPipe|ConnectionReset|UnexpectedEof)|connection closed")
_QUOTED = re.compile(r'(?:message|error): "([^"]+)"')
_VARIANT = re.compile(r"transport::Error\(Transport, (\w+)\)")


def explain_dial(error: RuntimeError, *, tls: bool) -> str:
    """Says why a dial failed, and what to do where somebody must do something.

    Args:
        error: What the SDK raised; it raises plain RuntimeError for every failed dial.
        tls: Whether we speak TLS.
    """
    text = str(error)
    for sign, cause in _CAUSES:
        if sign in text:
            return cause
    if _BROKEN_OFF.search(text):
        return _BREAKS_OFF_TLS if tls else _WANTS_TLS
    # Rust wraps causes, the most telling one last.
    found = _QUOTED.findall(text) or _VARIANT.findall(text)
    return f"{found[-1] if found else text}; check TEMPORAL_ADDRESS, and that Temporal runs there"
