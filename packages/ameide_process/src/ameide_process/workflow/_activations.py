"""How workflow code lets the SDK take breath: it goes on in a later activation of the workflow.

A timer would do, but the server fires it a second later, however short it is (measured, server 1.32).
"""

from datetime import timedelta

from temporalio import workflow

NEXT_ACTIVATION_ACTIVITY = "ameide.next-activation"
"""Temporal activity type of an activity that does nothing; every worker registers it."""

START_TO_CLOSE = timedelta(seconds=10)
"""Temporal demands one; the activity runs in the worker itself and returns at once."""


async def next_activation() -> None:
    """Returns in a later activation, of the same workflow task where that is not over yet."""
    await workflow.execute_local_activity(NEXT_ACTIVATION_ACTIVITY, start_to_close_timeout=START_TO_CLOSE)
