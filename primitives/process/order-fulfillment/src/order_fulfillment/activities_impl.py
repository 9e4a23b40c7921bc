"""The outside world of order fulfilment.

This example has no warehouse and no payment provider to call: it logs what it would ask of them. Each answer is
derived from the idempotency key, so that a repeated attempt gets the same answer, as a real provider would give it.
"""

from typing import final

import structlog
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    RefundPaymentRequest,
    RefundPaymentResponse,
    ReleaseStockRequest,
    ReleaseStockResponse,
    ReserveStockRequest,
    ReserveStockResponse,
)
from order_fulfillment_generated.activities import OrderFulfillmentActivities

_log = structlog.get_logger()


@final
class OrderFulfillmentActivitiesImpl(OrderFulfillmentActivities):
    """Logs the request and answers as a provider that honours idempotency keys."""

    async def reserve_stock(self, request: ReserveStockRequest, *, idempotency_key: str) -> ReserveStockResponse:
        """Reserves the stock of a placed order."""
        await _log.ainfo("stock reserved", order_id=request.key.order_id, lines=len(request.lines))
        return ReserveStockResponse(reservation_id=f"reservation-{idempotency_key[:8]}")

    async def release_stock(self, request: ReleaseStockRequest, *, idempotency_key: str) -> ReleaseStockResponse:
        """Gives reserved stock back."""
        await _log.ainfo("stock released", order_id=request.key.order_id, idempotency_key=idempotency_key)
        return ReleaseStockResponse()

    async def refund_payment(self, request: RefundPaymentRequest, *, idempotency_key: str) -> RefundPaymentResponse:
        """Pays an authorized payment back."""
        await _log.ainfo("payment refunded", order_id=request.key.order_id, payment_id=request.payment_id)
        return RefundPaymentResponse(refund_id=f"refund-{idempotency_key[:8]}")
