"""The Kubernetes API as the operator calls it."""

from ameide_operator.kubernetes._cluster import (
    CONFLICT,
    FORBIDDEN,
    GONE,
    MANAGED,
    NOT_FOUND,
    TOO_MANY_REQUESTS,
    WATCH_SECONDS,
    Body,
    Cluster,
    seconds_to_wait,
)
from ameide_operator.kubernetes._kinds import EVENT, KINDS, POD, SECRET

__all__ = [
    "CONFLICT",
    "EVENT",
    "FORBIDDEN",
    "GONE",
    "KINDS",
    "MANAGED",
    "NOT_FOUND",
    "POD",
    "SECRET",
    "TOO_MANY_REQUESTS",
    "WATCH_SECONDS",
    "Body",
    "Cluster",
    "seconds_to_wait",
]
