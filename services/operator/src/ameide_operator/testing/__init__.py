"""What tests of the operator share."""

from ameide_operator.testing._samples import merged, process_resource

__all__ = ["merged", "process_resource"]
