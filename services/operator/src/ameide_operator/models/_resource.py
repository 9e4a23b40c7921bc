"""Names of the resource in the Kubernetes API."""

from typing import Final

GROUP: Final = "ameide.io"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "Process"
PLURAL: Final = "processes"
SINGULAR: Final = "process"
SHORT_NAMES: Final = ("proc",)
MANAGER: Final = "ameide-operator"
"""Field manager of all that the operator writes, and value of app.kubernetes.io/managed-by."""
