"""How a workflow hands events to the dead-letter stream: by one activity of the worker."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import cast

from ameide_core_proto.process.v1.process_runtime_pb2 import DeadLetterEvent, DeadLetterRequest, DeadLetterResponse
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue, RetryPolicy

from ameide_process.invalid_event import InvalidReason
from ameide_process.workflow._activations import next_activation
from ameide_process.workflow._carry_over import binary_argument

DEAD_LETTER_ACTIVITY = "ameide.dead-letter"
"""Temporal activity type; every worker registers it."""

DEAD_LETTER_FUNCTION = "ameide.dead-letter"
"""Function that workers give their workflows: takes a `DeadLetterRequest`, returns once the stream has its events."""

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
    argument = binary_argument(_request(payloads, reason, message))
    if argument.payload.ByteSize() <= ARGUMENT_BYTES:
        await _execute(argument)
        return
    await workflow.execute_local_activity(
        DEAD_LETTER_ACTIVITY,
        argument,
        result_type=DeadLetterResponse,
        start_to_close_timeout=LOCAL_START_TO_CLOSE,
        local_retry_threshold=LOCAL_START_TO_CLOSE,
        retry_policy=RETRY,
    )
    # A local activity does not say which signals came before its end.
    await next_activation()


def dead_letter_at_once(payloads: Sequence[Payload], reason: InvalidReason, message: str) -> None:
    """The same for the last events of a workflow that ends in this activation: no event can arrive meanwhile.

    Nothing of it is in the history. A workflow task that fails, since the stream is away or another event has come,
    hands the events over again; one that was recorded has done so.

    Raises:
        Exception: The stream has not acknowledged them; Temporal tries the workflow task again.
    """
    if workflow.unsafe.is_replaying():
        return
    info = workflow.info()
    request = _request(payloads, reason, message)
    request.workflow_id, request.run_id = info.workflow_id, info.run_id
    functions = cast("Mapping[str, Callable[[DeadLetterRequest], None]]", workflow.extern_functions())  # pyright: ignore[reportUnknownMemberType] -- the SDK's bare Callable
    with workflow.unsafe.sandbox_unrestricted():
        functions[DEAD_LETTER_FUNCTION](request)


def _request(payloads: Sequence[Payload], reason: InvalidReason, message: str) -> DeadLetterRequest:
    return DeadLetterRequest(
        events=[
            DeadLetterEvent(payload=payload.SerializeToString(deterministic=True), reason=reason, message=message)
            for payload in payloads
        ]
    )


async def _execute(argument: RawValue) -> None:
    """Binary: base64 in protobuf-JSON would push the largest event over Temporal's 2 MB."""
    await workflow.execute_activity(
        DEAD_LETTER_ACTIVITY,
        argument,
        result_type=DeadLetterResponse,
        start_to_close_timeout=START_TO_CLOSE,
        retry_policy=RETRY,
    )
