"""Gives the business tests the generated fixture."""

from event_journal_generated.testing import process

__all__ = ["process"]
