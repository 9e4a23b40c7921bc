"""Where events come from and where they go."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from ameide_operator.models._base import Model, refuse_unless
from ameide_operator.models._kubernetes import SecretName

DEAD_LETTER = "dead-letter"
"""Output of what can never be handled."""

_Name = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9][-._A-Za-z0-9]*$")]
_Server = Annotated[str, Field(max_length=320, pattern=r"^[^:/@\s]+:[0-9]{1,5}$")]
_Topic = Annotated[str, Field(min_length=1, max_length=249, pattern=r"^[-._a-zA-Z0-9]+$")]
_STREAM_RULES = refuse_unless(
    (
        "has(self.authSecretRef) || (!has(self.sasl) && (!has(self.tls) || self.tls.mode != 'mTLS'))",
        "sasl and tls mode mTLS need authSecretRef, the Secret with their credentials",
    ),
    ("!has(self.authSecretRef) || has(self.sasl) || has(self.tls)", "authSecretRef has no use without sasl or tls"),
)


class StreamTls(Model):
    """TLS towards the broker."""

    mode: Literal["TLS", "mTLS"] = "TLS"
    """TLS: the broker shows a certificate; the Secret's ca.crt is trusted where it has one, otherwise the system's
    authorities. mTLS: the client shows one too, from the Secret's tls.crt and tls.key."""


class StreamSasl(Model):
    """Who we are to the broker; the password is the Secret's key password."""

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    """How the password is proved."""
    username: Annotated[str, Field(min_length=1, max_length=255)]
    """Name of the user."""


class Stream(Model):
    """A stream and how to reach it."""

    name: _Name
    """Its name in the process; unique in the list."""
    kind: Literal["kafka"]
    """Transport."""
    bootstrap_servers: Annotated[list[_Server], Field(min_length=1, max_length=16)]
    """host:port of some brokers."""
    tls: StreamTls | None = None
    """TLS towards the broker; unset: plain text."""
    sasl: StreamSasl | None = None
    """Who we are to the broker; unset: nobody, or the client certificate."""
    auth_secret_ref: SecretName | None = None
    """Secret with the credentials, in whichever keys are needed: password, tls.crt, tls.key, ca.crt."""


class Subscription(Stream):
    """A subscription of the process, bound to a stream; its name is the binding_ref in the proto."""

    model_config = ConfigDict(json_schema_extra=_STREAM_RULES)

    topic: _Topic
    """Topic to read."""
    consumer_group: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """Consumer group; unset: <process>.<subscription>."""
    dead_letter: _Name = DEAD_LETTER
    """Name of the output that takes what can never be handled."""
    format: Literal["protobuf", "json"] = "protobuf"
    """How an event is encoded when its record has no content type."""
    start_from: Literal["earliest", "latest"] = "earliest"
    """Where a consumer group begins that has committed nothing yet."""


class Output(Stream):
    """A stream that the process writes to: dead-letter, progress, or a stream_ref of the proto."""

    model_config = ConfigDict(json_schema_extra=_STREAM_RULES)

    topic: _Topic
    """Topic to write."""
