"""Why no Kafka broker can be reached, in one sentence; aiokafka keeps the cause to its log."""

import asyncio
import ssl

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from ameide_process.configuration import KafkaConnection
from ameide_process.kafka_security import SecurityArguments

DIAL_TIMEOUT = 5.0
"""Seconds for TLS, login and the first question."""

_NO_TLS = "it takes no TLS handshake; leave tls out, or use the address where it speaks TLS"
_WANTS_TLS = "it breaks a connection without TLS off; set tls, and sasl where it wants a login"


async def why_unreachable(connection: KafkaConnection, security: SecurityArguments) -> str:
    """Dials the first of the servers once more and says what is wrong, never with a secret; empty: nothing is.

    Args:
        connection: The settings.
        security: aiokafka's arguments of them.
    """
    host, _, port = connection.bootstrap_servers[0].rpartition(":")
    try:
        async with asyncio.timeout(DIAL_TIMEOUT):
            dialed = await create_conn(host.strip("[]"), int(port), **security)
    except (KafkaError, OSError, TimeoutError) as error:
        return _explain(error, connection)
    dialed.close()
    return ""


def _explain(error: Exception, connection: KafkaConnection) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            said = f"its certificate is not trusted ({error.verify_message}); check tls.caFile and the server's name"
        case ssl.SSLError() if error.reason != "WRONG_VERSION_NUMBER":
            said = f"TLS fails ({error.reason}); check tls"
        case SaslAuthenticationFailed() | AuthenticationFailedError():
            user = connection.sasl.username if connection.sasl else ""
            said = f"it refuses the login of user {user!r}; check sasl.username and the file at sasl.passwordFile"
        case IllegalSaslStateError():
            said = "this address takes no login; leave sasl out, or use the address where the broker wants one"
        case UnsupportedSaslMechanismError():
            # What takes no login at all may say the same.
            mechanism = connection.sasl.mechanism if connection.sasl else ""
            said = (
                f"it takes no login by sasl.mechanism {mechanism!r}; use one that the broker enables, or leave sasl "
                "out where it enables none"
            )
        case TimeoutError():
            said = "no answer in time; is this the right port, and does it want tls or sasl?"
        case ssl.SSLError() | ConnectionResetError() | BrokenPipeError() | KafkaConnectionError():
            said = _NO_TLS if connection.tls is not None else _WANTS_TLS
        case _:
            said = str(error) or type(error).__name__
    return said
