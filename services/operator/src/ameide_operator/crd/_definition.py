"""The CustomResourceDefinition of Process, derived from the models."""

from typing import Any, Final

import yaml

from ameide_operator.crd._structural import structural_schema
from ameide_operator.models import (
    GROUP,
    KIND,
    PLURAL,
    SHORT_NAMES,
    SINGULAR,
    VALIDATIONS,
    VERSION,
    ConditionType,
    ProcessSpec,
    ProcessStatus,
)

CRD_NAME: Final = f"{PLURAL}.{GROUP}"
_HEADER: Final = "# Written by `ameide-operator crd` from ameide_operator.models. Do not edit.\n"
_DESCRIPTION: Final = (
    "Process runs a Temporal process that was generated from an annotated proto: its worker, its ingress, and what "
    "they need. Status says what is missing or broken, by conditions whose messages say what to do."
)
# Child names, labels and Temporal's Worker Deployment are made of it.
_NAME_RULE: Final = {
    "rule": "self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
    "message": "metadata.name must be a label: lower-case letters, digits and '-', at most 63, beginning with a letter",
}


def process_crd() -> dict[str, Any]:
    """The CustomResourceDefinition as the API server takes it."""
    spec = structural_schema(ProcessSpec) | {"description": "What to run, and what it needs."}
    status = structural_schema(ProcessStatus) | {"description": "What the operator saw last."}
    schema: dict[str, Any] = {
        "type": "object",
        "description": _DESCRIPTION,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": "Version of this schema."},
            "kind": {"type": "string", "description": f"Always {KIND}."},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
        VALIDATIONS: [_NAME_RULE],
    }
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": _printer_columns(),
        "schema": {"openAPIV3Schema": schema},
    }
    names = {"kind": KIND, "listKind": f"{KIND}List", "plural": PLURAL, "singular": SINGULAR}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": CRD_NAME},
        "spec": {
            "group": GROUP,
            "names": {**names, "shortNames": list(SHORT_NAMES)},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def process_crd_yaml() -> str:
    """The same as YAML, stable in every byte."""
    return _HEADER + yaml.safe_dump(process_crd(), sort_keys=False, width=120, allow_unicode=True)


def _printer_columns() -> list[dict[str, Any]]:
    def condition(kind: ConditionType, field: str) -> str:
        return f'.status.conditions[?(@.type=="{kind.value}")].{field}'

    def column(name: str, path: str, description: str, *, wide: bool = False) -> dict[str, Any]:
        kind = "date" if name == "Age" else "string"
        shown = {"name": name, "type": kind, "jsonPath": path, "description": description}
        return {**shown, "priority": 1} if wide else shown

    return [
        column("Ready", condition(ConditionType.READY, "status"), "Whether all is as it should be."),
        column("Worker", ".status.worker.summary", "Ready of wanted worker pods."),
        column("Ingress", ".status.ingress.summary", "Ready of wanted ingress pods."),
        column("Temporal", condition(ConditionType.TEMPORAL_READY, "reason"), "How the Temporal frontend answers."),
        column("Age", ".metadata.creationTimestamp", "Time since the resource was created."),
        column("Reason", condition(ConditionType.READY, "reason"), "First reason why it is not ready.", wide=True),
        column("Namespace", ".spec.temporal.namespace", "Temporal namespace.", wide=True),
    ]
