"""How a workflow hands events to the dead-letter stream: by one activity of the worker."""

from collections.abc import Sequence
from datetime import timedelta

from ameide_core_proto.process.v1.process_runtime_pb2 import DeadLetterEvent, DeadLetterRequest, DeadLetterResponse
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RetryPolicy

from ameide_process.invalid_event import InvalidReason
from ameide_process.workflow._carry_over import binary_argument

DEAD_LETTER_ACTIVITY = "ameide.dead-letter"
"""Temporal activity type; every worker registers it."""

START_TO_CLOSE = timedelta(seconds=30)
"""Longest attempt; the stream answers within seconds or is away."""

RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60))
"""Retried for ever: an event is never given up because the stream is away."""


async def dead_letter(payloads: Sequence[Payload], reason: InvalidReason, message: str) -> None:
    """Returns once the dead-letter stream has acknowledged the events.

    Args:
        payloads: The events as the workflow received them.
        reason: Why they were not applied.
        message: The same for people.
    """
    request = DeadLetterRequest(
        events=[
            DeadLetterEvent(payload=payload.SerializeToString(), reason=reason, message=message) for payload in payloads
        ]
    )
    await workflow.execute_activity(
        DEAD_LETTER_ACTIVITY,
        # Binary: base64 in protobuf-JSON would push the largest event over Temporal's 2 MB.
        binary_argument(request),
        result_type=DeadLetterResponse,
        start_to_close_timeout=START_TO_CLOSE,
        retry_policy=RETRY,
    )
