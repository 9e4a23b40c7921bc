"""Whose an object is, and which of its fields are ours: read from what the API server keeps about it."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from ameide_operator.bodies import list_at, mapping_at
from ameide_operator.models import GROUP, KIND, MANAGER

_DIGEST: Final = "digest"
"""Key of an entry that `owners_alone` has shortened: digest of its fields."""

_REPLICAS: Final[Mapping[str, Any]] = {"f:spec": {"f:replicas": {}}}


def controller_uid(body: Mapping[str, Any]) -> str | None:
    """Uid of the resource that controls an object."""
    reference = _controller(body)
    return reference["uid"] if reference else None


def controller_name(body: Mapping[str, Any]) -> str:
    """Who controls an object, for people."""
    reference = _controller(body)
    return f"{reference['kind']} {reference['name']!r}" if reference else "nobody that says so"


def controlling_process(body: Mapping[str, Any]) -> str | None:
    """Name of the Process that controls an object; None where none does."""
    reference = _controller(body)
    if not reference or reference["kind"] != KIND or not reference["apiVersion"].startswith(f"{GROUP}/"):
        return None
    return reference["name"]


def _controller(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next((each for each in list_at(body, "metadata", "ownerReferences") if each.get("controller")), None)


def owned_fields(body: Mapping[str, Any]) -> str:
    """Digest of the fields that we have applied and nobody has changed since; empty where there are none.

    Who changes a field's value, or removes it, takes it from its owner; so as long as this is what it was after our
    last write, every field still has the value that we wrote.
    """
    for entry in list_at(body, "metadata", "managedFields"):
        if entry.get("manager") == MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource"):
            return entry.get(_DIGEST) or _digest(entry)
    return ""


def owners_alone(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The managed fields of an object as far as they are asked for: a digest of ours, and who owns the replicas."""
    kept: list[dict[str, Any]] = []
    for entry in list_at(body, "metadata", "managedFields"):
        names = ("manager", "operation", "subresource")
        short: dict[str, Any] = {name: entry[name] for name in names if name in entry}
        short[_DIGEST] = entry.get(_DIGEST) or _digest(entry)
        if "f:replicas" in mapping_at(entry, "fieldsV1", "f:spec"):
            short["fieldsV1"] = _REPLICAS
        kept.append(short)
    return kept


def _digest(entry: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(entry.get("fieldsV1"), sort_keys=True).encode()).hexdigest()
