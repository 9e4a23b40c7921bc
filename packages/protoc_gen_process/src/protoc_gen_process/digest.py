"""One number for a contract: equal digests mean equal contracts.

Comments, positions and the fields that messages happen to have are no part of it; names, types, roles and every
resolved option are.
"""

import dataclasses
import hashlib
import json
from datetime import timedelta
from enum import Enum
from typing import cast

from protoc_gen_process.model import Process


def contract_digest(process: Process) -> str:
    """Returns the SHA-256 of the canonical form of a contract, hex."""
    canonical = json.dumps(_canonical(process), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _canonical(value: object) -> object:
    """Returns the JSON form of a model value."""
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field for field in dataclasses.fields(value) if field.metadata.get("digest", True)]
        # The class tells values of equal fields apart, such as the kinds of segments.
        return {"": type(value).__name__} | {field.name: _canonical(getattr(value, field.name)) for field in fields}
    if isinstance(value, tuple):
        return [_canonical(item) for item in cast("tuple[object, ...]", value)]
    if isinstance(value, timedelta):
        return value // timedelta(microseconds=1)
    if value is None or isinstance(value, str | int | float):
        return value
    msg = f"no canonical form of {type(value).__name__}"
    raise TypeError(msg)
