"""Gives the business tests the generated fixture."""

from sprint_timebox_generated.testing import process

__all__ = ["process"]
