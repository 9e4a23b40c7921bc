"""How a workflow calls the activities of its process."""

import asyncio
from contextvars import ContextVar
from datetime import timedelta
from hashlib import blake2b
from typing import Any

from google.protobuf.message import Message
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

from ameide_process.contract import ActivityContract, RequestT, ResponseT, RetryOptions

DEFAULT_START_TO_CLOSE = timedelta(seconds=30)
"""Longest attempt of an activity whose proto says no timeout; Temporal demands one."""

HANDLER_SCHEDULE_TO_CLOSE = timedelta(seconds=60)
"""Longest activity in a handler whose proto says no limit: the events behind the handler wait for it."""

in_handler: ContextVar[bool] = ContextVar("in_handler", default=False)
"""Whether the code runs inside a handler; tasks that a handler starts inherit it."""


class ActivityCalls:
    """Typed calls of a process's activities; generated code adds a method per rpc.

    Attributes:
        in_flight: Calls that have not come back. Continue-As-New waits for them: leaving while `run` awaits an
            activity would execute it twice.
    """

    def __init__(self) -> None:
        self.in_flight = 0

    async def execute(
        self, activity: ActivityContract[RequestT, ResponseT], request: RequestT, *, key: str | None = None
    ) -> ResponseT:
        """Calls an activity and returns its response.

        Args:
            activity: The activity.
            request: Its argument.
            key: Tells an intended repetition from a retry: two calls of one workflow with equal requests carry the
                same idempotency key unless their `key` differs.

        Raises:
            ActivityError: The activity failed for good.
            asyncio.CancelledError: The caller was cancelled meanwhile, and the activity with it.
        """
        schedule_to_close = activity.schedule_to_close
        if schedule_to_close is None and in_handler.get():
            schedule_to_close = HANDLER_SCHEDULE_TO_CLOSE
        start_to_close = activity.start_to_close
        if start_to_close is None and activity.schedule_to_close is None:
            start_to_close = DEFAULT_START_TO_CLOSE
        self.in_flight += 1
        try:
            return await workflow.execute_activity(
                activity.name,
                args=[request, _idempotency_key(activity, request, key)],
                result_type=activity.response_type,
                task_queue=activity.task_queue,
                schedule_to_close_timeout=schedule_to_close,
                start_to_close_timeout=start_to_close,
                heartbeat_timeout=activity.heartbeat,
                retry_policy=_retry_policy(activity.retry),
            )
        except ActivityError as error:
            # The SDK hides a cancellation of the caller in an error of the activity, where `except CancelledError`,
            # `asyncio.timeout` and the like do not look for it.
            task = asyncio.current_task()
            if is_cancelled_exception(error) and task is not None and task.cancelling():
                raise asyncio.CancelledError from error
            raise
        finally:
            self.in_flight -= 1


def _idempotency_key(activity: ActivityContract[Any, Any], request: Message, key: str | None) -> str:
    info = workflow.info()
    return idempotency_key(
        info.workflow_id,
        info.first_execution_run_id,
        activity.name,
        request.SerializeToString(deterministic=True),
        key or "",
    )


def idempotency_key(workflow_id: str, first_run_id: str, activity: str, request: bytes, key: str) -> str:
    """Idempotency key of a call: stable across retries, worker restarts and Continue-As-New.

    Returns:
        Hash of all arguments, 32 hex digits.
    """
    hashed = blake2b(digest_size=16)
    for part in (workflow_id.encode(), first_run_id.encode(), activity.encode(), request, key.encode()):
        # The length before each part keeps ("a", "bc") and ("ab", "c") apart.
        hashed.update(len(part).to_bytes(8, "big"))
        hashed.update(part)
    return hashed.hexdigest()


def _retry_policy(retry: RetryOptions | None) -> RetryPolicy | None:
    if retry is None:
        return None
    defaults = RetryPolicy()
    return RetryPolicy(
        initial_interval=retry.initial_interval or defaults.initial_interval,
        backoff_coefficient=retry.backoff_coefficient or defaults.backoff_coefficient,
        maximum_interval=retry.maximum_interval,
        maximum_attempts=retry.maximum_attempts or defaults.maximum_attempts,
        non_retryable_error_types=retry.non_retryable_error_types or None,
    )
