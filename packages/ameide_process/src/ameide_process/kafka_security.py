"""Kafka client arguments for TLS and SASL, from settings that name files."""

import ssl
from typing import TypedDict

from ameide_process.configuration import KafkaConnection


class SecurityArguments(TypedDict, total=False):
    """The part of aiokafka's arguments that is about security."""

    security_protocol: str
    ssl_context: ssl.SSLContext
    sasl_mechanism: str
    sasl_plain_username: str
    sasl_plain_password: str


def security_arguments(connection: KafkaConnection) -> SecurityArguments:
    """Reads certificates and the password, and makes aiokafka's arguments of them.

    Args:
        connection: The settings.

    Raises:
        OSError: A file does not load; the configuration was checked for that when it was read.
    """
    arguments = SecurityArguments()
    if connection.tls is not None:
        arguments["ssl_context"] = connection.tls.context()
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
