"""How to reach NATS, and what to read from or write to its streams."""

from itertools import combinations, permutations
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, model_validator

from ameide_process.configuration._documents import Document, split_commas
from ameide_process.configuration._nats_subjects import (
    LONGEST_SUBJECT,
    SUBJECT_PATTERN,
    subject_covers,
    subjects_overlap,
)
from ameide_process.configuration._servers import Servers
from ameide_process.configuration._tls import ClientTls

_Name = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\s.*>/\\]+$")]
"""Of a stream or consumer: NATS takes no dots, wildcards, slashes or spaces there."""
_Filter = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\s.]+(\.[^\s.]+)*$")]
"""Subject, perhaps with wildcards."""


def _check_disjoint(value: list[str]) -> list[str]:
    for one, other in combinations(value, 2):
        if subjects_overlap(one, other):
            raise ValueError(
                f"write partitions that share no subject: {one} and {other} do, so that their events would come twice, "
                "and in no order"
            )
    return value


def _check_none_within_another(value: list[str]) -> list[str]:
    for wide, narrow in permutations(value, 2):
        if subject_covers(wide, narrow):
            raise ValueError(f"leave {narrow} out: {wide} has its events too, and NATS does not take both")
    return value


class NatsCredentials(Document):
    """Who we are to NATS: one of the four, every secret by file, read again with each connection."""

    creds_file: Path | None = None
    """A `.creds` file: user JWT and the seed that proves it, as `nsc` writes it."""
    nkey_seed_file: Path | None = None
    """Seed of a user that the server lists by its public nkey."""
    token_file: Path | None = None
    """Holds the token alone; a line break at its end is ignored."""
    username: str | None = None
    password_file: Path | None = None
    """Holds the password of `username` alone; a line break at its end is ignored."""

    @model_validator(mode="after")
    def _exactly_one(self) -> "NatsCredentials":
        if (self.username is None) != (self.password_file is None):
            raise ValueError("set username and passwordFile together")
        if sum(each is not None for each in (*self._alone(), self.username)) != 1:
            raise ValueError("set one of credsFile, nkeySeedFile, tokenFile, or username with passwordFile")
        return self

    def _alone(self) -> tuple[Path | None, ...]:
        return (self.creds_file, self.nkey_seed_file, self.token_file)

    def files(self) -> dict[str, Path]:
        """Returns the files that must exist, by setting."""
        names = ("credsFile", "nkeySeedFile", "tokenFile", "passwordFile")
        named = dict(zip(names, (*self._alone(), self.password_file), strict=True))
        return {name: path for name, path in named.items() if path is not None}


class NatsConnection(Document):
    """NATS and how to speak to it."""

    servers: Servers
    """host:port of some servers of the cluster; a list, or one string with commas."""
    tls: ClientTls | None = None
    """Absent: no TLS, unless the server asks for it. An empty mapping: TLS with the system's certificates."""
    credentials: NatsCredentials | None = None
    """Absent: nobody, or the client certificate."""

    def files(self) -> dict[str, Path]:
        """Returns the files that must exist, by setting."""
        named = {f"tls.{name}": path for name, path in self.tls.files().items()} if self.tls else {}
        if self.credentials:
            named |= {f"credentials.{name}": path for name, path in self.credentials.files().items()}
        return named


class NatsSubscription(NatsConnection):
    """Where a subscription's envelopes come from: a stream, by a durable pull consumer.

    One member at a time gets the messages of a consumer, the others stand by: NATS would otherwise hand messages of one
    key to different members, and their order would be lost. For members that share the work, partition the subjects,
    by the server's subject mapping `{{partition(n,…)}}` for example, and name each partition in `partitions`.
    """

    kind: Literal["nats"]
    stream: _Name
    """The stream; it must exist."""
    subjects: Annotated[
        list[_Filter],
        BeforeValidator(split_commas),
        Field(validation_alias=AliasChoices("subjects", "subject")),
        AfterValidator(_check_none_within_another),
    ] = Field(default_factory=list)
    """Which of the stream's subjects, wildcards allowed, none within another; empty: all."""
    partitions: Annotated[list[_Filter], BeforeValidator(split_commas), AfterValidator(_check_disjoint)] = Field(
        default_factory=list
    )
    """In place of `subjects`: subjects that never share a key, each read by a consumer of its own, so that members
    share the work. Removing one of them leaves its consumer behind, with what it had not delivered."""
    durable: _Name | None = None
    """Name of the consumer; `<process>_<subscription>` when unset. With partitions it begins their names."""
    format: Literal["protobuf", "json"] = "protobuf"
    """How an envelope is written when its message has no content type."""
    dead_letter: str = "dead-letter"
    """Entry of OUTPUT_CONFIG that takes what can never be handled."""
    start_from: Literal["earliest", "latest"] = "earliest"
    """Where a consumer that is not there yet begins."""
    ack_wait_seconds: Annotated[float, Field(ge=1, le=3600)] = 30.0
    """Silence about a message after which the server delivers it again; what is still in flight is told three times in
    that time. After a crash, messages that were in flight wait so long."""
    max_ack_pending: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """Messages of one consumer that are delivered and not acknowledged, at most."""
    member_timeout_seconds: Annotated[float, Field(ge=1, le=300)] = 10.0
    """Silence after which the server takes a member for dead and gives its messages to another."""

    @model_validator(mode="after")
    def _subjects_or_partitions(self) -> "NatsSubscription":
        if self.subjects and self.partitions:
            raise ValueError("set subjects or partitions, not both")
        return self


class NatsOutput(NatsConnection):
    """Where records of an output go."""

    kind: Literal["nats"]
    subject: Annotated[str, Field(min_length=1, max_length=LONGEST_SUBJECT, pattern=SUBJECT_PATTERN)]
    """The subject; a stream must take it."""
