"""Whose an object is, and which of its fields are ours: read from what the API server keeps about it."""

import json
from collections.abc import Mapping
from typing import Any

from ameide_operator.bodies import list_at
from ameide_operator.models import MANAGER


def controller_uid(body: Mapping[str, Any]) -> str | None:
    """Uid of the resource that controls an object."""
    for reference in list_at(body, "metadata", "ownerReferences"):
        if reference.get("controller"):
            return reference["uid"]
    return None


def controller_name(body: Mapping[str, Any]) -> str:
    """Who controls an object, for people."""
    for reference in list_at(body, "metadata", "ownerReferences"):
        if reference.get("controller"):
            return f"{reference['kind']} {reference['name']!r}"
    return "nobody that says so"


def owned_fields(body: Mapping[str, Any]) -> str:
    """The fields that we have applied and nobody has changed since.

    Who changes a field's value, or removes it, takes it from its owner; so as long as this is what it was after our
    last write, every field still has the value that we wrote.
    """
    for entry in list_at(body, "metadata", "managedFields"):
        if entry.get("manager") == MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource"):
            return json.dumps(entry.get("fieldsV1"), sort_keys=True)
    return ""
