"""NATS JetStream: where its servers are, who we are to them, and what is read or written there."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from ameide_operator.models._base import HOST_AND_PORT, Model, refuse_unless

_Server = Annotated[str, Field(max_length=320, pattern=HOST_AND_PORT)]
_Name = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\s.*>/\\]+$")]
_Filter = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^(>|[^\s.>]+(\.[^\s.>]+)*(\.>)?)$")]
_Filters = Annotated[
    list[_Filter], Field(min_length=1, max_length=64, json_schema_extra={"x-kubernetes-list-type": "set"})
]


class NatsCredentials(Model):
    """Who we are to NATS; the proof is in the Secret of authSecretRef."""

    model_config = ConfigDict(
        json_schema_extra=refuse_unless(
            (
                "(self.method == 'Password') == has(self.username)",
                "username belongs to method Password, and it needs one",
            )
        )
    )

    method: Literal["Creds", "NKey", "Token", "Password"]
    """Creds: the Secret's key user.creds, a user JWT with its seed, as nsc writes it. NKey: its key user.nk, the seed
    of a user that the server lists by its public nkey. Token: its key token. Password: its key password."""
    username: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """Name of the user, for method Password."""


class Nats(Model):
    """Servers of NATS."""

    servers: Annotated[list[_Server], Field(min_length=1, max_length=16)]
    """host:port of some servers of the cluster."""
    credentials: NatsCredentials | None = None
    """Who we are to NATS; unset: nobody, or the client certificate of tls mode mTLS."""


class NatsSource(Nats):
    """The stream that a subscription reads, and how."""

    model_config = ConfigDict(
        json_schema_extra=refuse_unless(
            ("!has(self.subjects) || !has(self.partitions)", "set subjects or partitions, not both")
        )
    )

    stream: _Name
    """The stream; it must exist."""
    subjects: _Filters | None = None
    """Which of the stream's subjects, wildcards allowed; unset: all. One pod at a time reads them, the others stand
    by: that keeps the order of a key."""
    partitions: _Filters | None = None
    """In place of subjects: subjects that never share a key, each read by a consumer of its own, so that pods share the
    work. Removing one leaves its consumer behind, with what it had not delivered."""
    durable: _Name | None = None
    """Name of the durable consumer; unset: <process>_<subscription>. With partitions it begins their names."""
    ack_wait_seconds: Annotated[int, Field(ge=1, le=3600)] | None = None
    """Silence about a message after which the server delivers it again; unset: 30."""
    max_ack_pending: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Messages of one consumer that are delivered and not acknowledged, at most; unset: 1000."""
    member_timeout_seconds: Annotated[int, Field(ge=1, le=300)] | None = None
    """Silence after which the server takes a pod for dead and gives its messages to another; unset: 10."""


class NatsTarget(Nats):
    """The subject that an output writes to."""

    subject: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\s.*>]+(\.[^\s.*>]+)*$")]
    """The subject; a stream must take it."""
