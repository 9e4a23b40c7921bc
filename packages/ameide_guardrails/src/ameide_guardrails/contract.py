"""The contract of a process: `contract.json` as the generator writes it, `contract.lock.json` as it was released."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

CONTRACT_FILE: Final = "contract.json"
"""Beside the generated package."""

LOCK_FILE: Final = "contract.lock.json"
"""In the folder of the process that a person writes; a process without one is unreleased."""


class ContractFileError(Exception):
    """A file is no contract; the message names it and says what is wrong and what to do."""


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Payload(_Part):
    """A case of the envelope."""

    message: str
    role: str
    event_type: str


class Activity(_Part):
    """An activity type."""

    request: str
    response: str


class Subscription(_Part):
    """A stream that the ingress consumes."""

    kind: str
    binding_ref: str


class Emission(_Part):
    """An event that the process emits."""

    event_type: str
    stream_ref: str
    data_schema: str | None
    partition_key: list[str]
    """Paths of the fields that make the record key; empty: the workflow id does."""
    event_id: list[str]
    """Paths of the fields that make the event id; empty: workflow and position do."""


class Contract(_Part):
    """All of a process that others rely on: events in flight and stored, running workflows, callers.

    Fields of messages are as `FieldSchema.declaration` of the generator writes them: `optional string = 3`.
    """

    generated: str
    name: str
    api_major: int = Field(ge=1)
    api_minor: int = Field(ge=0)
    workflow_type: str
    default_task_queue: str
    kind: str
    reuse_policy: str
    versioning_behavior: str
    dedupe_window: int
    workflow_id: str
    workflow_key: list[str]
    idempotency_key: str
    schema_version: str
    envelope: str
    payloads: Mapping[str, Payload]
    starts: Mapping[str, str]
    state: str | None
    result: str | None
    activities: Mapping[str, Activity]
    subscriptions: Mapping[str, Subscription]
    emits: Mapping[str, Emission]
    messages: Mapping[str, Mapping[str, str]]
    enums: Mapping[str, Mapping[str, int]]


def read_contract(path: Path) -> Contract:
    """Reads a contract or a lock file.

    Raises:
        ContractFileError: The file is missing, is no JSON, or is no contract.
    """
    remedy = "restore it from version control" if path.name == LOCK_FILE else "write it anew: uvx nox -s regen"
    try:
        return Contract.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ContractFileError(f"{path}: {error.strerror}; {remedy}") from error
    except UnicodeDecodeError as error:
        raise ContractFileError(f"{path}: not UTF-8 at byte {error.start}; {remedy}") from error
    except json.JSONDecodeError as error:
        raise ContractFileError(f"{path}:{error.lineno}:{error.colno}: no JSON: {error.msg}; {remedy}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ContractFileError(f"{path}: no contract: {place}: {first['msg']}; {remedy}") from error
