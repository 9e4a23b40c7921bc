"""How to reach a Kafka broker, and what to read from or write to it."""

import re
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Annotated, Final, Literal, cast

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, model_validator

from ameide_process.configuration._documents import Document, split_commas
from ameide_process.configuration._servers import Servers
from ameide_process.configuration._tls import ClientTls

SECRET_FILES = frozenset(
    {
        "tls.keyFile",
        "sasl.passwordFile",
        "bearerTokenFile",
        "credentials.credsFile",
        "credentials.nkeySeedFile",
        "credentials.tokenFile",
        "credentials.passwordFile",
    }
)
"""Settings that name a file with a secret in it."""


_NAME: Final = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,249}")
"""Of topics and of static members, as Kafka checks them."""


def _check_topic(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(
            "write a name that Kafka takes: 1 to 249 letters, digits, dots, underscores and dashes, not . or .."
        )
    return value


def _check_each_once(value: list[str]) -> list[str]:
    if len(set(value)) < len(value):
        raise ValueError("name each topic once")
    return value


_Topic = Annotated[str, AfterValidator(_check_topic)]


class KafkaSasl(Document):
    """Who we are to the broker."""

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    username: str
    password_file: Path
    """Holds the password alone; a line break at its end is ignored."""


class KafkaConnection(Document):
    """A broker and how to speak to it."""

    bootstrap_servers: Servers
    """host:port of some brokers of the cluster; a list, or one string with commas."""
    tls: ClientTls | None = None
    """Absent: no TLS. An empty mapping: TLS with the system's certificates."""
    sasl: KafkaSasl | None = None

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
        list[_Topic],
        BeforeValidator(split_commas),
        Field(min_length=1, validation_alias=AliasChoices("topics", "topic")),
        AfterValidator(_check_each_once),
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
    group_instance_id: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    """Makes the member static (KIP-345): one that comes back under its id within the session timeout gets its
    partitions back, and the others go on undisturbed; in turn, what a member leaves for good waits for that timeout.
    Each member needs an id of its own that lasts: `${NAME}` stands for a variable of the environment, as in
    `${HOSTNAME}`, which is lasting for the pods of a StatefulSet and not for those of a Deployment. Of two members with
    one id, each takes the partitions from the other with every heartbeat, for ever (measured on Apache Kafka)."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_topics_twice(cls, value: object) -> object:
        if {"topic", "topics"} <= _keys(value):
            raise ValueError("set topic or topics, not both")
        return value


def _keys(value: object) -> set[str]:
    return set(cast("Mapping[str, object]", value)) if isinstance(value, Mapping) else set()


def resolve_group_instance_id(value: str, environ: Mapping[str, str]) -> str:
    """Puts variables of the environment into `group_instance_id`.

    Raises:
        ValueError: One is not set, or the result is no id that Kafka takes.
    """
    try:
        resolved = Template(value).substitute(environ)
    except KeyError as error:
        raise ValueError(f"variable {error.args[0]} is not set; in a pod, set it by the Downward API") from error
    except ValueError as error:
        raise ValueError("write variables as ${NAME}") from error
    if not _NAME.fullmatch(resolved):
        raise ValueError(
            f"{resolved!r} is no id for Kafka: take 1 to 249 letters, digits, dots, underscores and dashes"
        )
    return resolved


class KafkaOutput(KafkaConnection):
    """Where records of an output go."""

    kind: Literal["kafka"]
    topic: _Topic
