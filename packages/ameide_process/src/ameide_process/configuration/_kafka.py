"""How to reach a Kafka broker, and what to read from or write to it."""

import ssl
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BeforeValidator, Field, field_validator, model_validator

from ameide_process.configuration._documents import Document

SECRET_FILES = frozenset({"tls.keyFile", "sasl.passwordFile", "bearerTokenFile"})
"""Settings that name a file with a secret in it."""


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _check_server(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or "@" in host or "/" in host:
        raise ValueError("write each server as host:port, without scheme and credentials")
    return value


class KafkaTls(Document):
    """TLS towards the broker; every certificate and key by file, as Secrets are mounted."""

    ca_file: Path | None = None
    """Certificates to trust. The system's when unset."""
    cert_file: Path | None = None
    """Client certificate, for mutual TLS."""
    key_file: Path | None = None
    """Private key of the client certificate."""

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> "KafkaTls":
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("set certFile and keyFile together")
        return self

    def context(self) -> ssl.SSLContext:
        """Loads the certificates.

        Raises:
            OSError: One cannot be read, does not belong to its key, or is none; `ssl.SSLError` is one.
        """
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.cert_file is not None and self.key_file is not None:
            context.load_cert_chain(self.cert_file, self.key_file, password="")
        return context

    def files(self) -> dict[str, Path]:
        """Returns the files that must exist, by setting."""
        named = {"caFile": self.ca_file, "certFile": self.cert_file, "keyFile": self.key_file}
        return {name: path for name, path in named.items() if path is not None}


class KafkaSasl(Document):
    """Who we are to the broker."""

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    username: str
    password_file: Path
    """Holds the password alone; a line break at its end is ignored."""


class KafkaConnection(Document):
    """A broker and how to speak to it."""

    bootstrap_servers: Annotated[list[str], BeforeValidator(_split), Field(min_length=1)]
    """host:port of some brokers of the cluster; a list, or one string with commas."""
    tls: KafkaTls | None = None
    """Absent: no TLS. An empty mapping: TLS with the system's certificates."""
    sasl: KafkaSasl | None = None

    @field_validator("bootstrap_servers")
    @classmethod
    def _servers_have_ports(cls, value: list[str]) -> list[str]:
        return [_check_server(each) for each in value]

    def files(self) -> dict[str, Path]:
        """Returns the files that must exist, by setting."""
        named = {f"tls.{name}": path for name, path in self.tls.files().items()} if self.tls else {}
        if self.sasl:
            named["sasl.passwordFile"] = self.sasl.password_file
        return named


class KafkaSubscription(KafkaConnection):
    """Where a subscription's envelopes come from."""

    kind: Literal["kafka"]
    topics: Annotated[
        list[str], BeforeValidator(_split), Field(min_length=1, validation_alias=AliasChoices("topics", "topic"))
    ]
    """The topics; a list, or one string with commas. `topic` is accepted too, as in the Process resource."""
    consumer_group: Annotated[str, Field(min_length=1)] | None = None
    """`<process>.<subscription>` when unset."""
    format: Literal["protobuf", "json"] = "protobuf"
    """How an envelope is written when its record has no content type."""
    dead_letter: str = "dead-letter"
    """Entry of OUTPUT_CONFIG that takes what can never be handled."""
    start_from: Literal["earliest", "latest"] = "earliest"
    """Where a group without committed offsets begins."""
    session_timeout_seconds: Annotated[float, Field(ge=1, le=300)] = 10.0
    """Silence after which the broker takes a member for dead and gives its partitions to others."""


class KafkaOutput(KafkaConnection):
    """Where records of an output go."""

    kind: Literal["kafka"]
    topic: Annotated[str, Field(min_length=1)]
