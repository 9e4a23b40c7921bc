"""Gives the business tests the generated fixture."""

from quote_approval_generated.testing import process

__all__ = ["process"]
