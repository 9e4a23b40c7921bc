"""The Kubernetes API as the operator calls it."""

from ameide_operator.kubernetes._cluster import CONFLICT, MANAGED, NOT_FOUND, Body, Cluster
from ameide_operator.kubernetes._kinds import KINDS, POD, SECRET

__all__ = ["CONFLICT", "KINDS", "MANAGED", "NOT_FOUND", "POD", "SECRET", "Body", "Cluster"]
