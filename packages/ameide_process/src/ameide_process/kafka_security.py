"""Kafka client arguments for TLS and SASL, from settings that name files."""

import ssl
from typing import TypedDict

from ameide_process.configuration import KafkaConnection, Problem, StartupError


class SecurityArguments(TypedDict, total=False):
    """The part of aiokafka's arguments that is about security."""

    security_protocol: str
    ssl_context: ssl.SSLContext
    sasl_mechanism: str
    sasl_plain_username: str
    sasl_plain_password: str


def security_arguments(connection: KafkaConnection, *, name: str) -> SecurityArguments:
    """Reads certificates and the password, and makes aiokafka's arguments of them.

    Args:
        connection: The settings.
        name: Variable and entry that the settings come from, for the error.

    Raises:
        StartupError: A certificate does not load.
    """
    arguments = SecurityArguments()
    if connection.tls is not None:
        tls = connection.tls
        try:
            context = ssl.create_default_context(cafile=tls.ca_file)
            if tls.cert_file is not None and tls.key_file is not None:
                context.load_cert_chain(tls.cert_file, tls.key_file, password="")
        except (ssl.SSLError, OSError) as error:
            reason = getattr(error, "reason", None) or str(error)
            raise StartupError(
                [Problem(f"{name}.tls", "is wrong", f"its certificates do not load: {reason}")]
            ) from error
        arguments["ssl_context"] = context
    if connection.sasl is not None:
        sasl = connection.sasl
        arguments["sasl_mechanism"] = sasl.mechanism
        arguments["sasl_plain_username"] = sasl.username
        arguments["sasl_plain_password"] = sasl.password_file.read_text(encoding="utf-8").rstrip("\r\n")
    match (connection.sasl is not None, connection.tls is not None):
        case (True, True):
            arguments["security_protocol"] = "SASL_SSL"
        case (True, False):
            arguments["security_protocol"] = "SASL_PLAINTEXT"
        case (False, True):
            arguments["security_protocol"] = "SSL"
        case _:
            arguments["security_protocol"] = "PLAINTEXT"
    return arguments
