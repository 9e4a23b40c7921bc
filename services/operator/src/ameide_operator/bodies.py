"""Reads objects of the Kubernetes API, in which any part may be absent."""

from collections.abc import Mapping
from typing import Any, cast


def mapping_at(body: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The mapping at a path; empty where there is none."""
    for part in path:
        body = cast("Mapping[str, Any]", body.get(part) or {})
    return body


def list_at(body: Mapping[str, Any], *path: str) -> list[Mapping[str, Any]]:
    """The list of mappings at a path; empty where there is none."""
    *above, last = path
    return cast("list[Mapping[str, Any]]", mapping_at(body, *above).get(last) or [])
