"""The CustomResourceDefinition, derived from the models."""

from ameide_operator.crd._definition import CRD_NAME, process_crd, process_crd_yaml
from ameide_operator.crd._structural import structural_schema

__all__ = ["CRD_NAME", "process_crd", "process_crd_yaml", "structural_schema"]
