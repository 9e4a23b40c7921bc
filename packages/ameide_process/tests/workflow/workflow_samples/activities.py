"""The activities of the sample processes. Passed through the sandbox, like the generated module of the same name."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final, Protocol

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    RefundPaymentRequest,
    RefundPaymentResponse,
    ReleaseStockRequest,
    ReleaseStockResponse,
    ReserveStockRequest,
    ReserveStockResponse,
)
from ameide_process.contract import ActivityContract, RetryOptions
from ameide_process.workflow import ActivityCalls
from temporalio import activity

RESERVE: Final = ActivityContract(
    name="Sample.Reserve", request_type=ReserveStockRequest, response_type=ReserveStockResponse
)
"""Says nothing about timeouts."""

RELEASE: Final = ActivityContract(
    name="Sample.Release", request_type=ReleaseStockRequest, response_type=ReleaseStockResponse
)

REFUND: Final = ActivityContract(
    name="Sample.Refund",
    request_type=RefundPaymentRequest,
    response_type=RefundPaymentResponse,
    start_to_close=timedelta(seconds=7),
    schedule_to_close=timedelta(seconds=700),
    heartbeat=timedelta(seconds=3),
    retry=RetryOptions(
        initial_interval=timedelta(milliseconds=1),
        backoff_coefficient=1.5,
        maximum_interval=timedelta(seconds=9),
        maximum_attempts=4,
        non_retryable_error_types=("Broken",),
    ),
)
"""Says everything but the task queue."""

ELSEWHERE: Final = ActivityContract(
    name="Sample.Refund",
    request_type=RefundPaymentRequest,
    response_type=RefundPaymentResponse,
    schedule_to_close=timedelta(milliseconds=1),
    task_queue="elsewhere",
)
"""Runs on a task queue that nobody polls."""


class SampleActivities(Protocol):
    """What a test implements."""

    async def reserve(self, request: ReserveStockRequest, *, idempotency_key: str) -> ReserveStockResponse:
        """The activity that `run` or a handler awaits."""
        ...

    async def release(self, request: ReleaseStockRequest, *, idempotency_key: str) -> ReleaseStockResponse:
        """The compensating activity."""
        ...

    async def refund(self, request: RefundPaymentRequest, *, idempotency_key: str) -> RefundPaymentResponse:
        """The activity with every option."""
        ...


class SampleActivityCalls(ActivityCalls):
    """How the sample processes call them."""

    async def reserve(self, request: ReserveStockRequest, *, key: str | None = None) -> ReserveStockResponse:
        """Calls `RESERVE`."""
        return await self.execute(RESERVE, request, key=key)

    async def release(self, request: ReleaseStockRequest, *, key: str | None = None) -> ReleaseStockResponse:
        """Calls `RELEASE`."""
        return await self.execute(RELEASE, request, key=key)

    async def refund(self, request: RefundPaymentRequest, *, key: str | None = None) -> RefundPaymentResponse:
        """Calls `REFUND`."""
        return await self.execute(REFUND, request, key=key)

    async def refund_elsewhere(self, request: RefundPaymentRequest) -> RefundPaymentResponse:
        """Calls `ELSEWHERE`."""
        return await self.execute(ELSEWHERE, request)


def registrations(implementation: SampleActivities) -> Sequence[Callable[..., Any]]:
    """The activity functions that the worker registers with Temporal."""

    @activity.defn(name=RESERVE.name)
    async def reserve(request: ReserveStockRequest, idempotency_key: str) -> ReserveStockResponse:
        return await implementation.reserve(request, idempotency_key=idempotency_key)

    @activity.defn(name=RELEASE.name)
    async def release(request: ReleaseStockRequest, idempotency_key: str) -> ReleaseStockResponse:
        return await implementation.release(request, idempotency_key=idempotency_key)

    @activity.defn(name=REFUND.name)
    async def refund(request: RefundPaymentRequest, idempotency_key: str) -> RefundPaymentResponse:
        return await implementation.refund(request, idempotency_key=idempotency_key)

    return (reserve, release, refund)
