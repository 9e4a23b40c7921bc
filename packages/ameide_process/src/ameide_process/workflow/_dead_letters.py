"""How a workflow hands events to the dead-letter stream: by one activity of the worker."""

from collections.abc import Sequence
from datetime import timedelta

from ameide_core_proto.process.v1.process_runtime_pb2 import DeadLetterEvent, DeadLetterRequest, DeadLetterResponse
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import FailureError

from ameide_process.invalid_event import InvalidReason
from ameide_process.workflow._carry_over import binary_argument

DEAD_LETTER_ACTIVITY = "ameide.dead-letter"
"""Temporal activity type; every worker registers it."""

START_TO_CLOSE = timedelta(seconds=30)
"""Longest attempt; the stream answers within seconds or is away."""

RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60))
"""Retried for ever: an event is never given up because the stream is away."""

ARGUMENT_BYTES = 2_000_000
"""Longest argument of an activity; Temporal takes 2 MB. That of a local activity does not go into the history, and so
takes an event of any size."""

LOCAL_START_TO_CLOSE = timedelta(seconds=5)
"""Longest attempt within a workflow task, which itself may take 10 s."""


async def dead_letter(payloads: Sequence[Payload], reason: InvalidReason, message: str) -> None:
    """Returns once the dead-letter stream has acknowledged the events.

    Args:
        payloads: The events as the workflow received them.
        reason: Why they were not applied.
        message: The same for people.
    """
    argument = _argument(payloads, reason, message)
    if argument.payload.ByteSize() > ARGUMENT_BYTES:
        await _execute_locally(argument, RETRY)
        return
    await workflow.execute_activity(
        DEAD_LETTER_ACTIVITY,
        argument,
        result_type=DeadLetterResponse,
        start_to_close_timeout=START_TO_CLOSE,
        retry_policy=RETRY,
    )


async def dead_letter_at_once(payloads: Sequence[Payload], reason: InvalidReason, message: str) -> None:
    """The same, within the workflow task where the stream answers: no event can arrive meanwhile.

    A workflow that is to end would else never do so under a stream of events: each time that the activity was done,
    the next event would be there.
    """
    try:
        await _execute_locally(_argument(payloads, reason, message), RetryPolicy(maximum_attempts=1))
    except FailureError:
        # Temporal retries this one; a local activity that is retried for days fills the history.
        await dead_letter(payloads, reason, message)


async def _execute_locally(argument: RawValue, retry: RetryPolicy) -> None:
    await workflow.execute_local_activity(
        DEAD_LETTER_ACTIVITY,
        argument,
        result_type=DeadLetterResponse,
        start_to_close_timeout=LOCAL_START_TO_CLOSE,
        local_retry_threshold=LOCAL_START_TO_CLOSE,
        retry_policy=retry,
    )


def _argument(payloads: Sequence[Payload], reason: InvalidReason, message: str) -> RawValue:
    """Binary: base64 in protobuf-JSON would push the largest event over Temporal's 2 MB."""
    return binary_argument(
        DeadLetterRequest(
            events=[
                DeadLetterEvent(payload=payload.SerializeToString(deterministic=True), reason=reason, message=message)
                for payload in payloads
            ]
        )
    )
