"""Where events come from and where they go."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from ameide_operator.models._base import HOST_AND_PORT, Model, refuse_unless
from ameide_operator.models._kubernetes import SecretName
from ameide_operator.models._nats import NatsSource, NatsTarget

DEAD_LETTER = "dead-letter"
"""Output of what can never be handled."""

_Name = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9][-._A-Za-z0-9]*$")]
_Server = Annotated[str, Field(max_length=320, pattern=HOST_AND_PORT)]
_Topic = Annotated[
    str, Field(max_length=249, pattern=r"^([-_a-zA-Z0-9]|\.[-_a-zA-Z0-9]|\.\.[-._a-zA-Z0-9])[-._a-zA-Z0-9]*$")
]
"""As Kafka takes it: neither `.` nor `..`, written without a look ahead, which no CRD has."""
_Servers = Annotated[list[_Server], Field(min_length=1, max_length=16)]

_CREDENTIALS = "has(self.sasl) || has(self.tls) || (has(self.nats) && has(self.nats.credentials))"
_STREAM_RULES = (
    (
        "has(self.authSecretRef) || (!has(self.sasl) && (!has(self.tls) || self.tls.mode != 'mTLS'))",
        "sasl and tls mode mTLS need authSecretRef, the Secret with their credentials",
    ),
    (
        "self.kind != 'kafka' || (has(self.bootstrapServers) && has(self.topic))",
        "kind kafka needs bootstrapServers and topic",
    ),
    (
        "(self.kind == 'nats') == has(self.nats)",
        "nats belongs to kind nats, which needs it: its servers, and what is read or written there",
    ),
    (
        "has(self.authSecretRef) || !has(self.nats) || !has(self.nats.credentials)",
        "credentials of nats need authSecretRef, the Secret with them",
    ),
)
_SUBSCRIPTION_RULES = refuse_unless(
    *_STREAM_RULES,
    (
        f"!has(self.authSecretRef) || {_CREDENTIALS} || (has(self.http) && self.http.bearerToken)",
        "authSecretRef has no use without sasl, tls, credentials of nats, or bearerToken of http",
    ),
    (
        (
            "self.kind == 'kafka' || !(has(self.bootstrapServers) || has(self.topic) || has(self.consumerGroup) || "
            "has(self.sasl))"
        ),
        "bootstrapServers, topic, consumerGroup and sasl belong to kind kafka",
    ),
    ("self.kind == 'http' || !has(self.http)", "http belongs to kind http"),
    (
        (
            "self.kind != 'http' || has(self.authSecretRef) || "
            "!(has(self.tls) || (has(self.http) && self.http.bearerToken))"
        ),
        "tls and bearerToken of kind http need authSecretRef, the Secret with certificate and token",
    ),
)
_OUTPUT_RULES = refuse_unless(
    *_STREAM_RULES,
    (
        f"!has(self.authSecretRef) || {_CREDENTIALS}",
        "authSecretRef has no use without sasl, tls or credentials of nats",
    ),
    (
        "self.kind == 'kafka' || !(has(self.bootstrapServers) || has(self.topic) || has(self.sasl))",
        "bootstrapServers, topic and sasl belong to kind kafka",
    ),
)
_NOT_THE_HEALTH_PORT = refuse_unless(("self != 8080", "8080 serves readiness and metrics; take another port"))


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


class HttpEndpoint(Model):
    """Where the events of a subscription are posted to."""

    path: Annotated[str, Field(max_length=253, pattern=r"^/([A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*/?)?$")] | None = None
    """Path of the requests; unset: /events/ and the subscription's name."""
    port: Annotated[int, Field(ge=1024, le=65535, json_schema_extra=_NOT_THE_HEALTH_PORT)] = 8090
    """Port of the pods and of their Service. Subscriptions may share one, with tls and its secret in common."""
    bearer_token: bool = False
    """A request must show a token: one of those in the key token of the subscription's authSecretRef, a line each.
    False: whoever reaches the port may send events."""
    max_body_bytes: Annotated[int, Field(ge=1024, le=67_108_864)] | None = None
    """Body of one request, in bytes; unset: 4 MiB."""
    max_concurrent_requests: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Requests that a pod has in work at once; unset: 256."""


class Stream(Model):
    """A stream and who we are to it."""

    name: _Name
    """Its name in the process; unique in the list."""
    tls: StreamTls | None = None
    """TLS towards the broker; unset: plain text."""
    sasl: StreamSasl | None = None
    """Who we are to the broker; unset: nobody, or the client certificate."""
    auth_secret_ref: SecretName | None = None
    """Secret with the credentials, in whichever keys are needed: password, token, user.creds, user.nk, tls.crt,
    tls.key, ca.crt."""


class Subscription(Stream):
    """A subscription of the process, bound to its source; its name is the binding_ref in the proto."""

    model_config = ConfigDict(json_schema_extra=_SUBSCRIPTION_RULES)

    kind: Literal["kafka", "nats", "http"]
    """Transport. kafka needs bootstrapServers and topic; nats needs nats; http listens, and may say where under
    http."""
    bootstrap_servers: _Servers | None = None
    """host:port of some brokers."""
    topic: _Topic | None = None
    """Topic to read."""
    consumer_group: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """Consumer group; unset: <process>.<subscription>."""
    nats: NatsSource | None = None
    """The stream of NATS JetStream to read."""
    http: HttpEndpoint | None = None
    """Where events are posted to."""
    tls: StreamTls | None = None
    """TLS towards the broker; unset: plain text. Of kind http: TLS towards clients, with the Secret's tls.crt and
    tls.key; by mTLS they must show a certificate of an authority in its ca.crt."""
    auth_secret_ref: SecretName | None = None
    """Secret with the credentials, in whichever keys are needed: password, token, user.creds, user.nk, tls.crt,
    tls.key, ca.crt."""
    dead_letter: _Name | None = None
    """Name of the output that takes what can never be handled; unset: dead-letter. Of kind http, unset: none, such an
    event is refused and stays with its producer."""
    format: Literal["protobuf", "json"] = "protobuf"
    """How an event is encoded when it has no content type."""
    start_from: Literal["earliest", "latest"] = "earliest"
    """Where a consumer group begins that has committed nothing yet, or a durable consumer that is not there yet."""


class Output(Stream):
    """A stream that the process writes to: dead-letter, progress, or a stream_ref of the proto."""

    model_config = ConfigDict(json_schema_extra=_OUTPUT_RULES)

    kind: Literal["kafka", "nats"]
    """Transport. kafka needs bootstrapServers and topic; nats needs nats."""
    bootstrap_servers: _Servers | None = None
    """host:port of some brokers."""
    topic: _Topic | None = None
    """Topic to write."""
    nats: NatsTarget | None = None
    """The subject of NATS JetStream to write to."""
