"""Gives the business tests the generated fixture."""

from order_fulfillment_generated.testing import process

__all__ = ["process"]
